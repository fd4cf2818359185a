package probe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/serve"
)

func fleet(jobs int) *flights {
	return newFlights(serve.NewLimiter(serve.Rate{Burst: 3, Interval: time.Hour}), jobs)
}

// Identical probes are one; its first client may leave without ending it for the others.
func TestSharedFlight(t *testing.T) {
	s := fleet(8)
	var runs atomic.Int64
	release := make(chan bool)
	run := func(ctx context.Context) *probe.Report {
		runs.Add(1)
		select {
		case <-release:
			return &probe.Report{OK: true}
		case <-ctx.Done():
			return &probe.Report{Error: fail.Of(ctx.Err())}
		}
	}
	first, _, _ := s.join("a", "host", time.Minute, run)
	for range 9 { // more than the target's rate: they join
		if f, _, by := s.join("a", "host", time.Minute, run); f != first {
			t.Fatalf("another flight (%s)", by)
		}
	}
	s.leave(first)
	release <- true
	<-first.done
	if runs.Load() != 1 || !first.report.OK {
		t.Errorf("%d runs, %+v", runs.Load(), first.report)
	}
	if next, _, _ := s.join("a", "host", time.Minute, run); next == first {
		t.Error("a flight that has landed is joined")
	}
	s.close()
	if f, wait, by := s.join("a", "host", time.Minute, run); f != nil || wait <= 0 || by != "server" {
		t.Error("a closed server takes passengers")
	}
}

// The last to leave ends the probe, and the next to ask gets a new one, not the cancelled one.
func TestEmptyFlightEnds(t *testing.T) {
	s := fleet(8)
	run := func(ctx context.Context) *probe.Report { <-ctx.Done(); return &probe.Report{Error: fail.Of(ctx.Err())} }
	f, _, _ := s.join("a", "host", time.Minute, run)
	s.leave(f)
	g, _, _ := s.join("a", "host", time.Minute, run)
	if g == f {
		t.Error("the cancelled flight is joined")
	}
	<-f.done
	if f.report.Error.Code != fail.Interrupted {
		t.Errorf("%+v", f.report.Error)
	}
	s.close()
	if n := s.inFlight(); n != 0 {
		t.Errorf("%v are still under way", n)
	}
}

func TestLimitsOfFlights(t *testing.T) {
	s := fleet(2)
	run := func(ctx context.Context) *probe.Report { <-ctx.Done(); return &probe.Report{} }
	for i, want := range []string{"", "", "server"} {
		if _, _, by := s.join(string(rune('a'+i)), "host", time.Minute, run); by != want {
			t.Errorf("flight %d: limited by %q, want %q", i, by, want)
		}
	}
	s.close()
	s = fleet(9)
	defer s.close()
	for i, want := range []string{"", "", "", "target"} {
		_, wait, by := s.join(string(rune('a'+i)), "host", time.Minute, run)
		if by != want || (wait > 0) != (want != "") {
			t.Errorf("flight %d: limited by %q for %s, want %q", i, by, wait, want)
		}
	}
	if _, _, by := s.join("z", "other", time.Minute, run); by != "" {
		t.Errorf("another target is limited by %q", by)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	f, _, _ := s.join("y", "third", time.Millisecond, run)
	select {
	case <-f.done:
	case <-ctx.Done():
		t.Error("the bound of a flight does not end it")
	}
}

func TestScrapeTimeout(t *testing.T) {
	e := &exporter{timeout: 30 * time.Second}
	for header, want := range map[string]time.Duration{"": 30 * time.Second, "10": 9500 * time.Millisecond, "0.1": time.Second, "120": 30 * time.Second,
		"-1": 30 * time.Second, "NaN": 30 * time.Second, "x": 30 * time.Second, "Inf": 30 * time.Second, "1e300": 30 * time.Second} {
		r := httptest.NewRequest(http.MethodGet, "/probe", nil)
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", header)
		if got := e.bound(r); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "target=/ip4/127.0.0.1/tcp/1", "target=/ip4/127.0.0.1/tcp/1&want=/a&want=/b&format=prometheus", "target=%2F;x", "a=%zz", "target=x&want=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if (q == nil) == (err == nil) {
			t.Fatalf("%v %v", q, err)
		}
		if err != nil && err.Kind() != fail.KindUsage {
			t.Errorf("%q: %+v", raw, err)
		}
	})
}
