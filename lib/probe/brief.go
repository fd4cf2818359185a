package probe

import (
	"strings"

	"p2p/lib/out"
)

// Brief is a Report that people read among many: one line, two where the address is long. Its JSON is the Report's.
type Brief struct{ *Report }

// Text shows `✓ ADDR  12.3 ms  agent` or `✗ ADDR  code  message`.
func (b Brief) Text(w *out.Text) {
	r := b.Report
	head := pad(w.Mark(r.OK), markWidth(w)) + " " + out.Clean(r.Target, whole)
	tail := r.outcome(w)
	if out.Cells(head)+2+out.Cells(tail) < w.Width {
		w.Printf("%s  %s\n", head, tail)
		return
	}
	in := strings.Repeat(" ", markWidth(w)+1)
	w.Printf("%s\n%s\n", head, out.Flow(in, strings.Fields(tail), w.Width-1, in))
}

// outcome is a report in a few words.
func (r *Report) outcome(w *out.Text) string {
	if r.Error != nil {
		return w.Bad(string(r.Error.Code)) + "  " + out.Clean(r.Error.Message, whole)
	}
	words := []string{span(r.TookMS)}
	if len(r.Addresses) > 1 {
		good := 0
		for _, a := range r.Addresses {
			if a.OK {
				good++
			}
		}
		words = append(words, count(good, "address", "addresses"))
	}
	if r.Identify != nil {
		words = append(words, w.Dim(out.Clean(r.Identify.Agent, 80)))
	}
	for _, e := range r.Warnings {
		if !strings.HasPrefix(string(e.Code), "addr.") { // those are about the text that was given
			words = append(words, w.Warn(string(e.Code)))
		}
	}
	return strings.Join(words, "  ")
}

func markWidth(w *out.Text) int {
	if w.UTF8 {
		return 1
	}
	return 2
}
