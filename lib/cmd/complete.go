package cmd

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// offer is one candidate with what it is.
type offer struct{ word, about string }

// offers is what may stand at the cursor; files tells that the shell is to offer its files as well.
type offers struct {
	list  []offer
	files bool
}

// complete answers the shells' scripts: the words typed so far, the last one unfinished, are given
// after "--" ("--next" before it stands for an empty last word, which some shells cannot hand over).
// Each candidate is a line, a tab before its description if there is one; the line ":files" asks the shell for
// its file names. It never runs an action and evaluates nothing.
func complete(root *Node, c *Call, words []string) error {
	next := len(words) > 0 && words[0] == "--next"
	if next {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if next || len(words) == 0 {
		words = append(slices.Clone(words), "")
	}
	last := words[len(words)-1]
	found := candidates(root, words[:len(words)-1], last)
	var b strings.Builder
	for _, o := range found.list {
		if strings.HasPrefix(o.word, last) {
			about, _, _ := strings.Cut(o.about, "\n")
			if about != "" {
				about = "\t" + about
			}
			b.WriteString(o.word + about + "\n")
		}
	}
	if found.files {
		b.WriteString(":files\n")
	}
	return c.Raw([]byte(b.String()))
}

func candidates(root *Node, done []string, last string) offers {
	n, path, rest := lookup(root, done)
	if n.Leaf != nil {
		return leafOffers(root, n.Leaf, path, rest, last)
	}
	if len(rest) > 0 {
		return offers{}
	}
	var found offers
	if strings.HasPrefix(last, "-") {
		if n.Default != "" {
			return leafOffers(root, n.Find(n.Default).Leaf, path, rest, last)
		}
		found.list = append(found.list, offer{"--help", "show the help"})
		return found
	}
	for _, s := range n.Sub {
		found.list = append(found.list, offer{s.Name, s.Short})
	}
	return found
}

func leafOffers(root *Node, l *Leaf, path, rest []string, last string) offers {
	var s shared
	flags := append(slices.Clone(l.Flags), s.flags(l)...)
	args, waiting, ended := typed(flags, rest)
	if waiting != nil {
		return values(l, waiting, "", last)
	}
	if ended || !strings.HasPrefix(last, "-") {
		return arguments(root, l, path, len(args))
	}
	if name, value, ok := strings.Cut(last, "="); ok {
		if f := findFlag(flags, strings.TrimPrefix(name, "--")); f != nil && !isBool(f) {
			v := values(l, f, name+"=", value)
			v.files = false // the shells would take the flag for a part of the file's name
			return v
		}
	}
	found := offers{list: []offer{{"--help", "show the help"}}}
	for _, f := range flags {
		about := ""
		if d, ok := f.(cli.DocGenerationFlag); ok {
			about = d.GetUsage()
		}
		found.list = append(found.list, offer{"--" + f.Names()[0], about})
	}
	return found
}

// typed takes finished words apart: the arguments among them, the flag that waits for its value, and
// whether "--" has ended the flags.
func typed(flags []cli.Flag, words []string) (args []string, waiting cli.Flag, ended bool) {
	for _, w := range words {
		switch {
		case waiting != nil:
			waiting = nil
		case ended || len(w) < 2 || w[0] != '-':
			args = append(args, w)
		case w == "--":
			ended = true
		case !strings.Contains(w, "="):
			if f := findFlag(flags, strings.TrimLeft(w, "-")); f != nil && !isBool(f) {
				waiting = f
			}
		}
	}
	return args, waiting, ended
}

// arguments returns what may stand at the place of the n-th argument.
func arguments(root *Node, l *Leaf, path []string, n int) offers {
	var found offers
	if len(l.Args) == 0 || n >= len(l.Args) && !strings.HasSuffix(l.Args[len(l.Args)-1], "...") {
		return found
	}
	pattern := l.Args[min(n, len(l.Args)-1)]
	found.files = strings.Contains(pattern, "file")
	for _, w := range l.Words[pattern] {
		found.list = append(found.list, offer{word: w})
	}
	if len(path) == 1 && path[0] == "help" && n == 0 {
		for _, s := range root.Sub {
			found.list = append(found.list, offer{s.Name, s.Short})
		}
	}
	return found
}

// values returns a flag's values, behind prefix and behind what is already typed of a comma-separated list.
func values(l *Leaf, f cli.Flag, prefix, last string) offers {
	var found offers
	set := l.Words[f.Names()[0]]
	switch f := f.(type) {
	case *cli.GenericFlag:
		if w, ok := f.Value.(*wordsValue); ok {
			done := strings.Split(last, ",")
			done = done[:len(done)-1]
			set = slices.DeleteFunc(slices.Clone(w.words), func(s string) bool { return slices.Contains(done, s) })
			prefix += last[:strings.LastIndexByte(last, ',')+1]
		}
	case *cli.StringFlag:
		found.files = f.TakesFile
	case *cli.StringSliceFlag:
		found.files = f.TakesFile
	}
	for _, w := range set {
		found.list = append(found.list, offer{word: prefix + w})
	}
	return found
}
