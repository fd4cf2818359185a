package explain

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	maxAddress   = 1000 // bytes of one multiaddr in a text
	maxAddresses = 64   // of one text
)

// Only what these match goes from a text onto a command line that somebody may paste into a shell.
// They are compiled at the first use: every command would pay 1 ms for it at its start.
var patterns = sync.OnceValue(func() (p struct {
	address, url, hostPort, peer, proto, mismatch, rustWrongID, jsWrongID, hashFound, colour *regexp.Regexp
}) {
	p.address = regexp.MustCompile(`/(?:(?:ip4|ip6|ip6zone|dns|dns4|dns6|dnsaddr)/|(?:p2p|ipfs)/(?:12D3KooW|16Uiu2HA|Qm|bafz|k51))[A-Za-z0-9/._:%-]+`)
	p.url = regexp.MustCompile(`(?i)\b(wss?|https)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(/[a-z0-9._/-]*)?`)
	p.hostPort = regexp.MustCompile(`(?i)(?:dial tcp[46]? |connection error |connect e[a-z]+ |->|connect to )(\[[0-9a-f:.]+\]|[a-z0-9._-]+):([0-9]{1,5})\b`)
	p.peer = regexp.MustCompile(`\b(?:12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|16Uiu2HA[1-9A-HJ-NP-Za-km-z]{46}|Qm[1-9A-HJ-NP-Za-km-z]{44})\b`)
	p.proto = regexp.MustCompile(`(?:not supported: \[|could not negotiate |for protocol "?|protocol: )"?(/[A-Za-z0-9][A-Za-z0-9/._+-]{1,200})`)
	p.mismatch = regexp.MustCompile(`expected ([1-9A-HJ-NP-Za-km-z]{40,70}), but remote key matches ([1-9A-HJ-NP-Za-km-z]{40,70})`)
	p.rustWrongID = regexp.MustCompile(`(?:Unexpected peer ID |obtained: PeerId\(")([1-9A-HJ-NP-Za-km-z]{40,70})`)
	p.jsWrongID = regexp.MustCompile(`identity key ([1-9A-HJ-NP-Za-km-z]{40,70}) does not match expected remote identity key ([1-9A-HJ-NP-Za-km-z]{40,70})`)
	p.hashFound = regexp.MustCompile(`cert hash not found: ([0-9a-f]{64}) `)
	p.colour = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]") // in the middle of the words of coloured logs
	return p
})

// addresses returns the multiaddrs of the text in their order: those written out, else URLs, else
// the host and port of a failed system call. A string that looks like a multiaddr and is none is
// returned too, since the command that it is given to says what is wrong with it.
func addresses(text string) []string {
	var list []string
	for _, at := range patterns().address.FindAllStringIndex(text, maxAddresses) {
		if at[0] > 0 && wordByte(text[at[0]-1]) {
			continue // a path or URL such as https://x.example.com/p2p/id
		}
		list = appendNew(list, tidy(text[at[0]:at[1]]))
	}
	for _, m := range patterns().url.FindAllStringSubmatch(text, maxAddresses) {
		list = appendNew(list, fromURL(strings.ToLower(m[1]), m[2], m[3], m[4]))
	}
	if len(list) > 0 {
		return list
	}
	for _, m := range patterns().hostPort.FindAllStringSubmatch(text, maxAddresses) {
		if host := hostPart(m[1]); host != "" {
			list = appendNew(list, valid(host+"/tcp/"+m[2]))
		}
	}
	return list
}

