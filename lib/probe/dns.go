package probe

import (
	"context"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// How many addresses one name may make the prober dial; fewer where strangers name the target.
const (
	maxLeaves  = 512
	maxStrange = 64
)

// resolve turns the target into one walk for each concrete address. An address that leads nowhere
// is a walk that is over already.
func (p *Prober) resolve(ctx context.Context, a *addr.Address, r *Report, start time.Time) []*walk {
	if !hasName(a.MA) {
		return []*walk{p.leaf(addr.Leaf{MA: a.MA}, nil, start, r)}
	}
	ctx, cancel := within(ctx, p.o.Timeout)
	defer cancel()
	s := &Stage{Stage: "dns", StartMS: ms(time.Since(start))}
	p.observe(r.Target, a.Transport, *s, false, nil)
	begin, whole := time.Now(), a.MA.String()
	res, err := p.o.Resolver.Resolve(ctx, a.MA)
	s.TookMS = ms(time.Since(begin))
	var walks []*walk
	switch {
	case res != nil && len(res.Leaves) > 0:
		s.OK = true
		walks = p.leaves(res, whole, s, start, r)
	case err != nil && over(ctx):
		walks = []*walk{p.dead(whole, whole, s, start, cut(ctx, "dns", err))}
	case res != nil && len(res.Failures) > 0:
		walks = p.failures(res.Failures, whole, s, start)
	case err != nil:
		walks = []*walk{p.dead(whole, whole, s, start, err)}
	}
	if res != nil {
		s.set("chain", res.Chain)
		if n := res.Omitted + max(0, len(res.Leaves)-p.mostLeaves()); n > 0 {
			s.set("omitted", n)
		}
		r.Warnings = append(r.Warnings, res.Warnings...)
	}
	p.observe(r.Target, a.Transport, *s, true, err)
	return walks
}

func (p *Prober) mostLeaves() int {
	if p.o.Discreet {
		return maxStrange
	}
	return maxLeaves
}

// leaves makes the walks of a resolution that led somewhere. Slips of the zone beside good records are warnings.
func (p *Prober) leaves(res *addr.Resolution, whole string, s *Stage, start time.Time, r *Report) []*walk {
	var walks []*walk
	for _, l := range res.Leaves[:min(len(res.Leaves), p.mostLeaves())] {
		walks = append(walks, p.leaf(l, s, start, r))
	}
	var lost []*fail.Error
	for _, e := range res.Failures {
		if at, _ := e.Detail["addr"].(string); e.Code == fail.DNSDnsaddrMalformed || strings.Count(at, "/") == 2 && !strings.HasPrefix(at, "/dnsaddr/") {
			r.Warnings = append(r.Warnings, e) // also a name whose other address family was answered
			continue
		}
		lost = append(lost, e)
	}
	return append(walks, p.failures(lost, whole, s, start)...)
}

func (p *Prober) failures(all []*fail.Error, whole string, s *Stage, start time.Time) []*walk {
	var walks []*walk
	for _, e := range all {
		at, ok := e.Detail["addr"].(string)
		if !ok {
			at = whole
		}
		walks = append(walks, p.dead(at, whole, s, start, e))
	}
	return walks
}

// leaf makes the walk of one concrete address, which a DNS record can have made one that must not be dialed.
func (p *Prober) leaf(l addr.Leaf, s *Stage, start time.Time, r *Report) *walk {
	a, err := addr.New(l.MA)
	if err == nil {
		err = p.check(a)
	}
	var at *spot
	if err == nil {
		at, err = newSpot(l.MA, l.From, l.Host)
	}
	if err != nil {
		return p.dead(l.MA.String(), l.From, s, start, err.WithStage("plan"))
	}
	if strings.Contains(r.Target, "/dnsaddr/") {
		for _, e := range a.Warnings {
			if e.Code == fail.AddrMissingPeerID {
				r.Warnings = append(r.Warnings, e)
			}
		}
	}
	return p.newWalk(at, s, start)
}

// dead is the walk of an address that cannot be dialed.
func (p *Prober) dead(text, from string, s *Stage, start time.Time, err *fail.Error) *walk {
	at := &spot{}
	if m, bad := ma.NewMultiaddr(text); bad == nil {
		at.ma = m
		if a, e := addr.New(m); e == nil {
			at.transport, at.peer = a.Transport, a.PeerID
		}
	}
	if from != text {
		at.from = from
	}
	w := p.newWalk(at, s, start)
	w.rep.Addr, w.rep.Error = text, err.WithStage("dns")
	return w
}

func hasName(m ma.Multiaddr) bool {
	for _, c := range m {
		switch c.Protocol().Code {
		case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR:
			return true
		}
	}
	return false
}

func (p *Prober) observe(target, transport string, s Stage, done bool, err *fail.Error) {
	if p.o.Observe != nil {
		p.o.Observe(Event{Addr: target, Transport: transport, Stage: s, Done: done, Err: err})
	}
}
