package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
)

func testFlags() []cli.Flag {
	var w Words
	return []cli.Flag{
		&cli.BoolFlag{Name: "all"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}},
		&cli.StringFlag{Name: "dns"},
		&cli.StringSliceFlag{Name: "want"},
		WordsFlag("muxer", "", &w, "yamux", "mplex"),
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ in, flags, args string }{
		{"A --all B", "--all", "A B"},
		{"A --dns 1 B --want x --want=y", "--dns=1 --want=x --want=y", "A B"},
		{"-v A", "--verbose", "A"},
		{"A -- --all -v", "", "A --all -v"},
		{"- --dns -", "--dns=-", "-"},
		{"--dns --all A", "--dns=--all", "A"},
		{"--muxer yamux,mplex A", "--muxer=yamux,mplex", "A"},
	} {
		flags, args, err := order(testFlags(), strings.Fields(c.in))
		if err != nil || strings.Join(flags, " ") != c.flags || strings.Join(args, " ") != c.args {
			t.Errorf("%q: %q %q %v", c.in, flags, args, err)
		}
	}
	for in, want := range map[string]string{
		"--al": "did you mean --all?", "-all": "--all", "--v": "", "-d 1": "", "A --dns": "", "--": "", "-x": "",
	} {
		_, _, err := order(testFlags(), strings.Fields(in))
		if in == "--" {
			if err != nil {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		if err == nil || err.Code != fail.UsageFlag || !strings.Contains(err.Hint, want) {
			t.Errorf("%q: %+v", in, err)
		}
	}
}

// Nothing is lost or invented: every word comes out as it went in, as a flag, its value, or an argument.
func FuzzOrder(f *testing.F) {
	for _, s := range []string{"A\n--all\nB", "--dns\n--\nA", "--\n--all", "-\n-v", "--dns=\nA", "--want\nx\n--want=y=z", "\n\n", "---all", "--=x", "-\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		words := strings.Split(in, "\n")
		flags, args, err := order(testFlags(), words)
		if err != nil {
			if err.Code != fail.UsageFlag || len(flags)+len(args) > 0 {
				t.Fatalf("%q: %q %q %v", words, flags, args, err)
			}
			return
		}
		n := len(args)
		for _, w := range flags {
			name, value, has := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			if findFlag(testFlags(), name) == nil {
				t.Fatalf("%q: invented %q", words, w)
			}
			n++
			if has && !slices.Contains(words, value) && !slices.ContainsFunc(words, func(x string) bool { return strings.HasSuffix(x, "="+value) }) {
				t.Fatalf("%q: the value %q comes from nowhere", words, value)
			}
			if has && slices.Contains(words, value) && !slices.ContainsFunc(words, func(x string) bool { return strings.HasSuffix(x, "="+value) && strings.HasPrefix(x, "-") }) {
				n++
			}
		}
		for _, a := range args {
			if !slices.Contains(words, a) {
				t.Fatalf("%q: the argument %q comes from nowhere", words, a)
			}
		}
		end := slices.Index(words, "--")
		if n > len(words) || end < 0 && n < len(words) {
			t.Fatalf("%q became %q and %q", words, flags, args)
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"multiaddr", "self", "serve"}
	for in, want := range map[string]string{"slef": "self", "serv": "serve", "multiadr": "multiaddr", "xyzzyx": "", "": ""} {
		if got := Nearest(in, names); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
