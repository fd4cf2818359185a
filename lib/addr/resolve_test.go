package addr

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
)

const zone = `
v4.example.com A 51.15.1.1
v4.example.com A 51.15.1.2
both.example.com A 51.15.1.1
both.example.com AAAA 2a00:1450::1
v6.example.com AAAA 2a00:1450::1
half.example.com A 51.15.1.1
lan.example.com A 192.168.1.5
blocked.example.com A 0.0.0.0
empty.example.com TXT v=spf1 -all
alias.example.com CNAME mid.example.com
mid.example.com CNAME v4.example.com
dangling.example.com CNAME nowhere.example.com
round.example.com CNAME about.example.com
about.example.com CNAME round.example.com
step.example.com CNAME alias.example.com
step.example.com FAULT onealias
tick.example.com CNAME tock.example.com
tick.example.com FAULT onealias
tock.example.com CNAME tick.example.com
tock.example.com FAULT onealias
nas.lan A 192.168.1.5
servfail.example.com FAULT servfail
notimp.example.com FAULT notimp
refused.example.com FAULT refused
silent.example.com FAULT silent
garbage.example.com FAULT garbage
short.example.com A 51.15.1.1
short.example.com FAULT short
wrongid.example.com FAULT wrongid
lame.example.com FAULT lame
old.example.com A 51.15.1.1
old.example.com FAULT noedns
big.example.com A 51.15.1.1
big.example.com FAULT truncated
tcpclosed.example.com FAULT tcpclosed
tcpsilent.example.com FAULT tcpsilent
dup.example.com A 51.15.1.1
dup.example.com FAULT duplicate
_dnsaddr.good.example.com TXT v=spf1 -all
_dnsaddr.good.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/` + id1 + `
_dnsaddr.good.example.com TXT dnsaddr=/dns4/v4.example.com/tcp/443/wss/p2p/` + id2 + `
_dnsaddr.top.example.com TXT dnsaddr=/dnsaddr/good.example.com/p2p/` + id1 + `
_dnsaddr.top.example.com TXT dnsaddr=/dnsaddr/good.example.com/p2p/` + id2 + `
_dnsaddr.spf.example.com TXT v=spf1 -all
misplaced.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/` + id1 + `
_dnsaddr.bad.example.com TXT /ip4/51.15.1.1/tcp/4001/p2p/` + id1 + `
_dnsaddr.bad.example.com TXT dnsaddr=
_dnsaddr.bad.example.com TXT "dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/` + id1 + ` "
_dnsaddr.bad.example.com TXT dnsaddr=/ip4/51.15.1.1/tcpp/4001
_dnsaddr.bad.example.com TXT dnsaddr /ip4/51.15.1.1/tcp/4001
_dnsaddr.mixed.example.com TXT dnsaddr=/ip4/51.15.1.1:4001
_dnsaddr.mixed.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/` + id1 + `
_dnsaddr.noid.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001
_dnsaddr.self.example.com TXT dnsaddr=/dnsaddr/self.example.com
_dnsaddr.ring.example.com TXT dnsaddr=/dnsaddr/ring2.example.com
_dnsaddr.ring2.example.com TXT dnsaddr=/dnsaddr/ring.example.com
_dnsaddr.partly.example.com TXT dnsaddr=/dns4/gone.example.com/tcp/1/p2p/` + id1 + `
_dnsaddr.partly.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/` + id1 + `
_dnsaddr.dead.example.com TXT dnsaddr=/dns4/gone.example.com/tcp/1/p2p/` + id1 + `
_dnsaddr.esc.example.com TXT "dnsaddr=/dns4/\x1b[2J\xff/tcp/1"
`

func resolver(s *dnstest.Server) *Resolver {
	return &Resolver{Servers: []netip.AddrPort{s.Addr}, Timeout: 200 * time.Millisecond}
}

