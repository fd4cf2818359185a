package probe

import (
	"math"
	"strings"

	"p2p/lib/out"
)

// row is one stage in a waterfall.
type row struct {
	name        string
	start, took float64 // milliseconds
	ok, running bool
	note        string
}

// grid is how the columns of a waterfall share the width of a terminal.
type grid struct {
	name, bar int
	wrapped   bool // the notes have lines of their own
}

const (
	timeWidth = 7 // of "99.9 ms" and "12.3 s"
	maxBar    = 64
	minNote   = 24
)

// newGrid gives the bars what the other columns leave: the notes go below where it is too narrow.
func newGrid(rows []row, width int) grid {
	g := grid{name: 8}
	for _, r := range rows {
		g.name = max(g.name, out.Cells(r.name))
	}
	left := width - 1 - (4 + g.name + 2 + timeWidth + 2) // mark, name, bar, time, note
	if left < minNote+16 {
		g.wrapped = true
		g.bar = max(left, 4)
		return g
	}
	g.bar = min(max(16, left*45/100), maxBar)
	return g
}

// draw writes the rows with their bars on one axis from 0 to end milliseconds.
func (g grid) draw(w *out.Text, rows []row, end float64) {
	noteAt := 4 + g.name + 2 + g.bar + 2 + timeWidth + 2
	for _, r := range rows {
		paint, mark := w.Good, w.Mark(r.ok)
		switch {
		case r.running:
			paint, mark = w.Warn, w.Warn(pick(w, "·", "."))
		case !r.ok:
			paint = w.Bad
		}
		line := pad(mark, 3) + " " + pad(r.name, g.name) + "  " + paint(g.line(w, r, end)) + "  " + padLeft(span(r.took), timeWidth)
		switch {
		case r.note == "":
		case g.wrapped:
			line += "\n" + w.Dim(out.Flow("    ", strings.Fields(r.note), w.Width-1, "    "))
		default:
			line = out.Flow(line+"  ", strings.Fields(w.Dim(r.note)), w.Width-1, strings.Repeat(" ", noteAt))
		}
		w.Printf("%s\n", strings.TrimRight(line, " "))
	}
}

// line is one bar, half a column exact where the stream has box drawing characters.
func (g grid) line(w *out.Text, r row, end float64) string {
	if end <= 0 {
		end = 1
	}
	halves := float64(2 * g.bar)
	from := int(math.Floor(r.start / end * halves))
	to := int(math.Ceil((r.start + r.took) / end * halves))
	from = min(max(from, 0), 2*g.bar-1)
	to = min(max(to, from+1), 2*g.bar)
	var b strings.Builder
	for i := 0; i < 2*g.bar; i += 2 {
		left, right := i >= from && i < to, i+1 >= from && i+1 < to
		switch {
		case left && right:
			b.WriteString(pick(w, "━", "="))
		case left:
			b.WriteString(pick(w, "╸", "-"))
		case right:
			b.WriteString(pick(w, "╺", "-"))
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func pick(w *out.Text, utf8, ascii string) string {
	if w.UTF8 {
		return utf8
	}
	return ascii
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-out.Cells(s), 0))
}

func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(width-out.Cells(s), 0)) + s
}

// rows are the waterfall of one address.
func (a *Address) rows() []row {
	rows := make([]row, len(a.Stages))
	for i, s := range a.Stages {
		n := note(*s, a.codeOf(i))
		if s.Stage == "security" && n == "" {
			n = a.Security
		}
		rows[i] = row{name: s.Stage, start: s.StartMS, took: s.TookMS, ok: s.OK, note: n}
	}
	return rows
}
