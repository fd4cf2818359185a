package serve

import (
	"maps"
	"os"
	"slices"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// Ready is the line that tells that a server serves; schema p2p.ready/1.
type Ready struct {
	Role     string         `json:"role"`
	PID      int            `json:"pid"`
	URL      string         `json:"url,omitempty"` // of the role's own HTTP endpoint
	Ops      string         `json:"ops,omitempty"` // of the ops port
	Limits   map[string]any `json:"limits"`
	Warnings []*fail.Error  `json:"warnings"`
}

// Text shows where the server is.
func (r Ready) Text(w *out.Text) {
	w.Printf("%s\n", w.Bold("p2p "+r.Role+" serves"))
	w.Row("url", r.URL)
	if r.Ops != "" {
		w.Row("ops", r.Ops)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Limits)) {
		w.Printf("%-12s %s %v\n", "limit", k, r.Limits[k])
	}
	for _, e := range r.Warnings {
		w.Row(w.Warn("warning"), e.Message)
	}
}

// Stopped is the last line of a server; schema p2p.stopped/1.
type Stopped struct {
	Role     string         `json:"role"`
	UptimeMS float64        `json:"uptime_ms"`
	Cut      int            `json:"cut"` // answers that were still under way when the drain was over
	Totals   map[string]int `json:"totals"`
}

// Text shows the totals.
func (s Stopped) Text(w *out.Text) {
	w.Printf("stopped after %.1f s\n", s.UptimeMS/1000)
	for _, k := range slices.Sorted(maps.Keys(s.Totals)) {
		w.Row(k, itoa(s.Totals[k]))
	}
}

// Draining tells that a stop was asked for while so many answers were under way.
type Draining struct {
	Open int `json:"open"`
}

// Text shows it in one line.
func (d Draining) Text(w *out.Text) { w.Printf("draining: %d answers under way\n", d.Open) }

// Reloaded tells of a file that was read again, or could not be.
type Reloaded struct {
	File  string      `json:"file"`
	Error *fail.Error `json:"error,omitempty"`
}

// Text is empty: stderr has it already.
func (r Reloaded) Text(*out.Text) {}

// announce makes the ready line.
func (f *frame) announce() Ready {
	scheme := "http"
	r := Ready{Role: f.role.Name, PID: os.Getpid(), Limits: f.role.Limits, Warnings: append([]*fail.Error{}, f.role.Warnings...)}
	if f.cert != nil {
		scheme = "https"
		if e := f.cert.stale(); e != nil {
			r.Warnings = append(r.Warnings, e)
		}
	}
	if r.Limits == nil {
		r.Limits = map[string]any{}
	}
	r.Limits["max_conns"] = f.o.MaxConns
	r.URL = base(scheme, f.web)
	if f.ops != nil {
		r.Ops = base("http", f.ops)
	}
	return r
}