func texts(leaves []Leaf) string {
	var s []string
	for _, l := range leaves {
		s = append(s, l.MA.String())
	}
	return strings.Join(s, " ")
}

func codes(es []*fail.Error) []fail.Code {
	var c []fail.Code
	for _, e := range es {
		c = append(c, e.Code)
	}
	return c
}

func TestResolveGood(t *testing.T) {
	r := resolver(dnstest.Start(t, zone))
	for in, want := range map[string]string{
		"/ip4/1.2.3.4/tcp/1":                                               "/ip4/1.2.3.4/tcp/1",
		"/dns4/v4.example.com/tcp/1":                                       "/ip4/51.15.1.1/tcp/1 /ip4/51.15.1.2/tcp/1",
		"/dns4/V4.Example.COM./tcp/1":                                      "/ip4/51.15.1.1/tcp/1 /ip4/51.15.1.2/tcp/1",
		"/dns/both.example.com/tcp/1":                                      "/ip4/51.15.1.1/tcp/1 /ip6/2a00:1450::1/tcp/1",
		"/dns6/v6.example.com/tcp/1":                                       "/ip6/2a00:1450::1/tcp/1",
		"/dns/v6.example.com/tcp/1":                                        "/ip6/2a00:1450::1/tcp/1",
		"/dns4/alias.example.com/tcp/1/p2p/" + id1:                         "/ip4/51.15.1.1/tcp/1/p2p/" + id1 + " /ip4/51.15.1.2/tcp/1/p2p/" + id1,
		"/dns4/step.example.com/tcp/1":                                     "/ip4/51.15.1.1/tcp/1 /ip4/51.15.1.2/tcp/1",
		"/dns4/old.example.com/tcp/1":                                      "/ip4/51.15.1.1/tcp/1",
		"/dns4/big.example.com/tcp/1":                                      "/ip4/51.15.1.1/tcp/1",
		"/dns4/dup.example.com/tcp/1":                                      "/ip4/51.15.1.1/tcp/1",
		"/dns/localhost/tcp/1":                                             "/ip4/127.0.0.1/tcp/1 /ip6/::1/tcp/1",
		"/dnsaddr/good.example.com/p2p/" + id1:                             "/ip4/51.15.1.1/tcp/4001/p2p/" + id1,
		"/dnsaddr/top.example.com":                                         "/ip4/51.15.1.1/tcp/4001/p2p/" + id1 + " /ip4/51.15.1.1/tcp/443/wss/p2p/" + id2 + " /ip4/51.15.1.2/tcp/443/wss/p2p/" + id2,
		"/dnsaddr/mixed.example.com":                                       "/ip4/51.15.1.1/tcp/4001/p2p/" + id1,
		"/dnsaddr/noid.example.com":                                        "/ip4/51.15.1.1/tcp/4001",
		"/dnsaddr/good.example.com/p2p/" + id1 + "/p2p-circuit/p2p/" + id2: "/ip4/51.15.1.1/tcp/4001/p2p/" + id1 + "/p2p-circuit/p2p/" + id2,
		"/dns4/big.example.com/tcp/1/p2p/" + id1 + "/p2p-circuit/webrtc/p2p/" + id2: "/ip4/51.15.1.1/tcp/1/p2p/" + id1 + "/p2p-circuit/webrtc/p2p/" + id2,
	} {
		got, e := r.Resolve(t.Context(), ma.StringCast(in))
		if e != nil || texts(got.Leaves) != want || len(got.Failures) > 0 {
			t.Errorf("Resolve(%s) = %s, %v %v; want %s", in, texts(got.Leaves), e, got.Failures, want)
		}
	}
}

