package probe

import (
	"context"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// maxLeaves bounds how many addresses one name may make the prober dial.
const maxLeaves = 64

// resolve turns the target into concrete addresses. The stage is nil where there was nothing to ask.
func (p *Prober) resolve(ctx context.Context, a *addr.Address, r *Report, start time.Time) ([]*spot, *Stage, *fail.Error) {
	if !hasName(a.MA) {
		s, err := newSpot(a.MA, "", "")
		if err != nil {
			return nil, nil, err
		}
		return []*spot{s}, nil, nil
	}
	s := &Stage{Stage: "dns", StartMS: ms(time.Since(start))}
	p.observe(r.Target, a.Transport, *s, false, nil)
	begin := time.Now()
	res, err := p.o.Resolver.Resolve(ctx, a.MA)
	s.TookMS, s.OK = ms(time.Since(begin)), err == nil
	if res != nil {
		s.set("chain", res.Chain)
		r.Warnings = append(r.Warnings, res.Warnings...)
	}
	if err != nil && over(ctx) {
		err = cut(ctx, "dns", err)
	}
	var spots []*spot
	if err == nil {
		spots, err = spotsOf(res, r)
		s.OK = err == nil
	}
	p.observe(r.Target, a.Transport, *s, true, err)
	return spots, s, err
}

// spotsOf keeps the leaves that can be dialed; the others are warnings unless there is none else.
func spotsOf(res *addr.Resolution, r *Report) ([]*spot, *fail.Error) {
	var spots []*spot
	var last *fail.Error
	for _, l := range res.Leaves {
		s, err := newSpot(l.MA, l.From, l.Host)
		if err != nil {
			last = err
			r.Warnings = append(r.Warnings, err)
			continue
		}
		if spots = append(spots, s); len(spots) == maxLeaves {
			break
		}
	}
	if len(spots) > 0 {
		r.Warnings = append(r.Warnings, res.Failures...)
		return spots, nil
	}
	if last == nil {
		last = fail.New(fail.DNSNoData, "%q resolves to no address", r.Target).WithHint("p2p addr resolve %s", r.Target)
	}
	return nil, last
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
