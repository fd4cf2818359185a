package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"p2p/lib/cmd"
	"p2p/lib/explain"
	"p2p/lib/fail"
	"p2p/lib/out"
)

func explainCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "explain",
		Short: "say what a code or a raw error text means",
		Long: "Without an argument it lists the codes. With a code it prints its page: what it means, the usual\n" +
			"causes, how to confirm and how to mend. Any other text is taken for an error of go-, js- or\n" +
			"rust-libp2p, kubo or a browser: the codes that it can stand for, likeliest first, each with the\n" +
			"command that confirms it. With - it reads a log from stdin and shows each finding once.\n\n" +
			"    p2p explain dial.refused\n" +
			"    p2p explain 'all dials failed: dial tcp4 192.0.2.7:4001: connect: connection refused'\n" +
			"    p2p explain - < node.log",
		Args:    []string{"[code|text|-]"},
		Words:   map[string][]string{"[code|text|-]": codes()},
		Results: []any{Codes{}, explain.Entry{}, explain.Matches{}, explain.Cause{}, explain.Summary{}},
		Run:     runExplain,
	})
}

// Codes is the list of all codes.
type Codes struct {
	Codes []CodeLine `json:"codes"`
}

// CodeLine is one code of the list.
type CodeLine struct {
	Code  fail.Code `json:"code"`
	Exit  int       `json:"exit"`
	Kind  string    `json:"kind"`
	Short string    `json:"short"`
}

// Text shows one line a code, with the exit status that it leads to.
func (c Codes) Text(w *out.Text) {
	for _, l := range c.Codes {
		w.Printf("%-34s %3d  %s\n", l.Code, l.Exit, l.Short)
	}
}

var codeLike = regexp.MustCompile(`^[a-z]+[a-z0-9_]*(\.[a-z0-9_]+)?$`)

func runExplain(_ context.Context, c *cmd.Call) error {
	if len(c.Args) == 0 {
		list := Codes{Codes: []CodeLine{}}
		for _, e := range explain.Pages() {
			list.Codes = append(list.Codes, CodeLine{e.Code, e.Exit, e.Kind, e.Short})
		}
		return c.Print(list)
	}
	text := strings.TrimSpace(c.Args[0])
	switch text {
	case "-":
		return explainLog(c)
	case "":
		return fail.New(fail.UsageArgument, "there is nothing to explain").WithHint("p2p explain lists the codes")
	}
	if page, ok := explain.Page(fail.Code(strings.ToLower(text))); ok {
		return c.Print(page)
	}
	m := explain.Match(text)
	if len(m.Found) > 0 {
		return c.Print(m)
	}
	if codeLike.MatchString(text) {
		return noSuchCode(text)
	}
	if err := c.Print(m); err != nil {
		return err
	}
	return cmd.Finish(unknownText(m, text))
}

// noSuchCode is the error for what looks like a code and is none.
func noSuchCode(text string) error {
	var codes []string
	for _, code := range fail.Codes() {
		codes = append(codes, string(code))
	}
	e := fail.New(fail.NotFound, "no code %q", out.Clean(text, 80))
	if near := cmd.Nearest(text, codes); near != "" {
		return e.WithHint("p2p explain %s", near)
	}
	return e.WithHint("p2p explain lists the codes")
}

func unknownText(m explain.Matches, text string) *fail.Error {
	e := fail.New(fail.NotFound, "no known error in the text %q", out.Clean(text, 200))
	if len(m.Addresses) > 0 {
		return e.WithHint("p2p probe %s", m.Addresses[0])
	}
	return e.WithHint("probe the address that it is about: p2p probe <multiaddr>")
}

func explainLog(c *cmd.Call) error {
	sum, err := explain.Log(c.Stdin, func(m explain.Cause) error { return c.Emit("match", m) })
	if err != nil {
		return err
	}
	if err := c.Emit("summary", sum); err != nil {
		return err
	}
	if sum.Count == 0 {
		return cmd.Finish(fail.New(fail.NotFound, "no known error in %s on stdin", lines(sum.Lines)))
	}
	return nil
}

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// codes returns every code, for completion.
func codes() []string {
	var all []string
	for _, c := range fail.Codes() {
		all = append(all, string(c))
	}
	return all
}
