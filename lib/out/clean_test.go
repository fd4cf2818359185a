package out

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// JSON for a terminal has no character that does not print, and says the same.
func TestMarshalPrints(t *testing.T) {
	said := "a\x1b[2J\x7f\u009b31m\u202eb\u200d\u2028\U000e0041é日🎉\\u009b\"<"
	b, err := Marshal(map[string]string{said: said})
	if err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("%q at %d", b, i)
	}
	var back map[string]string
	if err := json.Unmarshal(b, &back); err != nil || back[said] != said {
		t.Errorf("%v %q", err, back)
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		s    string
		max  int
		want string
	}{
		{"é日🎉", 0, "é日🎉"}, {"a\x1b[2J\a\n\t", 0, `a\x1b[2J\x07\n\t`}, {"\u009b\u202e\xff\x7f", 0, `\u009b\u202e\xff\x7f`}, {"abcd", 2, "ab…"}, {"\U000e0041", 0, `\U000e0041`},
	} {
		if got := Clean(c.s, c.max); got != c.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", c.s, c.max, got, c.want)
		}
	}
}

func TestParagraphs(t *testing.T) {
	in := "one two three four\nfive six\n\n    an example that is long, and stays\nseven"
	want := "one two three\nfour five six\n\n    an example that is long, and stays\nseven"
	if got := Paragraphs(in, 14); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
