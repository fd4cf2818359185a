package probe

import "fmt"

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
	case "webrtc-direct":
		if s.host != "" {
			return "js-libp2p dials webrtc-direct by IP address only, not by the name " + s.host
		}
	}
	if !w.rep.OK {
		return "it cannot be dialed at all: " + string(w.rep.Error.Code)
	}
	return ""
}
