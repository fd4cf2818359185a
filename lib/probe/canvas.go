package probe

import (
	"fmt"
	"html"
	"strings"

	"p2p/lib/out"
)

// Measures of the pictures, in pixels.
const (
	canvasWidth = 960
	margin      = 24
	charWidth   = 7.3 // of the 12 px monospaced text, a little more than any common font has
	lineHeight  = 18.0
	markR       = 9.0
)

// canvas is an SVG that grows downwards: y is the top of what is drawn next.
type canvas struct {
	b strings.Builder
	y float64
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

// text writes one line; s is escaped, and must have been cleaned if a remote wrote it.
func (c *canvas) text(x, y float64, class, anchor, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	c.add(`<text x="%.1f" y="%.1f" class="%s"%s>%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

// para writes lines of monospaced text from x to the right margin, and moves below them.
func (c *canvas) para(x float64, class, s string) {
	for _, line := range fold(s, int((canvasWidth-margin-x)/charWidth)) {
		c.text(x, c.y+13, "mono "+class, "", line)
		c.y += lineHeight
	}
}

// fact writes a label and its value in a column of its own.
func (c *canvas) fact(name, value string) {
	if value == "" {
		return
	}
	c.text(margin, c.y+13, "dim", "", name)
	c.para(barX, "", value)
}

// badge draws the round mark of a verdict.
func (c *canvas) badge(x, y float64, ok bool) {
	class, path := "good", "M-4 0.3 L-1.2 3.2 L4.2 -2.8"
	if !ok {
		class, path = "bad", "M-3.2 -3.2 L3.2 3.2 M3.2 -3.2 L-3.2 3.2"
	}
	c.add(`<g transform="translate(%.1f %.1f)"><circle r="%.1f" class="%s"/><path d="%s" class="mark"/></g>`, x, y, markR, class, path)
}

// tick draws the small mark of a row.
func (c *canvas) tick(x, y float64, ok bool) {
	class, path := "good", "M-4 0.3 L-1.2 3.2 L4.2 -2.8"
	if !ok {
		class, path = "bad", "M-3.2 -3.2 L3.2 3.2 M3.2 -3.2 L-3.2 3.2"
	}
	c.add(`<path transform="translate(%.1f %.1f)" d="%s" class="small %s"/>`, x, y, path, class)
}

// fold breaks s into lines of at most width columns, at blanks, and at slashes of what is longer than a line.
func fold(s string, width int) []string {
	width = max(width, 8)
	lines := []string{}
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case out.Cells(line)+1+out.Cells(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
		for out.Cells(line) > width {
			var first string
			first, line = split(line, width)
			lines = append(lines, first)
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// split cuts a long word behind width columns, before a slash in the second half where there is one.
func split(word string, width int) (first, rest string) {
	end, cells := 0, 0
	for i, r := range word {
		n := out.Cells(string(r))
		if cells+n > width {
			break
		}
		cells += n
		end = i + len(string(r))
	}
	if i := strings.LastIndexByte(word[:end], '/'); i > end/2 {
		end = i
	}
	return word[:end], word[end:]
}
