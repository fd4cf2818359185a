package cmd

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// complete answers the shells' scripts: the words typed so far, the last one unfinished, are given
// after "--"; candidates are printed one a line. It never runs an action and evaluates nothing.
func complete(root *Node, c *Call, words []string) error {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	last, done := words[len(words)-1], words[:len(words)-1]
	var b strings.Builder
	for _, w := range candidates(root, done, last) {
		if strings.HasPrefix(w, last) {
			b.WriteString(w + "\n")
		}
	}
	return c.Raw([]byte(b.String()))
}

func candidates(root *Node, done []string, last string) []string {
	n, _, rest := lookup(root, done)
	if n.Leaf == nil && len(rest) > 0 {
		return nil
	}
	if n.Leaf == nil && !strings.HasPrefix(last, "-") {
		return n.Names()
	}
	if slices.Contains(rest, "--") {
		return nil
	}
	if n.Leaf == nil {
		if n.Default == "" {
			return []string{"--help"}
		}
		n = n.Find(n.Default)
	}
	return leafCandidates(n.Leaf, rest, last)
}

func leafCandidates(l *Leaf, rest []string, last string) []string {
	var s shared
	flags := append(slices.Clone(l.Flags), s.flags(l)...)
	if len(rest) > 0 && strings.HasPrefix(rest[len(rest)-1], "--") {
		name := strings.TrimPrefix(rest[len(rest)-1], "--")
		if f := findFlag(flags, name); f != nil && !isBool(f) {
			return values(l, f, last)
		}
	}
	if !strings.HasPrefix(last, "-") {
		return nil
	}
	names := []string{"--help"}
	for _, f := range flags {
		names = append(names, "--"+f.Names()[0])
	}
	return names
}

// values returns the closed set of a flag's values, behind what is already typed of a comma-separated list.
func values(l *Leaf, f cli.Flag, last string) []string {
	set := l.Words[f.Names()[0]]
	prefix := ""
	if g, ok := f.(*cli.GenericFlag); ok {
		if w, ok := g.Value.(*wordsValue); ok {
			set = w.words
			if i := strings.LastIndexByte(last, ','); i >= 0 {
				prefix = last[:i+1]
			}
		}
	}
	var out []string
	for _, w := range set {
		out = append(out, prefix+w)
	}
	return out
}
