package addr

import (
	"context"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"github.com/urfave/cli/v2"

	"p2p/lib/addr"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
)

func dnsaddrCommand() *cmd.Node {
	var o dnsaddrOptions
	return cmd.Command(cmd.Leaf{
		Name:  "dnsaddr",
		Short: "print the DNS records that publish multiaddrs under a name",
		Long: "The lines go into the zone file; then /dnsaddr/NAME leads to the addresses. With --check the records that\n" +
			"DNS has now are compared with them: missing ones are exit status 4, others are listed as extra.\n\n" +
			"    p2p addr dnsaddr --name example.com /ip4/192.0.2.1/tcp/4001/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf",
		Args:    []string{"<multiaddr>..."},
		Flags:   o.flags(),
		Timeout: 30 * time.Second,
		Results: []any{Zone{}},
		Run:     func(ctx context.Context, c *cmd.Call) error { return runDnsaddr(ctx, c, &o) },
	})
}

type dnsaddrOptions struct {
	resolver addr.Resolver
	name     string
	check    bool
}

func (o *dnsaddrOptions) flags() []cli.Flag {
	return append(o.resolver.Flags(),
		&cli.StringFlag{Name: "name", Usage: "the `NAME` of /dnsaddr/NAME", Destination: &o.name},
		&cli.BoolFlag{Name: "check", Usage: "compare with what DNS has now", Destination: &o.check})
}

// Zone is the records of a name, and with --check how DNS differs from them.
type Zone struct {
	OK          bool            `json:"ok"`
	Name        string          `json:"name"`
	Records     []addr.Record   `json:"records"`
	AnswerBytes int             `json:"answer_bytes"`
	Problems    []*fail.Error   `json:"problems"`
	Check       *addr.Published `json:"check,omitempty"`
	Error       *fail.Error     `json:"error,omitempty"`
}

func (z *Zone) Failure() *fail.Error { return z.Error }

// Text shows lines that can be pasted into a zone file; all else is behind a semicolon.
func (z *Zone) Text(w *out.Text) {
	for _, r := range z.Records {
		w.Printf("%s\n", r.Line)
	}
	if z.AnswerBytes > 1232 {
		w.Printf("; an answer has %d bytes, so resolvers need TCP for it\n", z.AnswerBytes)
	}
	for _, e := range z.Problems {
		w.Printf("; %s: %s\n", e.Code, out.Clean(e.Message, whole))
	}
	if z.Check == nil {
		return
	}
	w.Printf("; in DNS now: %d of %d\n", z.Check.Present, len(z.Records))
	for _, v := range z.Check.Missing {
		w.Printf("; %s %s\n", w.Bad("missing"), out.Clean(v, whole))
	}
	for _, v := range z.Check.Extra {
		w.Printf("; %s %s\n", w.Warn("extra"), out.Clean(v, whole))
	}
}

func runDnsaddr(ctx context.Context, c *cmd.Call, o *dnsaddrOptions) error {
	name := strings.TrimPrefix(strings.TrimSuffix(o.name, "."), "_dnsaddr.")
	if name == "" {
		return fail.New(fail.UsageFlag, "missing --name: under which name the addresses are to be found").
			WithHint("p2p addr dnsaddr --name example.com MULTIADDR")
	}
	if _, e := addr.Parse("/dnsaddr/" + name); e != nil || strings.Contains(name, "/") {
		return fail.New(fail.UsageFlag, "--name %q is no DNS name", o.name).WithHint("a DNS name has letters, digits, hyphens and dots")
	}
	z := &Zone{Name: name, Problems: []*fail.Error{}}
	z.Records = addr.Records(name, z.take(c.Args))
	z.AnswerBytes = addr.AnswerBytes(name, z.Records)
	if o.check && z.Error == nil {
		z.Check, z.Error = o.resolver.Published(ctx, name, z.Records)
	}
	z.OK = z.Error == nil
	if err := c.Print(z); err != nil {
		return err
	}
	return cmd.Finish(z.Error)
}

// take reads the addresses; one that nobody could dial makes the zone a bad one and is left out.
func (z *Zone) take(args []string) []ma.Multiaddr {
	var good []ma.Multiaddr
	for _, arg := range args {
		a, e := addr.Parse(arg)
		if e == nil {
			e = a.Dialable()
		}
		if e != nil {
			z.Problems = append(z.Problems, e)
			if z.Error == nil {
				z.Error = e
			}
			continue
		}
		z.Problems = append(z.Problems, a.Warnings...)
		good = append(good, a.MA)
	}
	return good
}