func TestResolveFaults(t *testing.T) {
	r := resolver(dnstest.Start(t, zone))
	for _, c := range []struct {
		in   string
		code fail.Code
		want string // in message, hint or detail
	}{
		{"/dns4/gone.example.com/tcp/1", fail.DNSNXDomain, "does not exist"},
		{"/dns/gone.example.com/tcp/1", fail.DNSNXDomain, "does not exist"},
		{"/dns4/dangling.example.com/tcp/1", fail.DNSNXDomain, "dangling"},
		{"/dns4/servfail.example.com/tcp/1", fail.DNSServfail, "ServerFailure"},
		{"/dns/servfail.example.com/tcp/1", fail.DNSServfail, "ServerFailure"},
		{"/dns4/notimp.example.com/tcp/1", fail.DNSServfail, "NotImplemented"},
		{"/dns4/refused.example.com/tcp/1", fail.DNSRefused, "--dns IP:PORT"},
		{"/dns4/silent.example.com/tcp/1", fail.DNSTimeout, "no answer"},
		{"/dns4/tcpsilent.example.com/tcp/1", fail.DNSTimeout, "over TCP"},
		{"/dns4/empty.example.com/tcp/1", fail.DNSNoData, "no such record"},
		{"/dns4/lame.example.com/tcp/1", fail.DNSNoData, "no recursive resolver"},
		{"/dns4/v6.example.com/tcp/1", fail.DNSWrongFamily, "/dns6/v6.example.com"},
		{"/dns6/v4.example.com/tcp/1", fail.DNSWrongFamily, "/dns4/v4.example.com"},
		{"/dns4/garbage.example.com/tcp/1", fail.DNSMalformed, "DNS message"},
		{"/dns4/short.example.com/tcp/1", fail.DNSMalformed, "broken"},
		{"/dns4/wrongid.example.com/tcp/1", fail.DNSMalformed, "id of another"},
		{"/dns4/tcpclosed.example.com/tcp/1", fail.DNSMalformed, "over TCP"},
		{"/dns4/round.example.com/tcp/1", fail.DNSMalformed, "circle"},
		{"/dns4/tick.example.com/tcp/1", fail.DNSMalformed, "circle"},
		{"/dnsaddr/gone.example.com", fail.DNSNXDomain, "neither"},
		{"/dnsaddr/empty.example.com", fail.DNSNoDnsaddr, "p2p addr dnsaddr --name empty.example.com"},
		{"/dnsaddr/spf.example.com", fail.DNSNoDnsaddr, "among its 1 TXT"},
		{"/dnsaddr/misplaced.example.com", fail.DNSNoDnsaddr, "move them to _dnsaddr.misplaced.example.com"},
		{"/dnsaddr/_dnsaddr.good.example.com", fail.DNSNoDnsaddr, "write /dnsaddr/good.example.com"},
		{"/dnsaddr/mixed.example.com/p2p/" + id2, fail.DNSDnsaddrOtherPeer, id1},
		{"/dnsaddr/noid.example.com/p2p/" + id1, fail.DNSDnsaddrOtherPeer, "name no peer"},
		{"/dnsaddr/bad.example.com", fail.DNSDnsaddrMalformed, "5 malformed"},
		{"/dnsaddr/esc.example.com", fail.DNSDnsaddrMalformed, `\x1b`},
		{"/dnsaddr/self.example.com", fail.DNSDnsaddrLoop, "[self.example.com self.example.com]"},
		{"/dnsaddr/ring.example.com", fail.DNSDnsaddrLoop, "[ring.example.com ring2.example.com ring.example.com]"},
		{"/dnsaddr/dead.example.com", fail.DNSNXDomain, "gone.example.com"},
	} {
		start := time.Now()
		got, e := r.Resolve(t.Context(), ma.StringCast(c.in))
		if e == nil {
			t.Errorf("Resolve(%s) = %s, want %s", c.in, texts(got.Leaves), c.code)
			continue
		}
		all := fmt.Sprint(e.Message, " ", e.Hint, " ", e.Detail)
		if e.Code != c.code || !strings.Contains(all, c.want) || e.Hint == "" || e.Stage != "dns" {
			t.Errorf("Resolve(%s) = %s %s; want %s %q", c.in, e.Code, all, c.code, c.want)
		}
		if took := time.Since(start); took > 450*time.Millisecond && c.code != fail.DNSTimeout {
			t.Errorf("Resolve(%s) took %s", c.in, took)
		}
	}
}

