package addr

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"p2p/lib/fail"
)

// foreign explains a text that does not begin with a slash: another notation of an address, mostly.
func (r *reader) foreign() *fault {
	s := r.text
	f := &fault{code: fail.AddrSyntax, offset: r.base, what: "a multiaddr begins with /"}
	switch {
	case strings.Contains(s, "://"):
		f.what = "it is a URL, not a multiaddr"
		f.repair = fromURL(s)
	case validPeerID(s):
		f.what = "it is a peer id alone, which says who but not where"
		f.hint = fmt.Sprintf("put the peer's address in front: /ip4/192.0.2.1/tcp/4001/p2p/%s", s)
	case hostPort(s) != "":
		f.what, f.repair = notation(s), hostPort(s)
	case strings.ContainsAny(s[:1], "\"'`<([{"):
		f.what = fmt.Sprintf("it begins with %q", s[:1])
		f.hint = "leave quotes, brackets and commas out"
		f.repair = strings.Trim(s, "\"'`<>()[]{},;")
	case strings.ContainsRune(s, '\\'), drive(s):
		r.windows(f)
	case strings.HasPrefix(s, "dnsaddr=") || strings.HasPrefix(s, "dnslink="):
		f.what = fmt.Sprintf("it is the text of a DNS record: %q is no part of the address", s[:8])
		f.repair = s[8:]
	case knownName(firstWord(s)):
		f.what = "the slash in front is missing"
		f.repair = "/" + s
	}
	return f
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, "/")
	return w
}

func notation(s string) string {
	if strings.Contains(s, ":") && !strings.Contains(s, "::") || strings.Contains(s, "]:") {
		return "host:port is not a multiaddr"
	}
	return "a host alone is not a multiaddr"
}

// drive tells whether s begins like C:\ or C:/.
func drive(s string) bool {
	return len(s) > 2 && s[1] == ':' && (s[2] == '/' || s[2] == '\\') && unicode.IsLetter(rune(s[0]))
}

// windows explains back slashes and the path that Git Bash makes of an argument beginning with /.
func (r *reader) windows(f *fault) {
	s := strings.ReplaceAll(r.text, `\`, "/")
	f.what = "it is a Windows path, not a multiaddr"
	for _, n := range names() {
		if i := strings.Index(s, "/"+n+"/"); i >= 0 && (f.repair == "" || len(s)-i > len(f.repair)) {
			f.repair = s[i:]
		}
	}
	if drive(s) && strings.ContainsRune(r.text, '/') {
		f.hint = "Git Bash rewrites arguments that begin with /: set MSYS_NO_PATHCONV=1"
	}
}

// fromURL returns the multiaddr equal to a URL, or "".
func fromURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host, port := u.Hostname(), u.Port()
	tail, def := "", ""
	switch strings.ToLower(u.Scheme) {
	case "http", "ws":
		tail, def = "/ws", "80"
	case "https", "wss":
		tail, def = "/tls/ws", "443"
	case "tcp", "libp2p", "p2p":
		def = "4001"
	case "udp", "quic":
		tail, def = "/quic-v1", "4001"
	default:
		return ""
	}
	if port == "" {
		port = def
	}
	h, proto := hostComponent(host), "/tcp/"
	if tail == "/quic-v1" {
		proto = "/udp/"
	}
	if h == "" {
		return ""
	}
	return h + proto + port + tail
}

// hostPort returns the multiaddr equal to an IP address or a name, with or without a port, or "".
func hostPort(s string) string {
	host, rest, _ := strings.Cut(s, "/")
	if rest != "" {
		rest = "/" + strings.TrimRight(rest, "/")
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if rest == "" {
			rest = "/tcp/4001"
		}
		return ipComponent(ip) + rest
	}
	if h, port, err := net.SplitHostPort(host); err == nil && digits(port) {
		if n, err := strconv.Atoi(port); err != nil || n > 65535 {
			return ""
		}
		if c := hostComponent(h); c != "" {
			return c + "/tcp/" + port + rest
		}
		return ""
	}
	if !strings.Contains(host, ".") && host != "localhost" {
		return ""
	}
	c := hostComponent(host)
	if c == "" || rest != "" {
		return c + rest
	}
	if host == "localhost" {
		return c + "/tcp/4001"
	}
	// A domain without a port can only mean its dnsaddr records.
	return "/dnsaddr/" + strings.TrimPrefix(c, "/dns/")
}

func hostComponent(host string) string {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ipComponent(ip)
	}
	if badName(host) == "" {
		return "/dns/" + host
	}
	if ascii, err := idna.Lookup.ToASCII(host); err == nil && badName(ascii) == "" {
		return "/dns/" + ascii
	}
	return ""
}

func ipComponent(ip netip.Addr) string {
	switch {
	case ip.Is4():
		return "/ip4/" + ip.String()
	case ip.Zone() != "":
		return "/ip6zone/" + ip.Zone() + "/ip6/" + ip.WithZone("").String()
	}
	return "/ip6/" + ip.String()
}

// badName says why s is no DNS name; "" if it is one. Underscores are allowed: they are in use.
func badName(s string) string {
	name := strings.TrimSuffix(s, ".")
	switch {
	case name == "":
		return "it is empty"
	case len(name) > 253:
		return fmt.Sprintf("it has %d characters, a DNS name has at most 253", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "it has an empty label: two dots in a row or a dot in front"
		case len(label) > 63:
			return fmt.Sprintf("the label %q has %d characters, a label has at most 63", clip(label, 70), len(label))
		case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
			return fmt.Sprintf("the label %q begins or ends with a hyphen", label)
		}
		for _, c := range label {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return fmt.Sprintf("%q does not belong in a DNS name", c)
			}
		}
	}
	return ""
}
