package addr

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/addr"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
)

func resolveCommand() *cmd.Node {
	var o resolveOptions
	return cmd.Command(cmd.Leaf{
		Name:  "resolve",
		Short: "resolve the names in multiaddrs down to IP addresses",
		Long: "Follows /dns, /dns4, /dns6 and /dnsaddr, also of a relay, and shows every question and answer. It asks the DNS\n" +
			"servers itself, so that the server's own words decide what is wrong.\n\n" +
			"    p2p addr resolve /dnsaddr/bootstrap.libp2p.io\n" +
			"    p2p addr resolve --dns 1.1.1.1:53 /dns4/example.com/tcp/443/wss",
		Args:    []string{"<multiaddr>..."},
		Flags:   o.flags(),
		Targets: true,
		Timeout: 30 * time.Second,
		Results: []any{Resolved{}, cmd.Summary{}},
		Run: func(ctx context.Context, c *cmd.Call) error {
			return c.Diagnose(ctx, o.jobs, func(ctx context.Context, target string) cmd.Finding { return resolve(ctx, &o.resolver, target) })
		},
	})
}

type resolveOptions struct {
	resolver addr.Resolver
	jobs     int
}

func (o *resolveOptions) flags() []cli.Flag {
	return append(o.resolver.Flags(),
		&cli.IntFlag{Name: "jobs", Usage: "targets at the same time", Value: 8, Destination: &o.jobs})
}

// Resolved is what one address leads to.
type Resolved struct {
	OK         bool          `json:"ok"`
	Target     string        `json:"target"`
	Resolved   []string      `json:"resolved"`
	Chain      []addr.Query  `json:"chain"`
	Unresolved []Unresolved  `json:"unresolved"`
	Omitted    int           `json:"omitted,omitempty"` // addresses beyond addr.MaxLeaves
	Warnings   []*fail.Error `json:"warnings"`
	TookMS     float64       `json:"took_ms"`
	Error      *fail.Error   `json:"error,omitempty"`
}

// Unresolved is an address on the way that led nowhere.
type Unresolved struct {
	Addr  string      `json:"addr"`
	Error *fail.Error `json:"error"`
}

func (r *Resolved) Failure() *fail.Error { return r.Error }

// Text shows the addresses, then the questions, then what failed.
func (r *Resolved) Text(w *out.Text) {
	for _, a := range r.Resolved {
		w.Printf("%s\n", out.Clean(a, whole))
	}
	if r.Omitted > 0 {
		w.Printf("… and %d more\n", r.Omitted)
	}
	for _, q := range r.Chain {
		answer := fmt.Sprintf("%d answers", len(q.Answers)+q.Omitted)
		if len(q.Answers) == 1 {
			answer = out.Clean(q.Answers[0], 200)
		}
		if q.Code != "" {
			answer = w.Bad(string(q.Code))
		}
		if len(q.Aliases) > 0 {
			answer = "→ " + out.Clean(strings.Join(q.Aliases, " → "), 200) + "  " + answer
		}
		w.Printf("  %s  %-5s %s  %s\n", w.Dim(fmt.Sprintf("%7.1f ms  %s", q.TookMS, q.Server)), q.Type, out.Clean(q.Query, 256), answer)
	}
	for _, u := range r.Unresolved {
		w.Printf("%s %s\n", w.Bad(string(u.Error.Code)), out.Clean(u.Addr, whole))
	}
	for _, e := range r.Warnings {
		w.Printf("%s %s\n  %s\n", w.Warn(string(e.Code)), out.Clean(e.Message, whole), out.Clean(e.Hint, whole))
	}
}

func resolve(ctx context.Context, r *addr.Resolver, target string) *Resolved {
	start := time.Now()
	res := &Resolved{Target: target, Resolved: []string{}, Chain: []addr.Query{}, Unresolved: []Unresolved{}, Warnings: []*fail.Error{}}
	a, e := addr.Parse(target)
	if e != nil {
		res.Error = e
		return res
	}
	got, e := r.Resolve(ctx, a.MA)
	res.TookMS = float64(time.Since(start).Microseconds()) / 1000
	res.Error, res.OK, res.Omitted = e, e == nil, got.Omitted
	for _, l := range got.Leaves {
		res.Resolved = append(res.Resolved, l.MA.String())
	}
	res.Chain = append(res.Chain, got.Chain...)
	res.Warnings = append(res.Warnings, got.Warnings...)
	for _, f := range got.Failures {
		at, _ := f.Detail["addr"].(string)
		res.Unresolved = append(res.Unresolved, Unresolved{Addr: at, Error: f})
	}
	return res
}