// Garbage is named at once, however long silence would be waited for.
func TestGarbageIsFast(t *testing.T) {
	r := resolver(dnstest.Start(t, zone))
	r.Timeout = 10 * time.Second
	start := time.Now()
	_, e := r.Resolve(t.Context(), ma.StringCast("/dns/garbage.example.com/tcp/1"))
	if took := time.Since(start); e == nil || e.Code != fail.DNSMalformed || took > 2*time.Second {
		t.Errorf("%v after %s", e, took)
	}
}

func TestNoServer(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Close()
	_, e := resolver(s).Resolve(t.Context(), ma.StringCast("/dns4/v4.example.com/tcp/1"))
	if e == nil || e.Code != fail.DNSNoServer || !strings.Contains(e.Message, s.Addr.String()) {
		t.Fatalf("got %v", e)
	}
}

// One good server is enough; of several bad ones the one that says most is reported.
func TestSeveralServers(t *testing.T) {
	good := dnstest.Start(t, zone)
	fails := dnstest.Start(t, "v4.example.com FAULT servfail")
	silent := dnstest.Start(t, "v4.example.com FAULT silent")
	r := &Resolver{Servers: []netip.AddrPort{silent.Addr, fails.Addr, good.Addr}, Timeout: 100 * time.Millisecond}
	got, e := r.Resolve(t.Context(), ma.StringCast("/dns4/v4.example.com/tcp/1"))
	if e != nil || got.Chain[0].Server != good.Addr.String() {
		t.Fatalf("%+v %v", got, e)
	}
	r.Servers = r.Servers[:2]
	_, e = r.Resolve(t.Context(), ma.StringCast("/dns4/v4.example.com/tcp/1"))
	if e == nil || e.Code != fail.DNSServfail || e.Detail["server"] != fails.Addr.String() {
		t.Fatalf("%+v", e)
	}
	if n := len(silent.Asked()); n != 3 { // once above, where the third server answered; two tries here
		t.Errorf("the silent server was asked %d times", n)
	}
	if n := len(fails.Asked()); n != 2 {
		t.Errorf("the failing server was asked %d times", n)
	}
}

func TestWarnings(t *testing.T) {
	r := resolver(dnstest.Start(t, zone))
	for in, want := range map[string]fail.Code{
		"/dns4/lan.example.com/tcp/1":     fail.DNSPrivateAnswer,
		"/dns4/blocked.example.com/tcp/1": fail.DNSPrivateAnswer,
		"/dnsaddr/mixed.example.com":      fail.DNSDnsaddrMalformed,
		"/dns4/v4.example.com/tcp/1":      "",
		"/dns4/nas.lan/tcp/1":             "",
	} {
		got, e := r.Resolve(t.Context(), ma.StringCast(in))
		if e != nil || want == "" && len(got.Warnings) > 0 || want != "" && !slices.Equal(codes(got.Warnings), []fail.Code{want}) {
			t.Errorf("Resolve(%s): %v, warnings %v; want %s", in, e, codes(got.Warnings), want)
		}
	}
	got, e := r.Resolve(t.Context(), ma.StringCast("/dnsaddr/partly.example.com"))
	if e != nil || len(got.Leaves) != 1 || !slices.Equal(codes(got.Failures), []fail.Code{fail.DNSNXDomain}) {
		t.Errorf("partly: %v %+v", e, got)
	}
	if at := got.Failures[0].Detail["addr"]; at != "/dns4/gone.example.com/tcp/1/p2p/"+id1 {
		t.Errorf("partly: addr %v", at)
	}
}

