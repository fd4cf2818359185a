package probe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"p2p/lib/fail"
)

// Metrics returns a report as a registry of its own, for the Prometheus text format. Labels hold
// addresses and words of closed sets, never what a remote says of itself: it could make them grow.
func Metrics(r *Report, want []string) *prometheus.Registry {
	m := &metrics{prometheus.NewRegistry()}
	m.value("p2p_probe_success", "Whether the target is good (1) or not (0).", flag(r.OK))
	m.value("p2p_probe_verified", "Whether the peer id in the target is the one that answered.", flag(r.Verified))
	m.value("p2p_probe_duration_seconds", "How long the whole probe took.", r.TookMS/1000)
	m.value("p2p_probe_addresses", "Addresses that the target led to.", float64(len(r.Addresses)))
	m.addresses(r)
	if e := r.Error; e != nil {
		m.family("p2p_probe_error_info", "The verdict on a target that is not good (always 1).", "code", "stage").
			WithLabelValues(string(e.Code), e.Stage).Set(1)
	}
	warnings := m.family("p2p_probe_warning_info", "Warnings beside the verdict (always 1).", "code")
	for _, w := range r.Warnings {
		warnings.WithLabelValues(string(w.Code)).Set(1)
	}
	if p := r.Ping; p != nil {
		rtt := m.family("p2p_probe_ping_rtt_seconds", "Round trip time of the pings over the connection.", "stat")
		rtt.WithLabelValues("min").Set(p.MinMS / 1000)
		rtt.WithLabelValues("avg").Set(p.AvgMS / 1000)
		rtt.WithLabelValues("max").Set(p.MaxMS / 1000)
		m.value("p2p_probe_pings_sent", "Pings sent over the connection.", float64(p.Sent))
		m.value("p2p_probe_pings_lost", "Pings without an echo.", float64(p.Lost))
	}
	if r.Relay != nil && r.Relay.LimitDataByte > 0 {
		m.value("p2p_probe_relay_limit_bytes", "Data that the relay passes on before it closes the circuit.", float64(r.Relay.LimitDataByte))
	}
	m.protocols(r, want)
	return m.Registry
}

type metrics struct{ *prometheus.Registry }

func (m *metrics) value(name, help string, v float64) {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	g.Set(v)
	m.MustRegister(g)
}

func (m *metrics) family(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.MustRegister(g)
	return g
}

func (m *metrics) addresses(r *Report) {
	success := m.family("p2p_probe_address_success", "Whether the address is good (1) or not (0).", "addr", "transport")
	errors := m.family("p2p_probe_address_error_info", "What is wrong with an address (always 1).", "addr", "code", "stage")
	stages := m.family("p2p_probe_stage_duration_seconds", "How long each stage of the walk along an address took.", "addr", "stage")
	expiry := m.family("p2p_probe_tls_not_after_timestamp_seconds", "When the certificate of an address expires, in Unix time.", "addr")
	for _, a := range r.Addresses {
		success.WithLabelValues(a.Addr, a.Transport).Set(flag(a.OK))
		if a.Error != nil {
			errors.WithLabelValues(a.Addr, string(a.Error.Code), a.Error.Stage).Set(1)
		}
		took := map[string]float64{}
		for _, s := range a.Stages {
			took[s.Stage] += s.TookMS / 1000 // the hop in front of a circuit has several steps
			if text, ok := s.Detail["not_after"].(string); ok {
				if t, err := time.Parse(time.RFC3339, text); err == nil {
					expiry.WithLabelValues(a.Addr).Set(float64(t.Unix()))
				}
			}
		}
		for stage, t := range took {
			stages.WithLabelValues(a.Addr, stage).Set(t)
		}
	}
}

// protocols tells of each wanted protocol whether it is spoken; nothing where nobody could be asked.
func (m *metrics) protocols(r *Report, want []string) {
	if len(want) == 0 || !r.OK && (r.Error == nil || r.Error.Code != fail.ProtocolUnsupported) {
		return
	}
	spoken := m.family("p2p_probe_protocol_spoken", "Whether the wanted protocol is spoken (1) or not (0).", "protocol")
	for _, p := range want {
		spoken.WithLabelValues(p).Set(1)
	}
	for _, p := range r.MissingProtocols {
		spoken.WithLabelValues(p).Set(0)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
