package swarmkey

import (
	"context"
	"slices"
	"strings"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
	"p2p/lib/out"
)

func inspectCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "inspect",
		Short: "check a swarm key file and print its fingerprint",
		Long: "The fingerprint is the one that kubo prints at its start: peers of one network have the same. The key\n" +
			"itself is never shown. A malformed file is a finding with exit status 2 that says which line is wrong.\n\n" +
			"    p2p swarmkey inspect swarm.key\n" +
			"    p2p swarmkey gen | p2p swarmkey inspect -",
		Args:    []string{"<file>..."},
		Targets: true,
		Results: []any{Report{}, cmd.Summary{}},
		Run:     runInspect,
	})
}

// Report says whether a swarm key file is sound, and which network it opens.
type Report struct {
	OK          bool          `json:"ok"`
	Target      string        `json:"target"`
	Fingerprint string        `json:"fingerprint,omitempty"`
	Encoding    string        `json:"encoding,omitempty"`
	Problems    []*fail.Error `json:"problems"`
	Error       *fail.Error   `json:"error,omitempty"`
}

func (r *Report) Failure() *fail.Error { return r.Error }

// Text shows the fingerprint and what is wrong.
func (r *Report) Text(w *out.Text) {
	w.Printf("%s %s\n", w.Mark(r.OK), w.Bold(out.Clean(r.Target, 200)))
	if r.Fingerprint != "" {
		w.Row("fingerprint", r.Fingerprint)
		w.Row("encoding", r.Encoding)
	}
	for _, p := range r.Problems {
		w.Printf("%s %s\n", w.Warn(string(p.Code)), out.Clean(p.Message, 1024))
		w.Printf("  %s\n", out.Clean(p.Hint, 1024))
	}
}

func runInspect(ctx context.Context, c *cmd.Call) error {
	// A key has three lines: stdin is one key, not one target a line.
	var stdin []byte
	if slices.Contains(c.Args, "-") {
		b, err := identity.ReadAll(c.Stdin, "stdin", identity.MaxFileBytes)
		if err != nil {
			return err
		}
		stdin, c.Stdin = b, strings.NewReader("stdin:1\n")
	}
	return c.Diagnose(ctx, 1, func(_ context.Context, target string) cmd.Finding {
		if stdin != nil && target == "stdin:1" {
			s, err := identity.ReadSwarmKey(stdin)
			return inspect(target, s, err)
		}
		s, err := identity.LoadSwarmKey(target)
		return inspect(target, s, err)
	})
}

func inspect(target string, s *identity.SwarmKey, err error) *Report {
	r := &Report{Target: target, Problems: []*fail.Error{}}
	if err != nil {
		r.Error = fail.Of(err)
		r.Problems = append(r.Problems, r.Error)
		return r
	}
	r.OK, r.Fingerprint, r.Encoding = true, s.Fingerprint(), s.Encoding
	r.Problems = append(r.Problems, s.Problems()...)
	if e := identity.Exposed(target); e != nil {
		r.Problems = append(r.Problems, e)
	}
	return r
}
