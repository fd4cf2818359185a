package out

import (
	"bytes"
	"fmt"
	"strings"
)

// Live is a view on stderr that is drawn anew as things happen and wiped at the end.
// A nil Live draws nothing, so that callers need not ask whether there is a terminal.
type Live struct {
	o     *Out
	draw  func(*Text)
	lines []int // the columns that each drawn line takes
}

// Live starts a view where stderr is a terminal and the user did not ask for quiet; else it returns nil.
// draw is called under the writer's lock on every Redraw, and must not call the Out.
func (o *Out) Live(draw func(*Text)) *Live {
	if !o.stderr.tty || o.Quiet || o.JSON && o.ErrJSON {
		return nil
	}
	l := &Live{o: o, draw: draw}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live = l
	return l
}

// Redraw shows the view's present state.
func (l *Live) Redraw() {
	if l == nil {
		return
	}
	l.o.mu.Lock()
	defer l.o.mu.Unlock()
	if l.o.live == l {
		fmt.Fprint(l.o.stderr.w, l.wipe()+l.picture()) // in one write, so that it does not flicker
	}
}

// Close wipes the view from the terminal.
func (l *Live) Close() {
	if l == nil {
		return
	}
	l.o.mu.Lock()
	defer l.o.mu.Unlock()
	if l.o.live == l {
		l.hide()
		l.o.live = nil
	}
}

func (l *Live) hide() {
	if l != nil {
		fmt.Fprint(l.o.stderr.w, l.wipe())
	}
}

func (l *Live) show() {
	if l != nil {
		fmt.Fprint(l.o.stderr.w, l.picture())
	}
}

// wipe counts rows anew, since a terminal that was made narrower has wrapped the lines that were drawn.
func (l *Live) wipe() string {
	if len(l.lines) == 0 {
		return ""
	}
	width, rows := max(l.o.stderr.width(), 1), 0
	for _, cells := range l.lines {
		rows += max(1, (cells+width-1)/width)
	}
	up := min(rows, max(l.o.stderr.height()-1, len(l.lines)))
	l.lines = l.lines[:0]
	// Row by row: tmux keeps in its history what is erased to the end of the screen from the top.
	return fmt.Sprintf("\r\x1b[%dA%s\x1b[%dA", up, strings.Repeat("\x1b[2K\x1b[1B", up), up)
}

// picture draws at most one screen, each line within the width: what wraps or scrolls away could not be wiped.
func (l *Live) picture() string {
	var b bytes.Buffer
	t := l.o.stderr.text(&b)
	l.draw(t)
	if b.Len() == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if max := t.Height - 1; len(lines) > max {
		lines = lines[len(lines)-max:]
	}
	for i, s := range lines {
		lines[i] = Cut(s, t.Width-1, t.UTF8)
		l.lines = append(l.lines, Cells(lines[i]))
	}
	return strings.Join(lines, "\n") + "\n"
}
