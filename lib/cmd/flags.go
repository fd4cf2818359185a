package cmd

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
)

// shared are the flags that lib/cmd hands to every leaf.
type shared struct {
	json, text, quiet, verbose, stream bool
	timeout, deadline                  time.Duration
}

func (s *shared) flags(l *Leaf) []cli.Flag {
	f := []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print JSON, whatever stdout is", Destination: &s.json},
		&cli.BoolFlag{Name: "text", Usage: "print text for people, whatever stdout is", Destination: &s.text},
		&cli.BoolFlag{Name: "quiet", Usage: "print nothing on success (for cron)", Destination: &s.quiet},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log to stderr", Destination: &s.verbose},
	}
	if l.Targets {
		f = append(f, &cli.BoolFlag{Name: "stream", Usage: "print NDJSON with a summary even for one target", Destination: &s.stream})
	}
	if l.Timeout != 0 {
		f = append(f,
			&cli.DurationFlag{Name: "timeout", Usage: "bound of one target (0: none)", Value: l.Timeout, Destination: &s.timeout},
			&cli.DurationFlag{Name: "deadline", Usage: "bound of the whole command (0: none)", Destination: &s.deadline})
	}
	return f
}

// Words is the value of a flag that takes a comma-separated list of words of a closed set.
type Words struct {
	Chosen []string // what was given, or the default

	words []string
}

// WordsFlag returns a flag that fills w with words of the set; an unknown word is a usage error.
func WordsFlag(name, usage string, w *Words, set ...string) cli.Flag {
	w.words = set
	return &cli.GenericFlag{Name: name, Usage: usage + " (of " + strings.Join(set, ", ") + ")", Value: (*wordsValue)(w)}
}

type wordsValue Words

func (w *wordsValue) String() string { return strings.Join(w.Chosen, ",") }

func (w *wordsValue) Set(s string) error {
	w.Chosen = nil
	for _, word := range strings.Split(s, ",") {
		if !slices.Contains(w.words, word) {
			return fail.New(fail.UsageFlag, "%q is not one of %s", word, strings.Join(w.words, ", "))
		}
		if !slices.Contains(w.Chosen, word) {
			w.Chosen = append(w.Chosen, word)
		}
	}
	return nil
}

// isBool tells whether the flag takes no value.
func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

// findFlag returns the flag of that name or alias, or nil.
func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// order moves flags before arguments, as POSIX tools with GNU habits do, since urfave/cli takes a
// flag behind an argument for another argument. "--" ends the flags; "-" alone is an argument.
func order(flags []cli.Flag, words []string) (flagWords, args []string, err *fail.Error) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			return flagWords, append(args, words[i+1:]...), nil
		}
		if len(w) < 2 || w[0] != '-' {
			args = append(args, w)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(w, "-"), "-"), "=")
		f := findFlag(flags, name)
		if f == nil || (len(name) > 1) != strings.HasPrefix(w, "--") {
			return nil, nil, unknownFlag(flags, w, name)
		}
		long := "--" + f.Names()[0]
		switch {
		case hasValue:
			if e := badValue(f, value); e != nil {
				return nil, nil, e
			}
			flagWords = append(flagWords, long+"="+value)
		case isBool(f):
			flagWords = append(flagWords, long)
		case i+1 == len(words):
			return nil, nil, fail.New(fail.UsageFlag, "the flag %q needs a value", w)
		default:
			i++
			if e := badValue(f, words[i]); e != nil {
				return nil, nil, e
			}
			flagWords = append(flagWords, long+"="+words[i])
		}
	}
	return flagWords, args, nil
}

// badValue refuses "", mostly a shell variable that is not set (taken for "not given", --swarm-key "$KEY"
// would leave the private network and --out "$FILE" would print the secret), and a duration without its unit.
func badValue(f cli.Flag, value string) *fail.Error {
	long := "--" + f.Names()[0]
	if value == "" {
		return fail.New(fail.UsageFlag, "the flag %q has an empty value", long).WithHint("is a shell variable not set? Give a value, or leave %s out", long)
	}
	if _, ok := f.(*cli.DurationFlag); ok {
		if _, err := strconv.ParseFloat(value, 64); err == nil && value != "0" {
			return fail.New(fail.UsageFlag, "invalid value %q for flag %s: a duration has a unit", value, long).WithHint("%s %ss", long, value)
		}
	}
	return nil
}

func unknownFlag(flags []cli.Flag, word, name string) *fail.Error {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	e := fail.New(fail.UsageFlag, "unknown flag %q", word)
	if n := Nearest(name, names); n != "" {
		return e.WithHint("did you mean --%s?", n)
	}
	return e
}
