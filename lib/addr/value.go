package addr

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multibase"
	mh "github.com/multiformats/go-multihash"
	"golang.org/x/net/idna"

	"p2p/lib/fail"
)

const zoneLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:@"

// value checks and normalises the value of c, which stands at v in text. The caller fills in where it is.
func (r *reader) value(text string, c Component, v span) (string, *fault) {
	put := func(s string) string { return text[:c.Offset-r.base] + s + text[v.end:] }
	at := r.base + v.start
	bad := func(format string, args ...any) *fault {
		return &fault{what: fmt.Sprintf("value %q of /%s at offset %d: ", clip(c.Value, 100), c.Name, at) + fmt.Sprintf(format, args...)}
	}
	switch c.Code {
	case ma.P_IP4, ma.P_IP6:
		if f := ipValue(c, put, bad); f != nil {
			return "", f
		}
	case ma.P_TCP, ma.P_UDP, ma.P_DCCP, ma.P_SCTP:
		if f := portValue(c, put, bad); f != nil {
			return "", f
		}
	case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR, ma.P_SNI:
		if f := nameValue(text, c, v, put, bad); f != nil {
			return "", f
		}
	case ma.P_IP6ZONE:
		if strings.Trim(c.Value, zoneLetters) != "" { // it comes from DNS too, and goes into hints that are pasted into a shell
			return "", bad("the name of an interface has letters, digits and ._-:@")
		}
	case ma.P_P2P:
		if why := badPeerID(c.Value); why != "" {
			f := bad("%s", why)
			f.code = fail.AddrBadPeerID
			f.hint = "copy the whole id again from the peer itself; it is shown by its `id` command or its ready line"
			return "", f
		}
	case ma.P_CERTHASH:
		if why := badCerthash(c.Value); why != "" {
			f := bad("%s", why)
			f.hint = "the hash is uEi… (46 characters and the u): copy the peer's current address"
			return "", f
		}
	}
	mc, err := ma.NewComponent(c.Name, c.Value)
	if err != nil {
		return "", bad("%s", clip(err.Error(), 300))
	}
	value := mc.Value()
	// unix and http-path normalise to something else than was checked: what go-multiaddr cannot read back is no address.
	if _, err := ma.NewComponent(c.Name, value); err != nil {
		return "", bad("%s", clip(err.Error(), 300))
	}
	return value, nil
}

type complain func(format string, args ...any) *fault

func ipValue(c Component, put func(string) string, bad complain) *fault {
	ip, err := netip.ParseAddr(c.Value)
	switch {
	case err == nil && ip.Is4() && c.Code == ma.P_IP4, err == nil && ip.Is6() && ip.Zone() == "" && c.Code == ma.P_IP6:
		return nil
	case err == nil && ip.Zone() != "":
		f := bad("the zone has a component of its own")
		f.repair = put(ipComponent(ip))
		return f
	case err == nil:
		f := bad("it is an IPv%d address", map[bool]int{true: 4, false: 6}[ip.Is4()])
		f.repair = put(ipComponent(ip))
		return f
	}
	if in, err := netip.ParseAddr(strings.Trim(c.Value, "[]")); err == nil {
		f := bad("no brackets around an address")
		f.repair = put(ipComponent(in))
		return f
	}
	if ap, err := netip.ParseAddrPort(c.Value); err == nil {
		f := bad("the port has a component of its own")
		f.repair = put(ipComponent(ap.Addr()) + "/tcp/" + strconv.Itoa(int(ap.Port())))
		return f
	}
	if c.Code == ma.P_IP4 && strings.Trim(c.Value, "0123456789.") == "" {
		return dottedValue(c, put, bad)
	}
	if m := hostPort(c.Value); strings.HasPrefix(m, "/dns") {
		f := bad("it is a name, not an IP address")
		host, _, _ := strings.Cut(c.Value, ":")
		f.repair = put(strings.Replace(m, "/dnsaddr/", "/dns/", 1))
		if m == "/dns/localhost/tcp/4001" && host == c.Value {
			f.repair = put("/dns/localhost")
		}
		return f
	}
	return bad("it is not an IPv%s address", c.Name[2:])
}

