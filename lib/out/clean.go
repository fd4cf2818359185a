package out

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes a string of a remote fit for a terminal: at most max runes, with every control,
// format, private-use and invalid character escaped in Go's way (\x1b, \u202e).
// A max of 0 or less means 256.
func Clean(s string, max int) string {
	if max <= 0 {
		max = 256
	}
	var b strings.Builder
	n := 0
	for i, w := 0, 0; i < len(s); i += w {
		if n == max {
			b.WriteString("…")
			break
		}
		n++
		var r rune
		r, w = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// safe escapes control characters line by line and keeps the program's own line breaks.
// It is the last gate of everything that goes to stderr.
func safe(s string) string {
	clean := true
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Clean(l, len(l)+1)
	}
	return strings.Join(lines, "\n")
}

// visible escapes in JSON what encoding/json does not. Beyond ASCII all of JSON is inside strings.
func visible(b []byte) []byte {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if bytes.IndexFunc(b, hidden) < 0 {
		return b
	}
	var w bytes.Buffer
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case !hidden(r):
			w.Write(b[:n])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&w, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&w, `\u%04x`, r)
		}
		b = b[n:]
	}
	return w.Bytes()
}

// safe escapes what the stream cannot show: in a locale without UTF-8 nothing beyond ASCII.
func (s *stream) safe(text string) string {
	text = safe(text)
	if s.utf8 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r == '…':
			b.WriteString("...")
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
