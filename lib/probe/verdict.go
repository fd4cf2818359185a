package probe

import (
	"fmt"
	"slices"
	"strings"

	"p2p/lib/fail"
)

// stageOrder is how far a walk got, for choosing the error that says most.
var stageOrder = []string{"parse", "plan", "dns", "relay", "connect", "tls", "http", "psk", "security", "identity", "muxer", "alive", "protocol"}

// kindOrder breaks ties between errors of the same stage.
var kindOrder = []fail.Kind{fail.KindUntrusted, fail.KindRefused, fail.KindUnsupported, fail.KindUnreachable}

// judge makes one verdict of all walks of a target.
func (p *Prober) judge(r *Report, walks []*walk) {
	r.Warnings = append(r.Warnings, collectWarnings(walks)...)
	for _, w := range walks {
		for _, m := range w.missing {
			if !slices.Contains(r.MissingProtocols, m) {
				r.MissingProtocols = append(r.MissingProtocols, m)
			}
		}
	}
	if best := bestWalk(walks); best != nil {
		r.Identify, r.Ping, r.Relay = best.identify, best.ping, best.relay
		if best.identify != nil {
			r.Roles = roles(best.identify.Protocols)
		}
		if best.spot.peer == "" && best.remote != "" {
			r.PeerID = best.remote.String()
		}
		r.Verified = best.spot.peer != "" && best.spot.peer == best.remote
	}
	if p.o.Browser {
		r.Browser = judgeBrowser(walks)
	}
	if p.o.Discreet {
		hush(r, p.o.Guard)
	}
	if r.Error != nil {
		return
	}
	r.Error = p.verdict(walks)
	r.OK = r.Error == nil
}

// bestWalk is the good walk that came first, else the one that learnt most of the remote.
func bestWalk(walks []*walk) *walk {
	var best *walk
	for _, w := range walks {
		switch {
		case w.rep.OK && (best == nil || !best.rep.OK):
			best = w
		case best == nil || !best.rep.OK && best.identify == nil && w.identify != nil:
			best = w
		}
	}
	return best
}

// verdict is nil when the target is good, else the error of the address that got furthest.
func (p *Prober) verdict(walks []*walk) *fail.Error {
	var bad []*walk
	for _, w := range walks {
		if w.rep.Error != nil {
			bad = append(bad, w)
		}
	}
	if len(bad) == 0 || len(bad) < len(walks) && !p.o.All {
		return nil
	}
	worst := slices.MinFunc(bad, func(a, b *walk) int {
		x, y := a.rep.Error, b.rep.Error
		if d := slices.Index(stageOrder, y.Stage) - slices.Index(stageOrder, x.Stage); d != 0 {
			return d
		}
		return rank(x) - rank(y)
	})
	e := *worst.rep.Error
	if others := countOthers(bad, worst); others != "" {
		e.Message += "; of the other addresses " + others
	}
	return &e
}

func rank(e *fail.Error) int {
	if i := slices.Index(kindOrder, e.Kind()); i >= 0 {
		return i
	}
	return len(kindOrder)
}

// countOthers counts the other failed addresses by code, in a stable order.
func countOthers(bad []*walk, but *walk) string {
	var codes []string
	n := map[string]int{}
	for _, w := range bad {
		if w == but {
			continue
		}
		c := string(w.rep.Error.Code)
		if n[c] == 0 {
			codes = append(codes, c)
		}
		n[c]++
	}
	slices.Sort(codes)
	for i, c := range codes {
		codes[i] = fmt.Sprintf("%d %s", n[c], c)
	}
	return strings.Join(codes, ", ")
}

func collectWarnings(walks []*walk) []*fail.Error {
	all := []*fail.Error{}
	direct := slices.ContainsFunc(walks, func(w *walk) bool { return w.rep.OK && !w.limited })
	for _, w := range walks {
		for _, e := range w.warnings {
			if direct && e.Code == fail.RelayLimited { // there is more than the limited connection
				continue
			}
			same := func(o *fail.Error) bool { return o.Code == e.Code && o.Message == e.Message }
			if !slices.ContainsFunc(all, same) {
				all = append(all, e)
			}
		}
	}
	return all
}