func wordByte(b byte) bool {
	return b == '/' || b == '.' || b == '-' || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

func appendNew(list []string, s string) []string {
	if s == "" || len(list) >= maxAddresses {
		return list
	}
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// tidy cuts the punctuation that ends a sentence or begins the reason ("…/tcp/4001: refused"),
// and returns the multiaddr in its usual spelling where it is one.
func tidy(s string) string {
	if len(s) > maxAddress {
		return ""
	}
	s = strings.TrimRight(s, "/.:,-_%")
	for try, tries := s, 0; tries < 4; tries++ {
		if a := valid(try); a != "" {
			return a
		}
		i := strings.LastIndexByte(try, ':')
		if i < 0 {
			break
		}
		try = strings.TrimRight(try[:i], "/:")
	}
	return s
}

func valid(s string) string {
	a, err := ma.NewMultiaddr(s)
	if err != nil {
		return ""
	}
	return a.String()
}

func hostPart(host string) string {
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4():
		return "/ip4/" + host
	case err == nil:
		return "/ip6/" + ip.WithZone("").String()
	case strings.Contains(host, ".") || host == "localhost":
		return "/dns/" + host
	}
	return ""
}

// fromURL is the multiaddr of a WebSocket or libp2p WebTransport URL; other https URLs are not dialed.
func fromURL(scheme, host, port, path string) string {
	at := hostPart(host)
	if at == "" {
		return ""
	}
	defaults := map[string]string{"ws": "80", "wss": "443", "https": "443"}
	if port == "" {
		port = defaults[scheme]
	}
	switch {
	case scheme == "ws":
		return valid(at + "/tcp/" + port + "/ws")
	case scheme == "wss":
		return valid(at + "/tcp/" + port + "/tls/ws")
	case strings.HasPrefix(path, "/.well-known/libp2p-webtransport"):
		return valid(at + "/udp/" + port + "/quic-v1/webtransport")
	}
	return ""
}

// withPeer ends the address in the peer id that the text names elsewhere; go-libp2p leaves it out.
func withPeer(addr, id string) string {
	if id == "" || strings.HasPrefix(addr, "/p2p/") {
		return addr
	}
	if rest := addr[strings.LastIndex(addr, "/p2p-circuit")+1:]; strings.Contains(rest, "/p2p/") || strings.HasPrefix(addr, "/dnsaddr/") && strings.Contains(addr, "/p2p/") {
		return addr
	}
	if a := valid(addr + "/p2p/" + id); a != "" {
		return a
	}
	return addr
}

// corrected returns the address with what the text says the remote really has: its peer id, or its
// certificate hash. The second result tells whether it says so.
func corrected(addr, segment string) (string, bool) {
	if m := patterns().hashFound.FindStringSubmatch(segment); m != nil {
		return withCerthash(addr, m[1])
	}
	actual := ""
	if m := patterns().mismatch.FindStringSubmatch(segment); m != nil {
		actual = m[2]
	} else if m := patterns().jsWrongID.FindStringSubmatch(segment); m != nil {
		actual = m[1]
	} else if m := patterns().rustWrongID.FindStringSubmatch(segment); m != nil {
		actual = m[1]
	}
	if _, err := peer.Decode(actual); err != nil || addr == "" {
		return addr, false
	}
	base := addr
	if i := strings.LastIndex(addr, "/p2p/"); i >= 0 && !strings.Contains(addr[i+5:], "/") {
		base = addr[:i]
	}
	if a := valid(base + "/p2p/" + actual); a != "" {
		return a, true
	}
	return addr, false
}

// withCerthash puts a SHA-256 in hex, as go-libp2p prints it, into the place of the certhashes:
// multibase base64url of the multihash (0x12, 32 bytes).
func withCerthash(addr, digest string) (string, bool) {
	raw, err := hex.DecodeString(digest)
	if err != nil {
		return addr, false
	}
	hash := "u" + base64.RawURLEncoding.EncodeToString(append([]byte{0x12, 0x20}, raw...))
	parts := strings.Split(addr, "/certhash/")
	if len(parts) < 2 {
		return addr, false
	}
	_, tail, _ := strings.Cut(parts[len(parts)-1], "/")
	next := parts[0] + "/certhash/" + hash
	if tail != "" {
		next += "/" + tail
	}
	if a := valid(next); a != "" {
		return a, true
	}
	return addr, false
}