func TestLeafNamesItsHost(t *testing.T) {
	got, e := resolver(dnstest.Start(t, zone)).Resolve(t.Context(), ma.StringCast("/dnsaddr/good.example.com/p2p/"+id2))
	if e != nil || len(got.Leaves) != 2 {
		t.Fatal(got, e)
	}
	l := got.Leaves[0]
	if l.Host != "v4.example.com" || l.From != "/dns4/v4.example.com/tcp/443/wss/p2p/"+id2 {
		t.Errorf("%+v", l)
	}
	if q := got.Chain[0]; q.Query != "_dnsaddr.good.example.com" || q.Type != "TXT" || len(q.Answers) != 3 {
		t.Errorf("%+v", q)
	}
}

// The system's resolver here is Go's own one, sent to another server.
func system(s *dnstest.Server) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, s.Addr.String())
	}}
}

func TestSystem(t *testing.T) {
	mine := dnstest.Start(t, zone)
	other := dnstest.Start(t, "v4.example.com A 51.15.9.9\nboth.example.com A 51.15.1.1\nvpn.example.com A 51.15.7.7")
	dir := t.TempDir()
	hosts, none := filepath.Join(dir, "hosts"), filepath.Join(dir, "none")
	if err := os.WriteFile(hosts, []byte("# hosts\n51.15.3.3 pinned.example.com pinned # here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in, want string
		warn     []fail.Code
	}{
		{"/dns4/v4.example.com/tcp/1", "/ip4/51.15.9.9/tcp/1", []fail.Code{fail.DNSDisagreement}},
		{"/dns4/both.example.com/tcp/1", "/ip4/51.15.1.1/tcp/1", nil},
		{"/dns4/vpn.example.com/tcp/1", "/ip4/51.15.7.7/tcp/1", []fail.Code{fail.DNSDisagreement}},
		{"/dns4/big.example.com/tcp/1", "/ip4/51.15.1.1/tcp/1", []fail.Code{fail.DNSDisagreement}},
		{"/dns4/PINNED.example.com/tcp/1", "/ip4/51.15.3.3/tcp/1", nil},
	} {
		r := &Resolver{HostsFile: hosts, Timeout: time.Second, system: system(other)}
		u := &run{r: r, conf: config{servers: []netip.AddrPort{mine.Addr}}, memo: map[string]*looked{}, out: &Resolution{}}
		m := ma.StringCast(c.in)
		l := &looked{}
		u.component(t.Context(), m[0], l)
		u.memo[m[0].String()] = l
		var got []Leaf
		for _, it := range u.step(item{Leaf: Leaf{MA: m}}) {
			got = append(got, it.Leaf)
		}
		if texts(got) != c.want || !slices.Equal(codes(l.warnings), c.warn) {
			t.Errorf("%s: %s %v, want %s %v (%v)", c.in, texts(got), l.warnings, c.want, c.warn, l.err)
		}
	}
	// Without resolv.conf the system is all there is.
	r := &Resolver{HostsFile: none, ResolvConf: none, Timeout: time.Second, system: system(mine)}
	got, e := r.Resolve(t.Context(), ma.StringCast("/dnsaddr/top.example.com/p2p/"+id1))
	if e != nil || texts(got.Leaves) != "/ip4/51.15.1.1/tcp/4001/p2p/"+id1 || got.Chain[0].Server != "system" {
		t.Errorf("%v %+v", e, got)
	}
	if _, e = r.Resolve(t.Context(), ma.StringCast("/dns4/gone.example.com/tcp/1")); e == nil || e.Code != fail.DNSNXDomain {
		t.Errorf("%v", e)
	}
}

func TestConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	text := "; comment\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver nonsense\nsearch corp.example lan.example\noptions edns0 ndots:2 timeout:1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := readConfig(path)
	if fmt.Sprint(c.servers) != "[192.0.2.53:53 [fe80::1%eth0]:53]" || c.ndots != 2 {
		t.Errorf("%+v", c)
	}
	if got := fmt.Sprint(c.names("a.b"), c.names("a.b.c"), c.names("a.")); got != "[a.b a.b.corp.example a.b.lan.example] [a.b.c] [a.]" {
		t.Error(got)
	}
}

