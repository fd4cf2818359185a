package explain

import (
	"strings"
	"testing"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// Every code has exactly one complete page, and no page is of an unknown code.
func TestPages(t *testing.T) {
	all, err := loadPages()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range fail.Codes() {
		e, ok := all[c]
		if !ok {
			t.Errorf("%s has no page", c)
			continue
		}
		checkPage(t, e)
	}
	if len(all) != len(fail.Codes()) || len(Pages()) != len(all) {
		t.Errorf("%d pages for %d codes", len(all), len(fail.Codes()))
	}
}

func checkPage(t *testing.T, e Entry) {
	t.Helper()
	if e.Exit != int(e.Code.Kind()) || e.Kind != e.Code.Kind().String() {
		t.Errorf("%s: exit %d, kind %s", e.Code, e.Exit, e.Kind)
	}
	text := strings.Join(append(append(append([]string{e.Short, e.Means}, e.Causes...), e.Confirm...), e.Mend...), "\n")
	if n := strings.Count(text, "\n") + 1; n > 30 {
		t.Errorf("%s has %d lines", e.Code, n)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }); i >= 0 {
		t.Errorf("%s has a character that a terminal may not show: %.10q", e.Code, text[i:])
	}
	for _, line := range e.Confirm {
		words := strings.Fields(line)
		if words[0] != "p2p" {
			continue
		}
		if len(words) < 2 || !strings.Contains(" probe addr key keygen swarmkey explain version completion help ", " "+words[1]+" ") {
			t.Errorf("%s: %q names a command that may not exist", e.Code, line)
		}
		for _, w := range words[2:] {
			if _, err := ma.NewMultiaddr(w); (strings.HasPrefix(w, "/ip4") || strings.HasPrefix(w, "/ip6") || strings.HasPrefix(w, "/dns")) && err != nil {
				t.Errorf("%s: %q: %v", e.Code, line, err)
			}
		}
	}
}

func TestTable(t *testing.T) {
	table := Table()
	if len(table) < 60 || table[0].Code != "addr.bad_peer_id" {
		t.Fatalf("%d rows, the first %v", len(table), table[0].Code)
	}
	for _, e := range table {
		if e.Code.Kind() == fail.KindOK {
			t.Errorf("%s is a warning", e.Code)
		}
	}
}

func TestBadPages(t *testing.T) {
	good := "# dial.refused\nshort: s\nmeans: m\n  more\ncauses:\n- c\n  more\nconfirm:\n    p2p version\nmend:\n- m\n      line 1\n        line 2\n"
	if e, err := parsePages(good); err != nil || len(e) != 1 || e[0].Means != "m more" || e[0].Mend[0] != "m\nline 1\n  line 2" {
		t.Fatalf("%+v %v", e, err)
	}
	for bad, want := range map[string]string{
		strings.Replace(good, "dial.refused", "dial.refusd", 1):                 "is no code",
		strings.Replace(good, "means:", "mean:", 1):                             "is no section",
		strings.Replace(good, "short: s\n", "", 1):                              "comes after",
		strings.Replace(good, "short: s", "short: "+strings.Repeat("s", 73), 1): "73 characters",
		strings.Replace(good, "    p2p version\n", "", 1):                       "missing or empty",
		strings.Replace(good, "    p2p", "  p2p", 1):                            "does not belong",
		"short: s\n":       "before the first page",
		"# dial.refused\n": "short has 0",
	} {
		if _, err := parsePages(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}

func TestRules(t *testing.T) {
	rules, err := loadRules()
	if err != nil {
		t.Fatal(err)
	}
	wordings := map[string]bool{}
	for _, r := range rules {
		for _, parts := range r.any {
			key := strings.Join(parts, " | ")
			if wordings[key] {
				t.Errorf("%q stands twice", key)
			}
			wordings[key] = true
		}
		for _, c := range r.can {
			if c.why == "" || strings.ContainsFunc(c.why, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s: %q", c.code, c.why)
			}
		}
	}
	if len(wordings) < 300 {
		t.Errorf("only %d wordings", len(wordings))
	}
}

func TestBadRules(t *testing.T) {
	for bad, want := range map[string]string{
		"dial.refused: w":                    "before a wording",
		"? x\ndial.refusd: w":                "is no code",
		"? x\ndial.refused":                  "no reason",
		"? x |  | y\ndial.refused: w":        "empty part",
		"? x\ndial.refused: w\n? y\n= 1\n":   "has no code",
		"? x\n= many\ndial.refused: because": "many",
	} {
		if _, err := parseRules(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}