// dottedValue explains numbers and dots that are no IPv4 address.
func dottedValue(c Component, put func(string) string, bad complain) *fault {
	parts := strings.Split(c.Value, ".")
	if len(parts) != 4 {
		return bad("an IPv4 address has 4 numbers, this has %d", len(strings.FieldsFunc(c.Value, func(r rune) bool { return r == '.' })))
	}
	plain := make([]string, 4)
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n > 255 {
			return bad("%q is not between 0 and 255", p)
		}
		plain[i] = strconv.Itoa(n)
	}
	f := bad("leading zeros are ambiguous, some programs read them as octal")
	f.repair = put("/ip4/" + strings.Join(plain, "."))
	return f
}

func portValue(c Component, put func(string) string, bad complain) *fault {
	if digits(c.Value) {
		if n, err := strconv.ParseUint(c.Value, 10, 16); err != nil || n > 65535 {
			f := bad("a port is between 0 and 65535")
			f.hint = "write the port that the peer listens on, such as /" + c.Name + "/4001"
			return f
		}
		return nil
	}
	f := bad("it is not a port number")
	f.hint = "write the port that the peer listens on, such as /" + c.Name + "/4001"
	if validPeerID(c.Value) {
		f.what = bad("it is a peer id; the port is missing").what
	}
	if d := strings.Trim(c.Value, ":, "); digits(d) {
		f.repair = put("/" + c.Name + "/" + d)
	}
	return f
}

func nameValue(text string, c Component, v span, put func(string) string, bad complain) *fault {
	if ip, err := netip.ParseAddr(strings.Trim(c.Value, "[]")); err == nil {
		f := bad("it is an IP address, not a name")
		if c.Code != ma.P_SNI {
			f.repair = put(ipComponent(ip))
		}
		return f
	}
	why := badName(c.Value)
	if why == "" {
		return nil
	}
	f := bad("%s", why)
	host, port, ok := strings.Cut(c.Value, ":")
	if ok && digits(port) && badName(host) == "" {
		f = bad("the port has a component of its own")
		f.repair = put("/" + c.Name + "/" + host + "/tcp/" + port)
		return f
	}
	if rest := text[v.end:]; strings.HasSuffix(c.Value, ":") && strings.HasPrefix(rest, "//") {
		f.hint = "a name stands there, not a URL"
		f.repair = text[:v.start] + rest[2:]
		return f
	}
	if ascii, err := idna.Lookup.ToASCII(c.Value); err == nil && badName(ascii) == "" {
		f.hint = "a name outside ASCII is written in its xn-- form"
		f.repair = put("/" + c.Name + "/" + ascii)
	}
	return f
}

// badCerthash says why s is no certificate hash; both transports take only SHA-256 (webtransport and webrtc-direct specs).
func badCerthash(s string) string {
	if len(s) > 256 {
		return fmt.Sprintf("it has %d characters, a certificate hash has about 47", len(s))
	}
	_, b, err := multibase.Decode(s)
	if err != nil {
		return "it is not multibase: " + clip(err.Error(), 100)
	}
	h, err := mh.Decode(b)
	switch {
	case err != nil && len(b) < 34 && len(b) > 0 && b[0] == mh.SHA2_256:
		return fmt.Sprintf("it is cut off: %d bytes, a SHA-256 hash with its head has 34", len(b))
	case err != nil:
		return "it is not a multihash: " + clip(err.Error(), 100)
	case h.Code != mh.SHA2_256:
		return fmt.Sprintf("its hash is %s, it must be sha2-256", h.Name)
	case h.Length != 32:
		return fmt.Sprintf("its hash has %d bytes, sha2-256 has 32", h.Length)
	}
	return ""
}
