package cmd

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// Help renders the help of the node that the words name.
func Help(root *Node, words []string, width int) ([]byte, *fail.Error) {
	n, path := root, []string{}
	for _, w := range words {
		sub := n.Find(w)
		if sub == nil {
			return nil, unknownCommand(n, path, w)
		}
		n, path = sub, append(path, w)
	}
	return renderHelp(width, n, path), nil
}

func renderHelp(width int, n *Node, path []string) []byte {
	var b bytes.Buffer
	name := strings.Join(append([]string{"p2p"}, path...), " ")
	fmt.Fprintf(&b, "%s: %s\n\n", name, n.Short)
	if n.Leaf == nil {
		usage := name + " COMMAND"
		if n.Default != "" {
			d := n.Find(n.Default)
			usage = name + " " + strings.Join(d.Leaf.Args, " ") + "\n       " + usage
		}
		fmt.Fprintf(&b, "usage: %s\n", usage)
		writeLong(&b, n.Long, width)
		b.WriteString("\ncommands:\n")
		for _, s := range n.Sub {
			fmt.Fprintf(&b, "  %-12s %s\n", s.Name, s.Short)
		}
		if n.Default != "" {
			b.WriteString("\nflags: " + name + " " + n.Default + " --help\n")
		}
		b.WriteString("\nmore: " + name + " COMMAND --help\n")
		return b.Bytes()
	}
	usage := strings.Join(append([]string{name, "[flags]"}, n.Leaf.Args...), " ")
	fmt.Fprintf(&b, "usage: %s\n", usage)
	writeLong(&b, n.Long, width)
	var s shared
	writeFlags(&b, "flags", n.Leaf.Flags, width)
	writeFlags(&b, "common flags", s.flags(n.Leaf), width)
	return b.Bytes()
}

func writeLong(b *bytes.Buffer, long string, width int) {
	if long != "" {
		b.WriteString("\n" + out.Paragraphs(strings.Trim(long, "\n"), width) + "\n")
	}
}

func writeFlags(b *bytes.Buffer, title string, flags []cli.Flag, width int) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		name := "--" + f.Names()[0]
		if len(f.Names()) > 1 {
			name = "-" + f.Names()[1] + ", " + name
		}
		if doc.TakesValue() {
			name += " " + valueName(f)
		}
		usage := doc.GetUsage()
		if d := defaultOf(doc); d != "" {
			usage += " (default " + d + ")"
		}
		if len(name) > 24 {
			b.WriteString("  " + name + "\n")
			name = ""
		}
		b.WriteString(out.Flow(fmt.Sprintf("  %-24s ", name), strings.Fields(usage), max(width, 60), strings.Repeat(" ", 27)) + "\n")
	}
}

func valueName(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.StringFlag:
		if f.TakesFile {
			return "FILE"
		}
	case *cli.DurationFlag:
		return "DURATION"
	case *cli.IntFlag, *cli.Int64Flag, *cli.UintFlag, *cli.Uint64Flag:
		return "N"
	case *cli.GenericFlag:
		return "WORDS"
	}
	return "VALUE"
}

func defaultOf(f cli.DocGenerationFlag) string {
	switch f.(type) {
	case *cli.BoolFlag, *cli.StringSliceFlag:
		return ""
	}
	v := strings.Trim(f.GetValue(), `"`)
	if v == "0s" || v == "0" || v == "" {
		return ""
	}
	return v
}

// noLeaf answers a command line that ends at a group or at a word that nobody knows.
func noLeaf(c *Call, n *Node, path, rest []string) error {
	if len(rest) > 0 {
		if strings.HasPrefix(rest[0], "-") {
			e := fail.New(fail.UsageFlag, "unknown flag %q before a command", rest[0])
			var s shared
			if f := findFlag(s.flags(&Leaf{Targets: true, Timeout: 1}), strings.Trim(strings.SplitN(rest[0], "=", 2)[0], "-")); f != nil {
				e = e.WithHint("write it behind the command, such as: p2p COMMAND %s", rest[0])
			}
			return withHelpHint(e, path)
		}
		return unknownCommand(n, path, rest[0])
	}
	name := strings.Join(append([]string{"p2p"}, path...), " ")
	c.Out.ErrText(func(t *out.Text) { t.Printf("%s", renderHelp(t.Width, n, path)) })
	return fail.New(fail.UsageCommand, "%q needs a command: one of %s", name, strings.Join(n.Names(), ", "))
}

func unknownCommand(n *Node, path []string, word string) *fail.Error {
	e := fail.New(fail.UsageCommand, "unknown command %q", strings.Join(append(append([]string{"p2p"}, path...), word), " "))
	if near := Nearest(word, n.Names()); near != "" {
		return e.WithHint("did you mean %q?", strings.Join(append(append([]string{"p2p"}, path...), near), " "))
	}
	return e.WithHint("one of %s", strings.Join(n.Names(), ", "))
}
