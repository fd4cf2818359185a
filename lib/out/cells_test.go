package out

import "testing"

func TestCells(t *testing.T) {
	for _, c := range []struct {
		s    string
		want int
	}{{"", 0}, {"abc", 3}, {"é", 1}, {"e\u0301", 1}, {"日本", 4}, {"\x1b[31mred\x1b[0m", 3}, {"✓ ok", 4}, {"━╸", 2}, {"🎉", 2}} {
		if got := Cells(c.s); got != c.want {
			t.Errorf("Cells(%q) = %d, want %d", c.s, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		max  int
		utf8 bool
		want string
	}{
		{"abcdef", 6, true, "abcdef"}, {"abcdef", 5, true, "abcd…"}, {"abcdef", 5, false, "abcd~"},
		{"日本語", 4, true, "日…"}, {"\x1b[31mabcdef\x1b[0m", 3, true, "\x1b[31mab\x1b[0m…"}, {"ab", 1, true, "…"}, {"ab", 0, true, ""},
	} {
		if got := Cut(c.s, c.max, c.utf8); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.s, c.max, got, c.want)
		}
	}
}
