package addr

import (
	"fmt"
	"net/netip"
	"strings"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// replacement says what an obsolete protocol was, what to use instead, and its new name if only the name changed.
type replacement struct{ was, instead, name string }

// obsolete knows the protocols of old guides, most of which go-multiaddr cannot parse any more.
func obsolete(name string) (replacement, bool) {
	star := "dial the peer over a circuit relay: RELAY-ADDRESS/p2p-circuit/webrtc/p2p/ID"
	switch name {
	case "p2p-webrtc-star", "libp2p-webrtc-star":
		return replacement{"webrtc-star's signalling servers are gone since js-libp2p 0.43; a circuit relay signals instead", star, ""}, true
	case "p2p-websocket-star", "libp2p-websocket-star":
		return replacement{"websocket-star was removed from js-libp2p in 2019", "dial the peer over a circuit relay: RELAY-ADDRESS/p2p-circuit/p2p/ID", ""}, true
	case "p2p-stardust", "libp2p-stardust":
		return replacement{"stardust was removed from js-libp2p in 2020", "dial the peer over a circuit relay: RELAY-ADDRESS/p2p-circuit/p2p/ID", ""}, true
	case "p2p-webrtc-direct", "libp2p-webrtc-direct":
		return replacement{"it signalled over HTTP on a TCP port", "today's listener is /udp/PORT/webrtc-direct/certhash/HASH; ask the peer for its current address", ""}, true
	case "quic":
		return replacement{"it is QUIC draft 29, which no current node speaks", "a current node listens for QUIC v1, mostly on the same UDP port", "quic-v1"}, true
	case "utp":
		return replacement{"libp2p never shipped uTP", "use /udp/PORT/quic-v1 or /tcp/PORT", ""}, true
	case "udt":
		return replacement{"libp2p never shipped UDT", "use /udp/PORT/quic-v1 or /tcp/PORT", ""}, true
	case "onion":
		return replacement{"Tor switched onion version 2 off in 2021", "use /onion3 with a Tor transport; go-libp2p and js-libp2p have none", ""}, true
	case "libp2p-circuit":
		return replacement{"it is the old name of /p2p-circuit", "", "p2p-circuit"}, true
	}
	return replacement{}, false
}

// names are all protocols that a multiaddr may hold today; obsolete ones are never proposed.
func names() []string {
	return []string{"ip4", "ip6", "ip6zone", "ipcidr", "dns", "dns4", "dns6", "dnsaddr", "tcp", "udp", "p2p", "ws", "wss", "tls", "sni",
		"quic-v1", "webtransport", "webrtc", "webrtc-direct", "certhash", "p2p-circuit", "unix", "memory", "http", "https", "http-path",
		"onion3", "garlic32", "garlic64", "noise", "plaintextv2", "dccp", "sctp"}
}

// synonyms are wrong names whose meaning is plain, though no edit distance finds it.
func synonym(name string) string {
	switch name {
	case "ipv4":
		return "ip4"
	case "ipv6":
		return "ip6"
	case "websocket", "websockets":
		return "ws"
	case "peer", "id", "peerid", "peer-id":
		return "p2p"
	case "host", "domain", "hostname":
		return "dns"
	case "quicv1":
		return "quic-v1"
	case "circuit", "relay":
		return "p2p-circuit"
	}
	return ""
}

func knownName(s string) bool {
	if _, old := obsolete(s); old {
		return true
	}
	return ma.ProtocolWithName(s).Code != 0
}

// isName tells the protocols whose value may well be spelled like a protocol: a host may be called "ws".
func isName(code int) bool {
	switch code {
	case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR, ma.P_SNI, ma.P_IP6ZONE, ma.P_UNIX, ma.P_HTTP_PATH:
		return true
	}
	return false
}

// unknown explains a name that is no protocol: a value without its name, or a typing error.
func (r *reader) unknown(text string, at, end int, name string) *fault {
	f := &fault{code: fail.AddrUnknownProtocol, offset: r.base + at, component: "/" + clip(name, 200),
		what: fmt.Sprintf("unknown protocol %q at offset %d", clip(name, 64), r.base+at)}
	put := func(s string) { f.repair = text[:at] + s + text[end:] }
	prev := ""
	if n := len(r.out.Components); n > 0 {
		prev = r.out.Components[n-1].Name
	}
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		f.hint = "an IP address follows its protocol"
		put(ipComponent(ip))
		return f
	}
	switch {
	case digits(name):
		f.hint = "a number is a port: write /tcp/PORT or /udp/PORT"
		if prev == "ip4" || prev == "ip6" || strings.HasPrefix(prev, "dns") {
			put("/tcp/" + name)
		}
	case validPeerID(name):
		f.hint = "a peer id follows /p2p/"
		put("/p2p/" + name)
	case prev == "http-path":
		f.hint = "a slash inside an http-path is written %2F"
	case prev == "":
		if s := hostPort(name); s != "" {
			f.hint = "the host comes behind its protocol"
			if end < len(text) {
				s = strings.Replace(s, "/dnsaddr/", "/dns/", 1)
			}
			put(s)
		}
	}
	if f.hint != "" {
		return f
	}
	if n := nearest(name); n != "" {
		f.what += fmt.Sprintf("; the nearest known name is %q", n)
		put("/" + n)
	}
	return f
}

// nearest returns the known protocol that name was most likely meant to be, or "".
func nearest(name string) string {
	low := strings.ToLower(name)
	if s := synonym(low); s != "" {
		return s
	}
	if len(low) > 32 {
		return ""
	}
	best, dist := "", 3
	if len(low) <= 3 {
		dist = 2
	}
	for _, n := range names() {
		if d := distance(low, n); d < dist {
			best, dist = n, d
		}
	}
	return best
}

// distance counts the inserted, dropped, changed and swapped letters between a and b.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
