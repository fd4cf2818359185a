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
	lines int
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
		l.hide()
		l.show()
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
	if l == nil || l.lines == 0 {
		return
	}
	fmt.Fprintf(l.o.stderr.w, "\x1b[%dA\x1b[J", l.lines)
	l.lines = 0
}

// show draws at most one screen: a line that would wrap or scroll away could not be wiped.
func (l *Live) show() {
	if l == nil {
		return
	}
	var b bytes.Buffer
	l.draw(l.o.stderr.text(&b))
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if max := l.o.stderr.height() - 1; len(lines) > max {
		lines = lines[len(lines)-max:]
	}
	fmt.Fprint(l.o.stderr.w, strings.Join(lines, "\n")+"\n")
	l.lines = len(lines)
}
