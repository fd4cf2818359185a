package probe

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/probe"
)

type multiaddrOptions struct {
	probe.Flags
	want        cli.StringSlice
	all, strict bool
	browser     bool
	jobs        int
	pictures    pictures
	watch       time.Duration
}

func multiaddrCommand() *cmd.Node {
	var o multiaddrOptions
	return cmd.Command(cmd.Leaf{
		Name:  "multiaddr",
		Short: "probe exactly the addresses given",
		Long: "One fresh dial per exact address, every stage timed. A target is good when one of its addresses\n" +
			"is (--all: every one). What goes wrong has a code: p2p explain CODE says what to do.\n" +
			"--watch holds the connections, dials anew when one is lost and once a minute, and ends on Ctrl-C (or\n" +
			"--timeout, --deadline) with statistics; the last state is the exit status.\n\n" +
			"    p2p probe /ip4/127.0.0.1/tcp/4001\n" +
			"    p2p probe --want /ipfs/kad/1.0.0 /dns4/example.com/tcp/443/tls/ws\n" +
			"    p2p probe --watch 5s /ip4/127.0.0.1/tcp/4001\n" +
			"    p2p probe --quiet - < bootstrap.txt",
		Args:    []string{"<multiaddr>..."},
		Flags:   o.flags(),
		Results: []any{probe.Report{}, cmd.Summary{}, probe.Pulse{}, Watched{}},
		Schema:  "p2p.probe/1",
		Targets: true,
		Timeout: 30 * time.Second,
		Run:     func(ctx context.Context, c *cmd.Call) error { return runMultiaddr(ctx, c, &o) },
	})
}

func (o *multiaddrOptions) flags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringSliceFlag{Name: "want", Usage: "protocol that must be spoken; may be given again", Destination: &o.want},
		&cli.BoolFlag{Name: "all", Usage: "every address of a target must be good", Destination: &o.all},
		&cli.BoolFlag{Name: "strict", Usage: "an address without a peer id is an error", Destination: &o.strict},
		&cli.BoolFlag{Name: "browser", Usage: "say whether a browser could dial it, and why not", Destination: &o.browser},
		&cli.IntFlag{Name: "jobs", Usage: "targets probed at the same time", Value: 16, Destination: &o.jobs},
		&cli.DurationFlag{Name: "watch", Usage: "ping on held connections this often until Ctrl-C (0: do not)", Destination: &o.watch},
		&cli.StringFlag{Name: "svg", TakesFile: true, Usage: "write the picture to this file", Destination: &o.pictures.svg},
		&cli.StringFlag{Name: "html", TakesFile: true, Usage: "write a page with the picture to this file", Destination: &o.pictures.html},
	}, o.Flags.Flags()...)
}

func runMultiaddr(ctx context.Context, c *cmd.Call, o *multiaddrOptions) error {
	po, err := o.Options()
	if err != nil {
		return err
	}
	po.Want, po.All, po.Strict, po.Browser = o.want.Value(), o.all, o.strict, o.browser
	if err := cmd.CheckJobs(o.jobs); err != nil {
		return err
	}
	if err := checkWatch(o); err != nil {
		return err
	}
	if o.watch > 0 {
		return runWatch(ctx, c, o, po)
	}
	po.Timeout = c.TakeTimeout()
	if err := o.pictures.check(); err != nil {
		return err
	}
	view := probe.NewView(c.Out, targets(c))
	defer view.Close()
	po.Observe = view.Observer()
	p := probe.New(po)
	found := c.Diagnose(ctx, o.jobs, func(ctx context.Context, target string) cmd.Finding {
		view.Begin()
		r := p.Probe(ctx, target)
		view.End(r.OK)
		o.pictures.add(r)
		if c.Streaming() {
			return probe.Brief{Report: r}
		}
		return r
	})
	if err := o.pictures.write(c); err != nil {
		return err
	}
	return found
}

// targets is how many there will be, 0 where stdin says it.
func targets(c *cmd.Call) int {
	if slices.Contains(c.Args, "-") {
		return 0
	}
	return len(c.Args)
}
