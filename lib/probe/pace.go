package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Pacer keeps the prober below the limits of a default go-libp2p host, which admits 16 connections
// from one IP and then one every five seconds, eight at a time, and of a default js-libp2p node, which
// resets what comes after five connections within a second. Loopback is exempt here.
type Pacer struct {
	Burst    int           // connections at once, and open at the same time; 0: no pace, only counting
	Interval time.Duration // between further ones

	mu    sync.Mutex
	hosts map[netip.Addr]*pace
}

// NewPacer returns a Pacer of eight connections, then one every five seconds.
func NewPacer() *Pacer { return &Pacer{Burst: 8, Interval: 5 * time.Second} }

const (
	linger    = time.Second     // how long a closed connection counts as open: Go's HTTP server, for one, ends it only after 500 ms
	memory    = 2 * time.Minute // how long a dial counts as a reason for a refusal; a default host forgets 16 in 80 s
	maxMemory = 1000            // dials
	perWindow = 5               // connections that start within a window, which is a second and some jitter of the path
	window    = 1200 * time.Millisecond
	maxHosts  = 4096 // beyond it, what is at rest is forgotten
)

type pace struct {
	next   time.Time     // when the bucket is full again, less Burst intervals
	open   chan struct{} // one token per open connection
	used   int           // waiting or connected
	recent []time.Time   // dials of the last two minutes
	starts []time.Time   // the places given within the last window and ahead, in order
}

// turn is one walk's place in the pace of its remote IP. The nil turn, of loopback, has no limits.
type turn struct {
	p *Pacer
	h *pace
}

// wait blocks until one more connection to ip is polite. The turn must be ended when the connection is closed.
func (p *Pacer) wait(ctx context.Context, ip netip.Addr) (*turn, error) {
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return nil, ctx.Err()
	}
	t := &turn{p, p.enter(ip)}
	if p.Burst > 0 {
		select {
		case t.h.open <- struct{}{}:
		case <-ctx.Done():
			p.use(t.h, -1)
			return nil, ctx.Err()
		}
		if err := t.sleep(ctx, p.reserve(t.h)); err != nil {
			<-t.h.open // never connected
			p.use(t.h, -1)
			return nil, err
		}
	}
	p.count(t.h)
	return t, nil
}

// sleep waits for the place that was reserved, or gives it back.
func (t *turn) sleep(ctx context.Context, at time.Time) error {
	delay := time.Until(at)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		t.p.mu.Lock()
		defer t.p.mu.Unlock()
		t.h.next = t.h.next.Add(-t.p.Interval)
		if i := slices.Index(t.h.starts, at); i >= 0 {
			t.h.starts = slices.Delete(t.h.starts, i, i+1)
		}
		return ctx.Err()
	}
}

// again asks for one more connection, a diagnostic one, without waiting: where the pace has no room
// for it, the diagnosis goes without.
func (t *turn) again() (end func(), ok bool) {
	if t == nil {
		return func() {}, true
	}
	p, h := t.p, t.h
	if p.Burst <= 0 {
		p.count(h)
		return func() {}, true
	}
	select {
	case h.open <- struct{}{}:
	default:
		return nil, false
	}
	if !p.spare(h) {
		<-h.open
		return nil, false
	}
	p.count(h)
	p.use(h, 1)
	return t.close, true
}

// dials returns how many connections to this IP this prober has opened in the last two minutes.
func (t *turn) dials() int {
	if t == nil {
		return 0
	}
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.h.trim(time.Now())
	return len(t.h.recent)
}

func (t *turn) end() {
	if t == nil {
		return
	}
	t.close()
}

// close gives the place among the open connections free, when the remote too has noticed.
func (t *turn) close() {
	if t.p.Burst <= 0 {
		t.p.use(t.h, -1)
		return
	}
	time.AfterFunc(linger, func() {
		<-t.h.open
		t.p.use(t.h, -1)
	})
}

// reserve takes the next place of a token bucket: Burst at once, then one per Interval.
func (p *Pacer) reserve(h *pace) (at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delay := max(p.delay(h), h.gap(), 0)
	h.next = h.next.Add(p.Interval)
	at = time.Now().Add(delay)
	h.start(at)
	return at
}

// gap is how long the window has no room for one more start.
func (h *pace) gap() time.Duration {
	if n := len(h.starts); n >= perWindow {
		return time.Until(h.starts[n-perWindow].Add(window))
	}
	return 0
}

func (h *pace) start(at time.Time) {
	h.starts = slices.DeleteFunc(h.starts, func(t time.Time) bool { return time.Since(t) > window })
	h.starts = append(h.starts, at)
	slices.SortFunc(h.starts, time.Time.Compare)
}

// spare takes a place only if there is one now.
func (p *Pacer) spare(h *pace) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay(h) > 0 || h.gap() > 0 {
		return false
	}
	h.next = h.next.Add(p.Interval)
	h.start(time.Now())
	return true
}

func (p *Pacer) delay(h *pace) time.Duration {
	now := time.Now()
	if h.next.Before(now) {
		h.next = now
	}
	return h.next.Sub(now) - time.Duration(p.Burst-1)*p.Interval
}

func (p *Pacer) count(h *pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if h.trim(now); len(h.recent) < maxMemory {
		h.recent = append(h.recent, now)
	}
}

func (h *pace) trim(now time.Time) {
	n := 0
	for n < len(h.recent) && now.Sub(h.recent[n]) > memory {
		n++
	}
	h.recent = h.recent[n:]
}

func (p *Pacer) enter(ip netip.Addr) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[netip.Addr]*pace{}
	}
	h := p.hosts[ip]
	if h == nil {
		p.forget()
		h = &pace{open: make(chan struct{}, max(p.Burst, 0))}
		p.hosts[ip] = h
	}
	h.used++
	return h
}

func (p *Pacer) use(h *pace, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.used += n
}

// forget drops hosts whose bucket is full again, so that a long run does not grow.
func (p *Pacer) forget() {
	if len(p.hosts) < maxHosts {
		return
	}
	now := time.Now()
	for ip, h := range p.hosts {
		if h.trim(now); h.used == 0 && h.next.Before(now) && len(h.recent) == 0 {
			delete(p.hosts, ip)
		}
	}
}
