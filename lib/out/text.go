package out

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"
)

// Text is what a result's Text method writes to: an io.Writer that knows its stream's width in
// columns, whether it can show UTF-8, and whether it is coloured.
type Text struct {
	io.Writer
	Width  int
	Height int // lines of a terminal
	UTF8   bool
	Color  bool
}

// Printf writes formatted text. Remote strings must pass through Clean first.
func (t *Text) Printf(format string, args ...any) { fmt.Fprintf(t.Writer, format, args...) }

// Row writes one "label  value" line with the value in its own column.
func (t *Text) Row(label, value string) { t.Printf("%-12s %s\n", label, value) }

// Bold, Dim, Good, Bad and Warn style s where the stream is coloured; colour never carries meaning alone.
func (t *Text) Bold(s string) string { return t.paint(s, color.Bold) }

// Dim shows s as secondary.
func (t *Text) Dim(s string) string { return t.paint(s, color.Faint) }

// Good shows s as a success.
func (t *Text) Good(s string) string { return t.paint(s, color.FgGreen) }

// Bad shows s as a failure.
func (t *Text) Bad(s string) string { return t.paint(s, color.FgRed) }

// Warn shows s as a warning.
func (t *Text) Warn(s string) string { return t.paint(s, color.FgYellow) }

// Mark returns a tick or a cross, in ASCII where the stream cannot show UTF-8.
func (t *Text) Mark(ok bool) string {
	switch {
	case ok && t.UTF8:
		return t.Good("✓")
	case ok:
		return t.Good("ok")
	case t.UTF8:
		return t.Bad("✗")
	}
	return t.Bad("no")
}

func (t *Text) paint(s string, a color.Attribute) string {
	if !t.Color {
		return s
	}
	c := color.New(a)
	c.EnableColor()
	return c.Sprint(s)
}

// Wrap breaks s at blanks so that no line but an unbreakable word passes width columns,
// and starts each line after the first with indent.
func Wrap(s string, width int, indent string) string {
	return Flow("", strings.Fields(s), width, indent)
}

// Flow writes words behind head as Wrap does; a word may hold blanks that must not be broken.
func Flow(head string, words []string, width int, indent string) string {
	var b strings.Builder
	b.WriteString(head)
	col, fresh := Cells(head), true
	for _, word := range words {
		n := Cells(word)
		switch {
		case fresh:
		case col+1+n > width:
			b.WriteString("\n" + indent)
			col = Cells(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col, fresh = col+n, false
	}
	return b.String()
}

// Paragraphs wraps prose to the width, at most 100 columns; indented lines, such as examples, stay whole.
func Paragraphs(s string, width int) string {
	var lines, prose []string
	flush := func() {
		if len(prose) > 0 {
			lines = append(lines, Wrap(strings.Join(prose, " "), min(width, 100), ""))
			prose = nil
		}
	}
	for l := range strings.SplitSeq(s, "\n") {
		if l != "" && l[0] != ' ' {
			prose = append(prose, l)
			continue
		}
		flush()
		lines = append(lines, l)
	}
	flush()
	return strings.Join(lines, "\n")
}
