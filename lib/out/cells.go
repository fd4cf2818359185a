package out

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Cells returns how many columns of a terminal s takes; the escape sequences of colours take none.
func Cells(s string) int {
	n := 0
	for len(s) > 0 {
		size, cells := glyph(s)
		n += cells
		s = s[size:]
	}
	return n
}

// Cut shortens s to at most max columns, marks the cut with the last of them, and ends open colours.
// It is for views that are drawn over: a result is wrapped, never cut.
func Cut(s string, max int, utf8 bool) string {
	if Cells(s) <= max {
		return s
	}
	mark := "~"
	if utf8 {
		mark = "…"
	}
	var b strings.Builder
	painted := false
	for left := max - 1; len(s) > 0; {
		size, cells := glyph(s)
		if left -= cells; left < 0 {
			break
		}
		painted = painted || s[0] == 0x1b
		b.WriteString(s[:size])
		s = s[size:]
	}
	if painted {
		mark = "\x1b[0m" + mark
	}
	if max <= 0 {
		return ""
	}
	return b.String() + mark
}

// glyph measures the first rune, or the first colour sequence, of s.
func glyph(s string) (size, cells int) {
	if strings.HasPrefix(s, "\x1b[") {
		if i := strings.IndexByte(s, 'm'); i > 0 {
			return i + 1, 0
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r < 0x20 || r == 0x7f || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return size, 0
	case r < 0x1100:
		return size, 1
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return size, 2
	}
	return size, 1
}
