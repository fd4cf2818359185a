package probe_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

// asking are quick options that ask one DNS server.
func asking(s *dnstest.Server) probe.Options {
	o := quick()
	o.Resolver = &addr.Resolver{Servers: []netip.AddrPort{s.Addr}, Timeout: 150 * time.Millisecond}
	return o
}

// codes are those of the addresses, "ok" for a good one.
func codes(r *probe.Report) []string {
	var all []string
	for _, a := range r.Addresses {
		if a.Error == nil {
			all = append(all, "ok")
		} else {
			all = append(all, string(a.Error.Code))
		}
	}
	slices.Sort(all)
	return all
}

func TestDNSFaults(t *testing.T) {
	s := dnstest.Start(t, strings.ReplaceAll(`
servfail.example.com FAULT servfail
refused.example.com FAULT refused
silent.example.com FAULT silent
garbage.example.com FAULT garbage
six.example.com AAAA ::1
mail.example.com TXT v=spf1 -all
_dnsaddr.spf.example.com TXT v=spf1 -all
misplaced.example.com TXT dnsaddr=/ip4/127.0.0.1/tcp/9
_dnsaddr.other.example.com TXT dnsaddr=/ip4/127.0.0.1/tcp/9ID
_dnsaddr.bad.example.com TXT dnsaddr=/ip4/127.0.0.1:9
_dnsaddr.bad.example.com TXT /ip4/127.0.0.1/tcp/9
_dnsaddr.ring.example.com TXT dnsaddr=/dnsaddr/ring.example.com
_dnsaddr.silent2.example.com FAULT silent
_dnsaddr.wild.example.com TXT dnsaddr=/ip4/0.0.0.0/tcp/9
`, "ID", someID))
	other := "/p2p/" + faulttest.Host(t).ID().String()
	for _, c := range []struct {
		target string
		code   fail.Code
		hint   string
	}{
		{"/dns4/gone.example.com/tcp/1", fail.DNSNXDomain, "spelling"},
		{"/dns4/servfail.example.com/tcp/443/tls/ws", fail.DNSServfail, "--dns"},
		{"/dns/refused.example.com/tcp/1", fail.DNSRefused, "--dns"},
		{"/dns4/silent.example.com/tcp/1", fail.DNSTimeout, "port 53"},
		{"/dns4/garbage.example.com/tcp/1", fail.DNSMalformed, "no working DNS server"},
		{"/dns4/six.example.com/tcp/1", fail.DNSWrongFamily, "/dns6/six.example.com"},
		{"/dns4/mail.example.com/tcp/1", fail.DNSNoData, "mail.example.com"},
		{"/dnsaddr/gone.example.com", fail.DNSNXDomain, "spelling"},
		{"/dnsaddr/mail.example.com", fail.DNSNoDnsaddr, "p2p addr dnsaddr"},
		{"/dnsaddr/spf.example.com", fail.DNSNoDnsaddr, "p2p addr dnsaddr"},
		{"/dnsaddr/misplaced.example.com", fail.DNSNoDnsaddr, "move them to _dnsaddr.misplaced.example.com"},
		{"/dnsaddr/other.example.com" + other, fail.DNSDnsaddrOtherPeer, someID[5:]},
		{"/dnsaddr/bad.example.com", fail.DNSDnsaddrMalformed, "without blanks"},
		{"/dnsaddr/ring.example.com", fail.DNSDnsaddrLoop, "points back"},
		{"/dnsaddr/silent2.example.com", fail.DNSTimeout, "port 53"},
	} {
		t.Run(c.target, func(t *testing.T) {
			t.Parallel()
			r := expect(t, asking(s), c.target, c.code, "dns", c.hint)
			if len(r.Addresses) != 1 || r.Addresses[0].Addr != c.target || r.Addresses[0].Error == nil {
				t.Errorf("addresses: %v", codes(r))
			}
			if st := r.Addresses[0].Stages; len(st) != 1 || st[0].Stage != "dns" || st[0].OK || st[0].Detail["chain"] == nil {
				t.Errorf("stages: %+v", st)
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		o := quick()
		o.Resolver = &addr.Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}}
		expect(t, o, "/dns4/example.com/tcp/1", fail.DNSNoServer, "dns", "DNS server's address")
	})
	t.Run("a record that is no destination", func(t *testing.T) {
		expect(t, asking(s), "/dnsaddr/wild.example.com", fail.AddrUndialable, "plan", "127.0.0.1")
	})
}

