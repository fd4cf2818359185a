package probe

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/serve"
)

type serveOptions struct {
	probe.Flags
	serve                serve.Flags
	allow                cli.StringSlice
	private              bool
	token                string
	perClient, perTarget string
	jobs                 int
}

func serveCommand() *cmd.Node {
	var o serveOptions
	return cmd.Command(cmd.Leaf{
		Name:  "serve",
		Short: "answer probes over HTTP, as JSON or for Prometheus",
		Long: "GET /probe?target=MULTIADDR[&want=PROTOCOL][&format=json|prometheus] probes from this machine; the query\n" +
			"sets nothing else. Answers carry no banners or bodies of the remote. Beyond loopback it needs --token or\n" +
			"--allow-target, and addresses that are not public are refused unless --allow-private. A rate is\n" +
			"BURST/INTERVAL: so many at once, then one every interval. Behind a proxy all clients are one.\n" +
			"In Prometheus: metrics_path /probe, params format prometheus, and the target relabelled to __param_target.\n\n" +
			"    p2p probe serve --http 127.0.0.1:9601\n" +
			"    p2p probe serve --http :9601 --token tokens.txt\n" +
			"    p2p probe serve --http :9601 --allow-target node.example.com --tls-cert cert.pem --tls-key key.pem",
		Flags:   o.flags(),
		Results: []any{serve.Ready{}, serve.Stopped{}, serve.Reloaded{}, serve.Draining{}, probed{}},
		Serves:  true,
		Timeout: 30 * time.Second,
		Run:     func(ctx context.Context, c *cmd.Call) error { return runServe(ctx, c, o) },
	})
}

func (o *serveOptions) flags() []cli.Flag {
	own := []cli.Flag{
		&cli.StringFlag{Name: "token", TakesFile: true, Usage: "file with \"name token\" lines, one of which a client must send; read again on SIGHUP", EnvVars: []string{"P2P_TOKEN"}, Destination: &o.token},
		&cli.StringSliceFlag{Name: "allow-target", Usage: "host name, IP address or CIDR that may be probed, and no other; may be given again", Destination: &o.allow},
		&cli.BoolFlag{Name: "allow-private", Usage: "addresses that are not public may be probed too", Destination: &o.private},
		&cli.StringFlag{Name: "per-client", Usage: "rate of requests of one client address", Value: "20/1s", Destination: &o.perClient},
		&cli.StringFlag{Name: "per-target", Usage: "rate of probes of one target host", Value: "10/2s", Destination: &o.perTarget},
		&cli.IntFlag{Name: "jobs", Usage: "targets probed at the same time", Value: 32, Destination: &o.jobs},
	}
	return append(append(o.serve.ServerFlags(), own...), o.Flags.Flags()...)
}

func runServe(ctx context.Context, c *cmd.Call, o serveOptions) error {
	so, bad := o.serve.Options()
	if bad != nil {
		return bad
	}
	if !so.Loopback() && o.token == "" && len(o.allow.Value()) == 0 {
		return fail.New(fail.UsageFlag, "--http %s can be reached from other machines, and anybody could make this one dial: neither --token nor --allow-target is given", so.HTTP).
			WithHint("--token FILE with a line \"name token\", or --allow-target NAME|CIDR, or --http 127.0.0.1:%d", so.HTTP.Port)
	}
	e, warnings, err := o.exporter(c)
	if err != nil {
		return err
	}
	role := serve.Role{
		Name: "probe", Handler: e.handler(so.Loopback()), Answer: e.timeout, Metrics: e.meter.Registry, Warnings: warnings,
		Limits: map[string]any{"per_client": o.perClient, "per_target": o.perTarget, "jobs": o.jobs, "timeout_ms": e.timeout.Milliseconds()},
		Totals: e.meter.totals, Close: e.close,
	}
	if e.tokens != nil {
		role.Reload = []serve.Reload{{File: o.token, Read: e.tokens.Reload}}
	}
	if so.Events {
		e.observe = func(p probed) { _ = c.EmitAs("probed", "p2p.event/1", p) }
	}
	return serve.Run(ctx, c, so, role)
}

// exporter reads every option; nothing listens yet when it fails.
func (o *serveOptions) exporter(c *cmd.Call) (*exporter, []*fail.Error, error) {
	po, err := o.Options()
	if err != nil {
		return nil, nil, err
	}
	po.Discreet = true
	policy, err := probe.ParsePolicy(o.allow.Value(), o.private)
	if err != nil {
		return nil, nil, err
	}
	client, err := serve.ParseRate("--per-client", o.perClient)
	if err != nil {
		return nil, nil, err
	}
	target, err := serve.ParseRate("--per-target", o.perTarget)
	if err != nil {
		return nil, nil, err
	}
	timeout := c.TakeTimeout()
	if timeout < time.Second || o.jobs < 1 {
		return nil, nil, fail.New(fail.UsageFlag, "--timeout %s, --jobs %d: a server needs at least a second and one job", timeout, o.jobs).WithHint("such as --timeout 30s --jobs 32")
	}
	e := newExporter(po, policy, client, target, o.jobs, timeout)
	if o.token == "" {
		return e, nil, nil
	}
	if e.tokens, err = serve.OpenTokens(o.token); err != nil {
		return nil, nil, err
	}
	return e, e.tokens.Warnings(), nil
}
