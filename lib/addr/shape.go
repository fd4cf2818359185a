package addr

import (
	"net/netip"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
)

// stop is why an address (without its circuit) has no transport: the component and the sentence.
type stop struct {
	at  int // index of the component; len(m) if something is missing at the end
	why string
	fix string
}

// shape returns the transport of an address without circuit, or why it has none. /dnsaddr has neither.
func shape(m ma.Multiaddr) (string, *stop) {
	i := 0
	code := func() int {
		if i < len(m) {
			return m[i].Protocol().Code
		}
		return 0
	}
	if code() == ma.P_IP6ZONE {
		i++
		if code() != ma.P_IP6 {
			return "", &stop{i, "/ip6zone comes directly before /ip6", "write /ip6zone/ZONE/ip6/ADDRESS"}
		}
	}
	switch code() {
	case ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6:
		i++
	case ma.P_DNSADDR:
		return "", nil // what follows selects among the records
	default:
		return "", headless(m, i)
	}
	var transport string
	switch code() {
	case ma.P_TCP:
		i++
		transport, i = tcpShape(m, i)
	case ma.P_UDP:
		i++
		transport, i = udpShape(m, i)
		if transport == "" {
			return "", udpStop(m, i)
		}
	default:
		return "", &stop{i, "there is no /tcp/PORT or /udp/PORT behind the host", "libp2p speaks on /tcp/PORT, /tcp/PORT/ws, /tcp/PORT/tls/ws, /udp/PORT/quic-v1"}
	}
	if s := tail(m, i); s != nil {
		return "", s
	}
	return transport, nil
}

func tcpShape(m ma.Multiaddr, i int) (string, int) {
	switch {
	case at(m, i, ma.P_WS):
		return "ws", i + 1
	case at(m, i, ma.P_WSS), at(m, i, ma.P_TLS, ma.P_WSS):
		if at(m, i, ma.P_TLS) {
			i++
		}
		return "wss", i + 1
	case at(m, i, ma.P_TLS, ma.P_WS):
		return "wss", i + 2
	case at(m, i, ma.P_TLS, ma.P_SNI, ma.P_WS):
		return "wss", i + 3
	}
	return "tcp", i
}

func udpShape(m ma.Multiaddr, i int) (string, int) {
	var transport string
	switch {
	case at(m, i, ma.P_QUIC_V1, ma.P_WEBTRANSPORT):
		transport, i = "webtransport", i+2
	case at(m, i, ma.P_QUIC_V1):
		return "quic-v1", i + 1
	case at(m, i, ma.P_WEBRTC_DIRECT):
		transport, i = "webrtc-direct", i+1
	default:
		return "", i
	}
	for at(m, i, ma.P_CERTHASH) {
		i++
	}
	return transport, i
}

func udpStop(m ma.Multiaddr, i int) *stop {
	switch {
	case at(m, i, ma.P_WEBRTC):
		return &stop{i, "/webrtc needs a relay in front; a listener that is dialed directly is /webrtc-direct", "write RELAY-ADDRESS/p2p-circuit/webrtc/p2p/ID, or /udp/PORT/webrtc-direct/certhash/HASH"}
	case at(m, i, ma.P_WEBTRANSPORT):
		return &stop{i, "/webtransport runs over /quic-v1, which is missing", "write /udp/PORT/quic-v1/webtransport"}
	}
	return &stop{i, "/udp alone carries no libp2p transport", "write /udp/PORT/quic-v1, /udp/PORT/quic-v1/webtransport/certhash/HASH or /udp/PORT/webrtc-direct/certhash/HASH"}
}

// tail allows only peer ids behind the transport.
func tail(m ma.Multiaddr, i int) *stop {
	for ; i < len(m); i++ {
		p := m[i].Protocol()
		switch p.Code {
		case ma.P_P2P:
			continue
		case ma.P_HTTP, ma.P_HTTPS, ma.P_HTTP_PATH:
			return &stop{i, "/" + p.Name + " is an HTTP endpoint, not a libp2p connection", "libp2p over HTTP ports is /tcp/PORT/ws or /tcp/PORT/tls/ws"}
		case ma.P_TLS, ma.P_NOISE, ma.P_PLAINTEXTV2:
			return &stop{i, "/" + p.Name + " is negotiated on the connection, it is no part of the address", "leave /" + p.Name + " out, or write /tls/ws for secure WebSocket"}
		case ma.P_CERTHASH:
			return &stop{i, "/certhash belongs behind /webtransport or /webrtc-direct", "write /udp/PORT/quic-v1/webtransport/certhash/HASH"}
		case ma.P_WEBRTC:
			return &stop{i, "/webrtc needs a relay in front", "write RELAY-ADDRESS/p2p-circuit/webrtc/p2p/ID"}
		}
		return &stop{i, "no transport has /" + p.Name + " here", "the peer id ends the address: …/p2p/ID"}
	}
	return nil
}

