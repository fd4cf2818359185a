package probe

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Pacer keeps the prober below the limits of a default go-libp2p host, which admits 16 connections
// from one IP and then one every five seconds, eight at a time. Loopback is exempt there and here.
type Pacer struct {
	Burst    int           // connections at once, and open at the same time
	Interval time.Duration // between further ones

	mu    sync.Mutex
	hosts map[netip.Addr]*pace
}

// NewPacer returns a Pacer of eight connections, then one every five seconds.
func NewPacer() *Pacer { return &Pacer{Burst: 8, Interval: 5 * time.Second} }

type pace struct {
	next time.Time     // when the bucket is full again, less Burst intervals
	open chan struct{} // one token per open connection
	used int           // waiting or connected
	all  int           // connections so far
}

// wait blocks until one more connection to ip is polite. It returns how many this prober has opened
// to ip before, and a release to call when the connection is closed.
func (p *Pacer) wait(ctx context.Context, ip netip.Addr) (before int, release func(), err error) {
	if ip.IsLoopback() || p.Burst <= 0 {
		return 0, func() {}, ctx.Err()
	}
	h := p.enter(ip)
	select {
	case h.open <- struct{}{}:
	case <-ctx.Done():
		p.leave(ip, h)
		return 0, nil, ctx.Err()
	}
	release = func() { <-h.open; p.leave(ip, h) }
	before, delay := p.reserve(h)
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			release()
			return 0, nil, ctx.Err()
		}
	}
	return before, release, nil
}

// reserve takes the next place of a token bucket: Burst at once, then one per Interval.
func (p *Pacer) reserve(h *pace) (before int, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if h.next.Before(now) {
		h.next = now
	}
	delay = h.next.Sub(now) - time.Duration(p.Burst-1)*p.Interval
	h.next = h.next.Add(p.Interval)
	h.all++
	return h.all - 1, delay
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
		h = &pace{open: make(chan struct{}, p.Burst)}
		p.hosts[ip] = h
	}
	h.used++
	return h
}

func (p *Pacer) leave(_ netip.Addr, h *pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.used--
}

// forget drops hosts whose bucket is full again, so that a long run does not grow.
func (p *Pacer) forget() {
	if len(p.hosts) < 4096 {
		return
	}
	for ip, h := range p.hosts {
		if h.used == 0 && h.next.Before(time.Now()) {
			delete(p.hosts, ip)
		}
	}
}
