package probe

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"p2p/lib/addr"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
	"p2p/lib/probe"
	"p2p/lib/serve"
)

// Bounds of a query.
const (
	maxTarget = 2048 // bytes
	maxWants  = 16
	maxWant   = 256 // bytes of a protocol
)

// exporter answers /probe: at most jobs probes at a time, identical ones being one.
type exporter struct {
	options probe.Options
	policy  probe.Policy
	tokens  *serve.Tokens // nil: nobody needs one
	clients *serve.Limiter
	timeout time.Duration
	flights *flights
	meter   *meter
	observe func(probed) // nil: nobody
}

// probed is the event of one answered probe.
type probed struct {
	Target string    `json:"target"`
	OK     bool      `json:"ok"`
	Code   fail.Code `json:"code,omitempty"`
	TookMS float64   `json:"took_ms"`
}

// Text shows it in one line.
func (p probed) Text(w *out.Text) {
	w.Printf("%s %s %s (%.1f ms)\n", w.Mark(p.OK), out.Clean(p.Target, 200), p.Code, p.TookMS)
}

func newExporter(o probe.Options, p probe.Policy, client, target serve.Rate, jobs int, timeout time.Duration) *exporter {
	e := &exporter{options: o, policy: p, clients: serve.NewLimiter(client), timeout: timeout}
	e.flights = newFlights(serve.NewLimiter(target), jobs)
	e.meter = newMeter(e.flights)
	return e
}

// close ends the probes under way and waits for them.
func (e *exporter) close() { e.flights.close() }

// handler routes the requests. Without a token, a web page on this machine must not be able to make a
// loopback server look into the private network under a name of its own.
func (e *exporter) handler(loopback bool) http.Handler {
	ask := e.serveProbe
	if e.tokens != nil {
		ask = e.tokens.Require(ask)
	}
	h := serve.Routes(map[string]http.HandlerFunc{
		"/probe":   e.limited(ask),
		"/healthz": serve.Healthy,
		"/version": func(w http.ResponseWriter, _ *http.Request) {
			serve.Answer(w, http.StatusOK, struct {
				Schema string `json:"schema"`
				cmd.Version
			}{"p2p.version/1", cmd.ReadVersion()})
		},
	})
	if loopback && e.policy.Private && e.tokens == nil {
		return serve.LocalNames(h)
	}
	return h
}

// limited holds each client to its rate, also while it guesses tokens.
func (e *exporter) limited(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if wait := e.clients.Take(serve.Client(r).String()); wait > 0 {
			e.meter.limited.WithLabelValues("client").Inc()
			serve.RefuseFor(w, wait, fail.New(fail.ServeRateLimited, "too many requests of this client").WithHint("ask again later: the header Retry-After says when"))
			return
		}
		h(w, r)
	}
}

type query struct {
	target     *addr.Address
	want       []string
	prometheus bool
	bound      time.Duration
}

// parseQuery takes target, want and format and refuses everything else.
func parseQuery(raw string) (*query, *fail.Error) {
	v, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fail.New(fail.UsageArgument, "the query cannot be parsed: %w", err)
	}
	for name := range v {
		if !slices.Contains([]string{"target", "want", "format"}, name) {
			return nil, fail.New(fail.UsageArgument, "unknown parameter %q", out.Clean(name, 40)).WithHint("the query sets target, want and format; all else is the operator's")
		}
	}
	q := &query{want: v["want"]}
	switch format := v["format"]; {
	case len(v["target"]) != 1 || len(v.Get("target")) > maxTarget:
		return nil, fail.New(fail.UsageArgument, "one parameter target of at most %d bytes is needed", maxTarget).WithHint("/probe?target=/ip4/192.0.2.1/tcp/4001")
	case len(format) > 1 || len(format) == 1 && format[0] != "json" && format[0] != "prometheus":
		return nil, fail.New(fail.UsageArgument, "format is json or prometheus, not %q", out.Clean(strings.Join(format, " "), 40))
	case len(q.want) > maxWants:
		return nil, fail.New(fail.UsageArgument, "more than %d parameters want", maxWants)
	}
	for _, p := range q.want {
		if p == "" || len(p) > maxWant || out.Clean(p, maxWant) != p {
			return nil, fail.New(fail.UsageArgument, "want=%q is no protocol id", out.Clean(p, 40)).WithHint("such as want=/ipfs/kad/1.0.0")
		}
	}
	q.want = slices.Compact(slices.Sorted(slices.Values(q.want)))
	q.prometheus = v.Get("format") == "prometheus"
	var bad *fail.Error
	if q.target, bad = addr.Parse(v.Get("target")); bad != nil {
		return nil, bad.WithStage("parse")
	}
	return q, nil
}

// bound is how long the probe may take: Prometheus says when it will have gone, and an answer that
// names the silent peer is worth more than a failed scrape.
func (e *exporter) bound(r *http.Request) time.Duration {
	s, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(s > 0 && s < 3600) {
		return e.timeout
	}
	return min(max(time.Duration(s*float64(time.Second))-500*time.Millisecond, time.Second), e.timeout)
}

func (e *exporter) serveProbe(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		serve.Refuse(w, http.StatusBadRequest, err)
		return
	}
	q.bound = e.bound(r)
	o := e.options
	o.Want = q.want
	if o.Guard, err = e.policy.Guard(q.target); err != nil {
		e.meter.count(err.Code)
		serve.Refuse(w, http.StatusForbidden, err)
		return
	}
	key := strings.Join(append([]string{q.target.MA.String(), q.bound.String()}, q.want...), "\x00")
	f, wait, by := e.flights.join(key, probe.Host(q.target), q.bound, func(ctx context.Context) *probe.Report { return e.probe(ctx, o, q) })
	if f == nil {
		e.meter.limited.WithLabelValues(by).Inc()
		serve.RefuseFor(w, wait, fail.New(fail.ServeRateLimited, "too many probes: the limit of %s is reached", by).WithHint("ask again later: the header Retry-After says when"))
		return
	}
	defer e.flights.leave(f)
	select {
	case <-f.done:
		answer(w, r, q, f.report)
	case <-r.Context().Done():
	}
}

func (e *exporter) probe(ctx context.Context, o probe.Options, q *query) *probe.Report {
	r := probe.New(o).Probe(ctx, q.target.MA.String())
	e.meter.probed(r)
	if e.observe != nil {
		p := probed{Target: r.Target, OK: r.OK, TookMS: r.TookMS}
		if r.Error != nil {
			p.Code = r.Error.Code
		}
		e.observe(p)
	}
	return r
}

// answer writes the report. A target that could never be dialed is the client's mistake; one that may
// not be dialed gets no report, because it would say what this machine's DNS knows of it.
func answer(w http.ResponseWriter, r *http.Request, q *query, rep *probe.Report) {
	status := http.StatusOK
	switch e := rep.Error; {
	case e != nil && e.Code == fail.ServeForbidden:
		serve.Refuse(w, http.StatusForbidden, e)
		return
	case e != nil && e.Kind() == fail.KindUsage:
		status = http.StatusBadRequest
	}
	if q.prometheus && status == http.StatusOK {
		promhttp.HandlerFor(probe.Metrics(rep, q.want), promhttp.HandlerOpts{}).ServeHTTP(w, r)
		return
	}
	serve.Answer(w, status, struct {
		Schema string `json:"schema"`
		*probe.Report
	}{"p2p.probe/1", rep})
}
