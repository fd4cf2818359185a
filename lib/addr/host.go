package addr

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/fail"
)

// host looks a name up as an address of the families of /dns, /dns4 or /dns6.
func (u *run) host(ctx context.Context, name string, code int, l *looked) {
	if u.local(name, code, l) {
		return
	}
	network := map[int]string{ma.P_DNS: "ip", ma.P_DNS4: "ip4", ma.P_DNS6: "ip6"}[code]
	switch {
	case len(u.r.Servers) > 0:
		u.own(ctx, name, code, l)
	case len(u.conf.servers) == 0:
		l.found = u.r.bySystem(ctx, strings.ToUpper(network), network, name)
	default:
		system := make(chan found, 1)
		go func() { system <- u.r.bySystem(ctx, strings.ToUpper(network), network, name) }()
		u.own(ctx, name, code, l)
		u.compare(name, l, <-system)
	}
	for i, ip := range l.ips {
		l.ips[i] = ip.Unmap()
	}
	if bad := slices.IndexFunc(l.ips, func(ip netip.Addr) bool { return !PublicIP(ip) }); bad >= 0 && publicName(name) {
		l.warnings = append(l.warnings, privateAnswer(name, l.ips[bad]))
	}
}

func privateAnswer(name string, ip netip.Addr) *fail.Error {
	e := fail.New(fail.DNSPrivateAnswer, "resolve %s: the answer %s is not reachable from the internet", quote(name), ip).WithStage("dns").
		WithDetail("ip", ip.String())
	if ip.IsUnspecified() || ip.IsLoopback() {
		return e.WithHint("resolvers that block a name answer so: compare with --dns 1.1.1.1:53")
	}
	return e.WithHint("right inside that network; peers elsewhere need a name with a public address")
}

// local answers from the hosts file, and localhost as RFC 6761 demands.
func (u *run) local(name string, code int, l *looked) bool {
	server := "hosts"
	ips := family(u.r.hosts(name), code)
	low := "." + strings.ToLower(strings.TrimSuffix(name, "."))
	if len(ips) == 0 && strings.HasSuffix(low, ".localhost") {
		server = "localhost"
		ips = family([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, code)
	}
	if len(ips) == 0 {
		return false
	}
	q := Query{Query: name, Type: "HOSTS", Server: server}
	q.Answers = []string{}
	q.show(&answer{ips: ips})
	l.ips, l.queries = ips, []Query{q}
	return true
}

func family(ips []netip.Addr, code int) []netip.Addr {
	var out []netip.Addr
	for _, ip := range ips {
		if code == ma.P_DNS || ip.Is4() == (code == ma.P_DNS4) {
			out = append(out, ip)
		}
	}
	return out
}

// own asks by own messages: the name, and with the search domains of resolv.conf if it has none itself.
func (u *run) own(ctx context.Context, name string, code int, l *looked) {
	var first *fail.Error
	for _, n := range u.conf.names(name) {
		l.partial, l.err = nil, nil
		u.families(ctx, n, code, l)
		if l.err == nil {
			return
		}
		if first == nil {
			first = l.err
		}
		if !l.failed(fail.DNSNXDomain, fail.DNSNoData) {
			break
		}
	}
	l.err = first
}

// families asks for A, AAAA or both.
func (u *run) families(ctx context.Context, name string, code int, l *looked) {
	ask := func(t dnsmessage.Type) found { return u.r.query(ctx, u.conf.servers, name, t) }
	switch code {
	case ma.P_DNS:
		six := make(chan found, 1)
		go func() { six <- ask(dnsmessage.TypeAAAA) }()
		a, b := ask(dnsmessage.TypeA), <-six
		l.queries = append(append(l.queries, a.queries...), b.queries...)
		l.ips = append(a.ips, b.ips...)
		switch {
		case a.err != nil && b.err != nil:
			l.err = a.err
			if weight(b.err.Code) > weight(a.err.Code) {
				l.err = b.err
			}
		case a.err != nil && a.err.Code != fail.DNSNoData:
			l.partial = a.err
		case b.err != nil && b.err.Code != fail.DNSNoData:
			l.partial = b.err
		}
	case ma.P_DNS4:
		u.oneFamily(name, l, ask, dnsmessage.TypeA, dnsmessage.TypeAAAA)
	default:
		u.oneFamily(name, l, ask, dnsmessage.TypeAAAA, dnsmessage.TypeA)
	}
}

func (u *run) oneFamily(name string, l *looked, ask func(dnsmessage.Type) found, want, other dnsmessage.Type) {
	f := ask(want)
	l.queries = append(l.queries, f.queries...)
	l.ips, l.err = f.ips, f.err
	if !f.failed(fail.DNSNoData) {
		return
	}
	o := ask(other)
	l.queries = append(l.queries, o.queries...)
	if len(o.ips) > 0 {
		have, ask, write := "IPv6", "IPv4 address (/dns4)", "/dns6"
		if other == dnsmessage.TypeA {
			have, ask, write = "IPv4", "IPv6 address (/dns6)", "/dns4"
		}
		l.err = fail.New(fail.DNSWrongFamily, "resolve %s: it has no %s, only %s: %s", quote(name), ask, have, o.ips[0]).
			WithStage("dns").WithDetail("name", clip(name, 256)).WithHint("write %s/%s, or /dns/%s for both", write, clip(name, 256), clip(name, 256))
	}
}

// compare lets the system's answer win where it differs from the own one. Answers that share an
// address agree: servers rotate and choose by place.
func (u *run) compare(name string, l *looked, sys found) {
	l.queries = append(l.queries, sys.queries...)
	for i, ip := range sys.ips {
		sys.ips[i] = ip.Unmap()
	}
	if sys.failed(fail.Timeout, fail.Interrupted) {
		return
	}
	differ := func(why, counts string) {
		l.warnings = append(l.warnings, fail.New(fail.DNSDisagreement, "resolve %s: %s; %s", quote(name), why, counts).WithStage("dns").
			WithHint("other programs on this machine use the system's answer: see /etc/nsswitch.conf, mDNS and VPN settings"))
	}
	switch {
	case sys.err != nil && l.err == nil:
		differ("the DNS server has "+list(l.ips)+", the system's resolver nothing", "the server's answer is used")
	case sys.err == nil && l.err != nil:
		differ("the system's resolver has "+list(sys.ips)+", the DNS server says "+string(l.err.Code), "the system's answer is used")
		l.ips, l.err, l.partial = sys.ips, nil, nil
	case sys.err == nil && !slices.ContainsFunc(l.ips, func(ip netip.Addr) bool { return slices.Contains(sys.ips, ip.Unmap()) }):
		differ("the DNS server has "+list(l.ips)+", the system's resolver "+list(sys.ips), "the system's answer is used")
		l.ips, l.partial = sys.ips, nil
	}
}

func list(ips []netip.Addr) string {
	var s []string
	for _, ip := range ips[:min(len(ips), 4)] {
		s = append(s, ip.String())
	}
	return strings.Join(s, ", ")
}
