package cmd

import (
	"io"
	"strings"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// Call is what a running command gets besides its options.
type Call struct {
	Args   []string
	Out    *out.Out
	Stdin  io.Reader
	Getenv func(string) string
	Path   string // the words of the command, such as "addr parse"
	Root   *Node  // the whole tree, for help and completion

	schema  string
	stream  bool
	timeout time.Duration
	bounded bool // --timeout was given
}

// Print writes the command's one result.
func (c *Call) Print(v any) error {
	if c.Out.Quiet {
		return nil
	}
	return c.Out.Object(c.schema, v)
}

// Emit writes one line of a stream of results; the last one of a stream has the type "summary".
func (c *Call) Emit(typ string, v any) error {
	if c.Out.Quiet {
		return nil
	}
	return c.Out.Event(typ, c.schema, v)
}

// EmitAs is Emit for lines whose schema is not the command's own, such as the ready line of every server.
func (c *Call) EmitAs(typ, schema string, v any) error {
	if c.Out.Quiet {
		return nil
	}
	return c.Out.Event(typ, schema, v)
}

// Raw writes a bare artefact, such as a key: what a file is made of, the same on a terminal and in a pipe.
func (c *Call) Raw(b []byte) error { return c.Out.Raw(b) }

// Warn writes one warning line to stderr, unless --quiet.
func (c *Call) Warn(format string, args ...any) { c.Out.Warn(format, args...) }

// Schema returns the name and version of what the command prints, such as "p2p.addr.parse/1".
func (c *Call) Schema() string { return c.schema }

// TakeTimeout returns the bound of one target, 0 for none, to a command that keeps it itself;
// Diagnose then no longer does.
func (c *Call) TakeTimeout() time.Duration {
	d := c.timeout
	c.timeout = 0
	return d
}

// Bounded tells that --timeout was given: what runs until it is stopped has none by default.
func (c *Call) Bounded() bool { return c.bounded }

// Streaming tells whether results are NDJSON lines with a summary: several targets, stdin, or --stream.
func (c *Call) Streaming() bool {
	if c.stream || len(c.Args) > 1 {
		return true
	}
	return len(c.Args) == 1 && c.Args[0] == "-"
}

// checkArgs compares the arguments with the leaf's pattern.
func checkArgs(pattern, args []string) *fail.Error {
	min, max := 0, 0
	for _, p := range pattern {
		if strings.HasPrefix(p, "<") {
			min++
		}
		max++
		if strings.HasSuffix(p, "...") {
			max = 1 << 30
		}
	}
	switch {
	case len(args) < min:
		return fail.New(fail.UsageArgument, "missing argument %s", pattern[len(args)])
	case len(args) > max && max == 0:
		return fail.New(fail.UsageArgument, "unexpected argument %q: this command takes none", args[0])
	case len(args) > max:
		return fail.New(fail.UsageArgument, "unexpected argument %q after %s", args[max], strings.Join(pattern, " "))
	}
	return nil
}

// schemaOf returns the schema name of a path of words.
func schemaOf(path []string, l *Leaf) string {
	if l.Schema != "" {
		return l.Schema
	}
	return "p2p." + strings.Join(path, ".") + "/1"
}