// One good address makes the target good; the others keep their errors.
func TestDnsaddrOfSeveral(t *testing.T) {
	h := faulttest.Host(t)
	id := "/p2p/" + h.ID().String()
	good := faulttest.Addr(t, h, ma.P_TCP)
	zone := fmt.Sprintf(`
_dnsaddr.node.example.com TXT dnsaddr=%s
_dnsaddr.node.example.com TXT dnsaddr=%s%s
_dnsaddr.node.example.com TXT dnsaddr=%s%s
_dnsaddr.node.example.com TXT dnsaddr=/dns4/gone.example.com/tcp/1%s
_dnsaddr.node.example.com TXT dnsaddr=/ip4/0.0.0.0/tcp/1%s
_dnsaddr.node.example.com TXT dnsaddr=/ip4/127.0.0.1:4001
_dnsaddr.bad.example.com TXT dnsaddr=%s%s
_dnsaddr.bad.example.com TXT dnsaddr=%s%s
_dnsaddr.bad.example.com TXT dnsaddr=%s%s
_dnsaddr.bad.example.com TXT dnsaddr=/dns4/gone.example.com/tcp/1%s
_dnsaddr.lost.example.com TXT dnsaddr=/dns4/gone.example.com/tcp/1%s
_dnsaddr.lost.example.com TXT dnsaddr=/dns4/servfail.example.com/tcp/1%s
servfail.example.com FAULT servfail
half.example.com A 127.0.0.1
`, good, faulttest.ClosedPort(t), id, faulttest.Raw(t, faulttest.Silent), id, id, id,
		faulttest.ClosedPort(t), id, faulttest.ClosedPort(t), id, faulttest.Raw(t, faulttest.Silent), id, id, id, id)
	s := dnstest.Start(t, zone)
	want := []string{"addr.undialable", "dial.refused", "dial.silent", "dns.nxdomain", "ok"}
	target := "/dnsaddr/node.example.com" + id

	r := run(t, asking(s), target)
	if !r.OK || !r.Verified || r.Error != nil || !slices.Equal(codes(r), want) {
		t.Errorf("%v, want %v: %+v", codes(r), want, r.Error)
	}
	if !warned(r, fail.DNSDnsaddrMalformed) || warned(r, fail.DNSNXDomain) {
		t.Errorf("warnings: %v", r.Warnings)
	}
	for _, a := range r.Addresses {
		if a.Error == nil && a.ResolvedFrom != target {
			t.Errorf("resolved from %q", a.ResolvedFrom)
		}
	}
	o := asking(s)
	o.All = true
	r = expect(t, o, target, fail.DialSilent, "security", "libp2p port")
	if !strings.HasSuffix(r.Error.Message, "of the other addresses 1 addr.undialable, 1 dial.refused, 1 dns.nxdomain") {
		t.Error(r.Error.Message)
	}
	r = expect(t, asking(s), "/dnsaddr/bad.example.com", fail.DialSilent, "security", "libp2p port")
	if !strings.HasSuffix(r.Error.Message, "of the other addresses 2 dial.refused, 1 dns.nxdomain") {
		t.Error(r.Error.Message)
	}
	r = run(t, asking(s), "/dnsaddr/lost.example.com")
	if r.OK || len(r.Addresses) != 2 || r.Error.Stage != "dns" || !strings.Contains(r.Error.Message, "of the other addresses 1 dns.") {
		t.Errorf("%v %+v", codes(r), r.Error)
	}
}

// What the records say is held to the same rules as what the user says.
func TestDnsaddrRules(t *testing.T) {
	h := faulttest.Host(t)
	good := strings.Split(faulttest.Addr(t, h, ma.P_TCP), "/p2p/")[0]
	s := dnstest.Start(t, fmt.Sprintf(`
_dnsaddr.anyone.example.com TXT dnsaddr=%s
_dnsaddr.quic.example.com TXT dnsaddr=/ip4/127.0.0.1/udp/9/quic-v1%s
half.example.com A 127.0.0.1
half.example.com AAAA ::1
`, good, someID))
	r := run(t, asking(s), "/dnsaddr/anyone.example.com")
	if !r.OK || r.Verified || r.PeerID != h.ID().String() || !warned(r, fail.AddrMissingPeerID) {
		t.Errorf("%+v %v", r, r.Warnings)
	}
	o := asking(s)
	o.Strict = true
	expect(t, o, "/dnsaddr/anyone.example.com", fail.AddrMissingPeerID, "plan", "--strict")
	o = asking(s)
	o.PSK = make([]byte, 32)
	expect(t, o, "/dnsaddr/quic.example.com", fail.PnetTransport, "plan", "--swarm-key")

	port := strings.TrimPrefix(good, "/ip4/127.0.0.1/tcp/")
	r = run(t, asking(s), "/dns/half.example.com/tcp/"+port+"/p2p/"+h.ID().String())
	if !r.OK || !slices.Equal(codes(r), []string{"dial.refused", "ok"}) || !warned(r, fail.DNSPrivateAnswer) {
		t.Errorf("%v %v", codes(r), r.Warnings)
	}
}

