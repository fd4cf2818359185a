package probe

import (
	"fmt"

	"p2p/lib/fail"
)

// judgeBrowser says which of the walked addresses a page served over HTTPS could dial, and why not the others.
func judgeBrowser(walks []*walk) *Browser {
	b := &Browser{Addrs: []string{}, WhyNot: []string{}}
	for _, w := range walks {
		why := browserWhyNot(w)
		if why == "" {
			b.Addrs = append(b.Addrs, w.rep.Addr)
			continue
		}
		b.WhyNot = append(b.WhyNot, fmt.Sprintf("%s: %s", w.rep.Addr, why))
	}
	b.Dialable = len(b.Addrs) > 0
	return b
}

func browserWhyNot(w *walk) string {
	s := w.spot
	if s.transport == "p2p-circuit" && s.relay != nil {
		s = s.relay
	}
	switch s.transport {
	case "tcp", "quic-v1":
		return "a browser cannot open raw TCP or QUIC; it needs wss, webtransport or webrtc-direct"
	case "ws":
		if !s.ip.IsLoopback() {
			return "a page served over HTTPS may not open ws:// (mixed content); use wss"
		}
	case "wss":
		if s.host == "" && !s.ip.IsLoopback() {
			return "a certificate for a bare IP address is rare, and js-libp2p's default gater wants a name; use /dns4/NAME"
		}
	}
	if !w.rep.OK {
		return "it cannot be dialed at all: " + string(w.rep.Error.Code)
	}
	return ""
}

func browserError(r *Report) *fail.Error {
	why := "it has no address that a browser can dial"
	if len(r.Browser.WhyNot) > 0 {
		why = r.Browser.WhyNot[0]
	}
	return fail.New(fail.AddrNoTransport, "the target answers, but no browser can dial it: %s", why).WithStage("plan").
		WithHint("let the node listen on wss, webtransport or webrtc-direct as well")
}
