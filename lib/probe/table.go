package probe

import (
	"sync"

	"p2p/lib/out"
)

// Table shows on stderr, where that is a terminal, how the watched targets fare. Close wipes it.
type Table struct {
	film

	mu   sync.Mutex
	rows []Vigil
}

// NewTable starts a table of the targets.
func NewTable(o *out.Out, targets []string) *Table {
	t := &Table{}
	for _, name := range targets {
		t.rows = append(t.rows, Vigil{Target: name})
	}
	t.begin(o, t.draw)
	return t
}

// Set replaces the state of one target.
func (t *Table) Set(i int, v Vigil) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[i] = v
}

func (t *Table) draw(w *out.Text) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range t.rows {
		v.Text(w)
	}
}
