package probe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"p2p/lib/fail"
	"p2p/lib/probe"
)

// meter counts what an exporter does, for its ops port and for its last line.
type meter struct {
	*prometheus.Registry
	results *prometheus.CounterVec
	limited *prometheus.CounterVec
	took    prometheus.Histogram

	mu  sync.Mutex
	sum map[string]int
}

func newMeter(f *flights) *meter {
	m := &meter{
		Registry: prometheus.NewRegistry(), sum: map[string]int{"probes": 0, "good": 0},
		results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "p2p_serve_probes_total", Help: "Probes by the code of their verdict, ok for good ones."}, []string{"code"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "p2p_serve_rate_limited_total", Help: "Requests refused by a limit: of the client, the target or the server."}, []string{"limit"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "p2p_serve_probe_duration_seconds", Help: "How long the probes took.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}),
	}
	flying := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "p2p_serve_probes_in_flight", Help: "Probes under way."}, f.inFlight)
	m.MustRegister(m.results, m.limited, m.took, flying)
	for _, l := range []string{"client", "target", "server"} {
		m.limited.WithLabelValues(l)
	}
	m.results.WithLabelValues("ok")
	return m
}

// count counts a verdict; "" is a good one.
func (m *meter) count(code fail.Code) {
	label := string(code)
	if code == "" {
		label = "ok"
	}
	m.results.WithLabelValues(label).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum["probes"]++
	if code == "" {
		m.sum["good"]++
	}
}

func (m *meter) probed(r *probe.Report) {
	code := fail.Code("")
	if r.Error != nil {
		code = r.Error.Code
	}
	m.count(code)
	m.took.Observe(r.TookMS / 1000)
}

// totals are what the stopped line says.
func (m *meter) totals() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]int{"probes": m.sum["probes"], "good": m.sum["good"], "failed": m.sum["probes"] - m.sum["good"]}
}
