package probe

import (
	"context"
	"sync"
	"time"

	"p2p/lib/probe"
	"p2p/lib/serve"
)

// flights are the probes under way. Who asks for one that flies already joins it; it ends with its last
// passenger, not with its first.
type flights struct {
	targets *serve.Limiter
	jobs    int

	mu     sync.Mutex
	flying map[string]*flight
	active int // until the probe itself has ended
	closed bool
	wg     sync.WaitGroup
}

type flight struct {
	done   chan struct{} // closed when report is there
	report *probe.Report
	key    string
	aboard int
	cancel context.CancelFunc
}

func newFlights(targets *serve.Limiter, jobs int) *flights {
	return &flights{targets: targets, jobs: jobs, flying: map[string]*flight{}}
}

// join returns the flight of that key, a new one where there is none; nil when a limit forbids it,
// with the time to wait and the limit's name.
func (s *flights) join(key, host string, bound time.Duration, run func(context.Context) *probe.Report) (f *flight, wait time.Duration, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.flying[key]; f != nil {
		f.aboard++
		return f, 0, ""
	}
	if s.active >= s.jobs || s.closed {
		return nil, time.Second, "server"
	}
	if wait = s.targets.Take(host); wait > 0 {
		return nil, wait, "target"
	}
	// Not the request's context: others may come aboard, and its client may leave.
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	f = &flight{done: make(chan struct{}), key: key, aboard: 1, cancel: cancel}
	s.flying[key] = f
	s.active++
	s.wg.Go(func() {
		defer cancel()
		f.report = run(ctx)
		s.land(f)
	})
	return f, 0, ""
}

// land makes the report public; who asks from now on gets a new probe.
func (s *flights) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.forget(f)
	close(f.done)
}

// leave ends a flight that nobody waits for any more.
func (s *flights) leave(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.aboard--; f.aboard == 0 {
		f.cancel()
		s.forget(f)
	}
}

func (s *flights) forget(f *flight) {
	if s.flying[f.key] == f {
		delete(s.flying, f.key)
	}
}

func (s *flights) inFlight() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.active)
}

// close ends every flight, takes no more, and waits.
func (s *flights) close() {
	s.mu.Lock()
	s.closed = true
	for _, f := range s.flying {
		f.cancel()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
