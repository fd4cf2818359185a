package serve

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func itoa(n int) string { return strconv.Itoa(n) }

// opsHandler answers /healthz, /readyz and /metrics.
func (f *frame) opsHandler() http.Handler {
	metrics := promhttp.HandlerFor(f.registry(), promhttp.HandlerOpts{MaxRequestsInFlight: 4}).ServeHTTP
	if f.token != nil {
		metrics = f.token.Require(metrics)
	}
	return LocalNames(Routes(map[string]http.HandlerFunc{
		"/healthz": Healthy,
		"/readyz":  f.readyz,
		"/metrics": metrics,
	}), f.o.OpsHosts...)
}

// registry adds what is true of every server to the role's own metrics.
func (f *frame) registry() *prometheus.Registry {
	r := f.role.Metrics
	if r == nil {
		r = prometheus.NewRegistry()
	}
	f.lastReload = prometheus.NewGauge(prometheus.GaugeOpts{Name: "p2p_serve_last_reload_success", Help: "Whether every file could be read at the last SIGHUP (1 before the first)."})
	f.lastReload.Set(1)
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "p2p_serve_requests_in_flight", Help: "HTTP requests being answered."},
		func() float64 { return float64(f.busy.Load()) })
	r.MustRegister(f.lastReload, open, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func (f *frame) readyz(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if !f.ready.Load() {
		status = http.StatusServiceUnavailable
	}
	Answer(w, status, map[string]bool{"ready": f.ready.Load()})
}