func TestSearchDomain(t *testing.T) {
	s := dnstest.Start(t, "relay.svc.example A 51.15.1.1")
	u := &run{r: &Resolver{Servers: []netip.AddrPort{s.Addr}}, conf: config{servers: []netip.AddrPort{s.Addr}, search: []string{"svc.example"}, ndots: 1}}
	l := &looked{}
	u.component(t.Context(), ma.StringCast("/dns4/relay")[0], l)
	if l.err != nil || list(l.ips) != "51.15.1.1" || len(l.queries) != 2 {
		t.Errorf("%+v", l)
	}
}

// What a zone can do to its reader: thousands of records, records that fan out, circles, silence.
func TestHostileZones(t *testing.T) {
	var z strings.Builder
	for i := range 300 {
		fmt.Fprintf(&z, "_dnsaddr.many.example.com TXT noise %d\n", i)
	}
	fmt.Fprintf(&z, "_dnsaddr.many.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/4001/p2p/%s\n", id1)
	for i := range 1400 {
		fmt.Fprintf(&z, "_dnsaddr.leaves.example.com TXT dnsaddr=/ip4/51.%d.%d.1/tcp/1\n", 15+i/250, i%250)
		fmt.Fprintf(&z, "_dnsaddr.fan.example.com TXT dnsaddr=/dnsaddr/f%d.example.com\n", i)
		fmt.Fprintf(&z, "_dnsaddr.squared.example.com TXT dnsaddr=/dnsaddr/leaves.example.com/tcp/%d\n", i+2)
	}
	for i := range 1400 {
		fmt.Fprintf(&z, "_dnsaddr.half%d.example.com TXT dnsaddr=/ip4/52.%d.%d.1/tcp/1\n", i%2, 15+i/250, i%250)
	}
	z.WriteString("_dnsaddr.two.example.com TXT dnsaddr=/dnsaddr/half0.example.com\n_dnsaddr.two.example.com TXT dnsaddr=/dnsaddr/half1.example.com\n")
	for i := range 20 {
		fmt.Fprintf(&z, "_dnsaddr.d%d.example.com TXT dnsaddr=/dnsaddr/d%d.example.com\n", i, i+1)
		fmt.Fprintf(&z, "_dnsaddr.d%d.example.com TXT dnsaddr=/dnsaddr/d%d.example.com\n", i, i+1)
	}
	s := dnstest.Start(t, z.String())
	r := resolver(s)
	r.Timeout = 2 * time.Second
	got, e := r.Resolve(t.Context(), ma.StringCast("/dnsaddr/many.example.com/p2p/"+id1))
	if e != nil || len(got.Leaves) != 1 || len(got.Warnings) != 0 || !got.Chain[0].TCP || len(got.Chain[0].Answers) != maxAnswers || got.Chain[0].Omitted != 301-maxAnswers {
		t.Errorf("many: %v %+v", e, got)
	}
	got, e = r.Resolve(t.Context(), ma.StringCast("/dnsaddr/leaves.example.com"))
	if e != nil || len(got.Leaves) != MaxLeaves || got.Omitted == 0 {
		t.Errorf("leaves: %v, %d leaves, %d omitted", e, len(got.Leaves), got.Omitted)
	}
	got, e = r.Resolve(t.Context(), ma.StringCast("/dnsaddr/two.example.com"))
	if e != nil || len(got.Leaves) != MaxLeaves || got.Omitted != 1400-MaxLeaves {
		t.Errorf("two: %v, %d leaves, %d omitted", e, len(got.Leaves), got.Omitted)
	}
	got, e = r.Resolve(t.Context(), ma.StringCast("/dnsaddr/fan.example.com"))
	if e == nil || len(got.Failures) != maxFailures || len(s.Asked()) > 2*(maxQueries+10) {
		t.Errorf("fan: %v, %d failures, %d questions", e, len(got.Failures), len(s.Asked()))
	}
	if _, e = r.Resolve(t.Context(), ma.StringCast("/dnsaddr/squared.example.com")); e == nil {
		t.Error("squared is good")
	}
	_, e = r.Resolve(t.Context(), ma.StringCast("/dnsaddr/d0.example.com"))
	if e == nil || e.Code != fail.DNSDnsaddrLoop || !strings.Contains(e.Message, "deeper than 8") {
		t.Errorf("deep: %v", e)
	}
}