// headless explains an address that does not begin with a host.
func headless(m ma.Multiaddr, i int) *stop {
	if i >= len(m) {
		return &stop{i, "there is no host", "begin with /ip4/ADDRESS, /ip6/ADDRESS or /dns/NAME"}
	}
	switch p := m[i].Protocol(); p.Code {
	case ma.P_MEMORY:
		return &stop{i, "/memory reaches only the same process", "ask the peer for an address with /ip4 or /dns"}
	case ma.P_UNIX:
		return &stop{i, "no libp2p transport listens on a unix socket", "ask the peer for an address with /ip4 or /dns"}
	case ma.P_ONION3, ma.P_GARLIC32, ma.P_GARLIC64:
		return &stop{i, "/" + p.Name + " needs a transport that neither go-libp2p nor js-libp2p has", "ask the peer for an address with /ip4 or /dns"}
	default:
		return &stop{i, "/" + p.Name + " stands where the host belongs", "begin with /ip4/ADDRESS, /ip6/ADDRESS or /dns/NAME"}
	}
}

func at(m ma.Multiaddr, i int, codes ...int) bool {
	if i+len(codes) > len(m) {
		return false
	}
	for k, c := range codes {
		if m[i+k].Protocol().Code != c {
			return false
		}
	}
	return true
}

// Reach is who could dial an address from a web page, as far as the address alone tells.
type Reach struct {
	WS           bool `json:"ws"`  // only from pages without TLS, and from localhost
	WSS          bool `json:"wss"` // if the certificate holds
	WebTransport bool `json:"webtransport"`
	WebRTCDirect bool `json:"webrtc_direct"`
}

// Browser tells which transports of a web page fit the address; for a circuit, those that reach the relay.
func Browser(m ma.Multiaddr) Reach {
	if i := index(m, ma.P_CIRCUIT); i >= 0 {
		m = m[:i]
	}
	t, _ := shape(m)
	hash := has(m, ma.P_CERTHASH)
	return Reach{WS: t == "ws", WSS: t == "wss", WebTransport: t == "webtransport" && hash, WebRTCDirect: t == "webrtc-direct" && hash}
}

// Public tells whether the first host of m can be reached from the internet: a public IP address, or a
// name outside the domains reserved for local use. A circuit is as public as its relay.
func Public(m ma.Multiaddr) bool {
	for i := range m {
		switch m[i].Protocol().Code {
		case ma.P_IP6ZONE:
			return false
		case ma.P_IP4, ma.P_IP6:
			return PublicIP(ipOf(m[i]))
		case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR:
			return publicName(m[i].Value())
		}
	}
	return false
}

func ipOf(c ma.Component) netip.Addr {
	ip, _ := netip.AddrFromSlice(c.RawValue())
	return ip
}

// PublicIP tells whether ip is routed on the internet. An IPv4 address inside an IPv6 one
// (mapped, NAT64, 6to4) is judged as itself, so that no spelling of a private address passes.
func PublicIP(ip netip.Addr) bool {
	ip = Embedded(ip.WithZone(""))
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.Is4() || globalIPv6.Contains(ip)
}

// Embedded returns the IPv4 address inside a mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056) address, else ip.
func Embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

// reserved are the ranges of the IANA special-purpose registries that netip does not know.
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20")

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	globalIPv6 = netip.MustParsePrefix("2000::/3")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// publicName excludes the names of RFC 6761, 6762, 8375 and 9476, and names without a dot.
func publicName(name string) bool {
	name = "." + strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.Count(name, ".") < 2 {
		return false
	}
	for _, local := range []string{".localhost", ".local", ".internal", ".home.arpa", ".lan", ".test", ".invalid", ".example",
		".onion", ".alt", ".in-addr.arpa", ".ip6.arpa"} {
		if strings.HasSuffix(name, local) {
			return false
		}
	}
	return true
}