// A zone cannot make the prober work without end: 300 records with one good one at the end are good,
// thousands are cut, and silence is bounded by --timeout.
func TestDNSBounds(t *testing.T) {
	h := faulttest.Host(t)
	good := faulttest.Addr(t, h, ma.P_TCP)
	var zone strings.Builder
	for i := range 300 {
		fmt.Fprintf(&zone, "_dnsaddr.many.example.com TXT dnsaddr=/ip4/127.0.0.1/tcp/%d/p2p/%s\n", i%100+1, h.ID())
	}
	fmt.Fprintf(&zone, "_dnsaddr.many.example.com TXT dnsaddr=%s\n", good)
	for i := range 3000 {
		fmt.Fprintf(&zone, "_dnsaddr.flood.example.com TXT dnsaddr=/ip4/127.%d.%d.1/udp/9\n", i/250, i%250)
		fmt.Fprintf(&zone, "_dnsaddr.flood2.example.com TXT dnsaddr=/ip4/127.0.0.1/tcp/1/ws/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N\n")
		fmt.Fprintf(&zone, "_dnsaddr.names.example.com TXT dnsaddr=/dns4/n%d.silent.example.com/tcp/1\n", i)
		fmt.Fprintf(&zone, "n%d.silent.example.com FAULT silent\n", i)
	}
	s := dnstest.Start(t, zone.String())
	if r := run(t, asking(s), "/dnsaddr/many.example.com"); !r.OK || !r.Verified {
		t.Errorf("%d addresses: %+v", len(r.Addresses), r.Error)
	}
	for _, discreet := range []bool{false, true} {
		o := asking(s)
		o.Discreet = discreet
		most := map[bool]int{false: 512, true: 64}[discreet]
		r := run(t, o, "/dnsaddr/flood.example.com")
		omitted, _ := r.Addresses[0].Stages[0].Detail["omitted"].(int)
		if r.OK || len(r.Addresses) != most || omitted < 500 || r.Error.Code != fail.AddrNoTransport {
			t.Errorf("%d addresses, %d omitted: %+v", len(r.Addresses), omitted, r.Error)
		}
	}
	o := asking(s)
	o.Timeout = 700 * time.Millisecond
	begin := time.Now()
	r := expect(t, o, "/dnsaddr/names.example.com", fail.Timeout, "dns", "--timeout")
	if took := time.Since(begin); took > 3*time.Second || !strings.Contains(r.Error.Message, "--timeout passed in the stage dns") {
		t.Errorf("after %s: %s", took, r.Error.Message)
	}
}

// As delivered, one silent server costs 4 s: two tries of 2 s, and the hint says what else to ask.
func TestSlowDNS(t *testing.T) {
	s := dnstest.Start(t, "silent.example.com FAULT silent")
	o := quick()
	o.Resolver = &addr.Resolver{Servers: []netip.AddrPort{s.Addr}}
	begin := time.Now()
	expect(t, o, "/dns4/silent.example.com/tcp/1", fail.DNSTimeout, "dns", "--dns IP:PORT")
	if took := time.Since(begin); took < 3900*time.Millisecond || took > 6*time.Second || len(s.Asked()) != 2 {
		t.Errorf("%d questions in %s", len(s.Asked()), took)
	}
}

func TestIPv6(t *testing.T) {
	h := faulttest.Host(t, libp2p.ListenAddrStrings("/ip6/::1/tcp/0", "/ip6/::1/tcp/0/ws", "/ip6/::1/udp/0/quic-v1"))
	for _, a := range h.Addrs() {
		if _, err := a.ValueForProtocol(ma.P_IP6); err != nil {
			continue
		}
		full := faulttest.WithID(a.String(), h.ID())
		if r := run(t, quick(), full); !r.OK || !r.Verified {
			t.Errorf("%s: %+v", full, r.Error)
		}
		if zoned := "/ip6zone/lo" + full; !strings.Contains(full, "quic") {
			if r := run(t, quick(), zoned); !r.OK || r.Addresses[0].Addr != zoned {
				t.Errorf("%s: %+v", zoned, r.Error)
			}
		}
	}
	expect(t, quick(), "/ip6/::1/tcp/9"+someID, fail.DialRefused, "connect", "sport = :9")
	expect(t, quick(), "/ip6zone/nope/ip6/fe80::1/tcp/9"+someID, fail.DialNoRoute, "connect", "/ip6zone/INTERFACE/ip6/fe80::1")
	expect(t, quick(), "/ip6/fe80::1/tcp/9"+someID, fail.AddrUndialable, "plan", "/ip6zone/INTERFACE")
	expect(t, quick(), "/ip6/::/tcp/9"+someID, fail.AddrUndialable, "plan", "/ip6/::1")
}