func TestDeadline(t *testing.T) {
	r := resolver(dnstest.Start(t, zone))
	r.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, e := r.Resolve(ctx, ma.StringCast("/dns/silent.example.com/tcp/1")); e == nil || e.Code != fail.Timeout || e.Stage != "dns" {
		t.Errorf("%v", e)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, e := r.Resolve(ctx, ma.StringCast("/dnsaddr/good.example.com")); e == nil || e.Code != fail.Interrupted {
		t.Errorf("%v", e)
	}
}

func FuzzReadAnswer(f *testing.F) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName("alias.example.com."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}
	s := dnstest.Start(f, zone+"v4.example.com TXT dnsaddr=/ip4/51.15.1.1/tcp/1\n")
	c, err := net.Dial("udp", s.Addr.String())
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	for _, name := range []string{"alias", "empty", "gone", "servfail", "short", "wrongid", "big", "round", "_dnsaddr.bad"} {
		q := q
		q.Name = dnsmessage.MustNewName(name + ".example.com.")
		msg, err := question(7, q, true)
		if err != nil {
			f.Fatal(err)
		}
		c.Write(msg)
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(buf[:n])
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range []dnsmessage.Type{dnsmessage.TypeTXT, dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			q := q
			q.Type = typ
			a, err := readAnswer(b, 7, q)
			if (a == nil) == (err == nil) {
				t.Fatalf("%v %v", a, err)
			}
			if err != nil {
				continue
			}
			if len(a.aliases) > maxAliases+1 || a.code() == "" && a.empty() {
				t.Fatalf("%+v", a)
			}
			for _, txt := range a.txt {
				if isDnsaddr(txt) {
					m, why := readRecord(txt)
					if (m == nil) == (why == "") {
						t.Fatalf("%q: %v %q", txt, m, why)
					}
				}
			}
			var shown Query
			shown.show(a)
			if b, err := json.Marshal(shown); err != nil || !utf8.Valid(b) {
				t.Fatal(err)
			}
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	for line := range strings.Lines(zone) {
		if _, txt, ok := strings.Cut(line, " TXT "); ok {
			f.Add(strings.TrimSpace(txt))
		}
	}
	f.Add("dnsaddr=" + strings.Repeat("\xc8", 1200))
	f.Fuzz(func(t *testing.T, s string) {
		_ = isDnsaddr(s)
		m, why := readRecord(s)
		if (m == nil) == (why == "") {
			t.Fatalf("%q: %v %q", s, m, why)
		}
		if why == "" {
			if again, err := ma.NewMultiaddr(strings.TrimPrefix(s, "dnsaddr=")); err != nil || again.String() != m.String() && !strings.Contains(s, "/ipfs/") {
				t.Fatalf("%q: %v, go-multiaddr %v %v", s, m, again, err)
			}
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	r := resolver(dnstest.Start(b, zone))
	m := ma.StringCast("/dnsaddr/top.example.com")
	for b.Loop() {
		if _, e := r.Resolve(b.Context(), m); e != nil {
			b.Fatal(e)
		}
	}
}
