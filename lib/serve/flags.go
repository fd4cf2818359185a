package serve

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
)

// Flags are the options of a server's frame as a user gives them; each has an environment variable
// P2P_<FLAG> beside it.
type Flags struct {
	http, cert, key string
	ops, opsToken   string
	opsHosts        cli.StringSlice
	drain           time.Duration
	events          bool
	maxConns        int
}

// ServerFlags returns the flags that fill f.
func (f *Flags) ServerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "http", Usage: "IP:PORT to answer on (port 0: a free one)", EnvVars: []string{"P2P_HTTP"}, Destination: &f.http},
		&cli.StringFlag{Name: "tls-cert", TakesFile: true, Usage: "file with the certificate chain (PEM); read again on SIGHUP", EnvVars: []string{"P2P_TLS_CERT"}, Destination: &f.cert},
		&cli.StringFlag{Name: "tls-key", TakesFile: true, Usage: "file with its private key (PEM)", EnvVars: []string{"P2P_TLS_KEY"}, Destination: &f.key},
		&cli.StringFlag{Name: "ops", Usage: "IP:PORT for /healthz, /readyz and /metrics, or none", Value: "127.0.0.1:0", EnvVars: []string{"P2P_OPS"}, Destination: &f.ops},
		&cli.StringSliceFlag{Name: "ops-host", Usage: "host name under which the ops port may be asked; may be given again", EnvVars: []string{"P2P_OPS_HOST"}, Destination: &f.opsHosts},
		&cli.StringFlag{Name: "ops-token", TakesFile: true, Usage: "file with \"name token\" lines for /metrics; needed beyond loopback", EnvVars: []string{"P2P_OPS_TOKEN"}, Destination: &f.opsToken},
		&cli.IntFlag{Name: "max-conns", Usage: "connections open at the same time", Value: 512, EnvVars: []string{"P2P_MAX_CONNS"}, Destination: &f.maxConns},
		&cli.DurationFlag{Name: "drain", Usage: "how long answers under way may take after a stop is asked for", Value: 10 * time.Second, EnvVars: []string{"P2P_DRAIN"}, Destination: &f.drain},
		&cli.BoolFlag{Name: "events", Usage: "print what happens as NDJSON lines, not only ready and stopped", Destination: &f.events},
	}
}

// Options checks the values of the flags; no file was read and no port taken when it fails.
func (f *Flags) Options() (Options, *fail.Error) {
	o := Options{TLSCert: f.cert, TLSKey: f.key, OpsToken: f.opsToken, Drain: f.drain, Events: f.events, MaxConns: f.maxConns}
	for _, hosts := range f.opsHosts.Value() {
		o.OpsHosts = append(o.OpsHosts, strings.Fields(hosts)...) // the environment separates by blanks
	}
	var err *fail.Error
	if o.HTTP, err = parsePlace("--http", f.http); err != nil {
		return o, err
	}
	if f.ops != "none" {
		if o.Ops, err = parsePlace("--ops", f.ops); err != nil {
			return o, err.WithHint("such as --ops 127.0.0.1:9600, or --ops none")
		}
	}
	switch {
	case (f.cert == "") != (f.key == ""):
		return o, fail.New(fail.UsageFlag, "--tls-cert and --tls-key belong together").WithHint("give both, or neither for plain HTTP")
	case f.drain < 0:
		return o, fail.New(fail.UsageFlag, "--drain %s is negative", f.drain).WithHint("such as --drain 10s; 0 cuts at once")
	case f.maxConns < 1:
		return o, fail.New(fail.UsageFlag, "--max-conns %d: at least 1", f.maxConns)
	case o.Ops.set() && !o.Ops.loopback() && f.opsToken == "":
		return o, fail.New(fail.UsageFlag, "--ops %s can be reached from other machines, and --ops-token is missing", f.ops).
			WithHint("--ops 127.0.0.1:0, or --ops-token FILE with a line \"name token\"")
	}
	return o, nil
}
