package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2p/lib/addr"
	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
)

func parse(t *testing.T, text string) *addr.Address {
	t.Helper()
	a, err := addr.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const relayID, peerID = "12D3KooWSHj3RRbBjD15g6wekV8y3mm57Pobmps2g2WJm6F67Lay", "12D3KooWDMCQbZZvLgHiHntG1KwcHoqHPAxL37KvhgibWqFtpqUY"

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		allow   string
		private bool
		target  string
		ip      string
		good    bool
	}{
		{"", false, "/ip4/8.8.8.8/tcp/1", "8.8.8.8", true},
		{"", false, "/ip4/10.0.0.1/tcp/1", "10.0.0.1", false},
		{"", true, "/ip4/10.0.0.1/tcp/1", "10.0.0.1", true},
		{"", false, "/dns4/a.example/tcp/1", "127.0.0.1", false},
		{"", false, "/dns4/a.example/tcp/1", "169.254.169.254", false},
		{"", false, "/dns6/a.example/tcp/1", "::1", false},
		{"", false, "/dns6/a.example/tcp/1", "::ffff:127.0.0.1", false},
		{"", false, "/dns6/a.example/tcp/1", "::ffff:8.8.8.8", true},
		{"", false, "/dns6/a.example/tcp/1", "64:ff9b::7f00:1", false},
		{"", false, "/dns6/a.example/tcp/1", "64:ff9b::808:808", true},
		{"", false, "/dns6/a.example/tcp/1", "64:ff9b:1::808:808", false},
		{"", false, "/dns6/a.example/tcp/1", "2002:7f00:1::1", false},
		{"", false, "/dns6/a.example/tcp/1", "2002:a00:1::1", false},
		{"", false, "/dns6/a.example/tcp/1", "2001:0:7f00:1::1", false},
		{"", false, "/dns6/a.example/tcp/1", "::7f00:1", false},
		{"", false, "/dns6/a.example/tcp/1", "fd00::1", false},
		{"", false, "/dns6/a.example/tcp/1", "fe80::1%eth0", false},
		{"", false, "/dns6/a.example/tcp/1", "ff02::1", false},
		{"", false, "/dns6/a.example/tcp/1", "2606:4700::1111", true},
		{"A.example.", false, "/dns4/a.EXAMPLE/tcp/1", "8.8.8.8", true},
		{"a.example", false, "/dns4/a.example/tcp/1", "10.0.0.1", false},
		{"a.example", false, "/dnsaddr/a.example", "8.8.8.8", true},
		{"a.example", false, "/dns4/b.a.example/tcp/1", "8.8.8.8", false},
		{"a.example", false, "/ip4/8.8.8.8/tcp/1/tls/sni/a.example/ws", "8.8.8.8", false},
		{"a.example 9.0.0.0/8", false, "/dns4/b.example/tcp/1", "9.1.1.1", true},
		{"a.example 9.0.0.0/8", false, "/dns4/b.example/tcp/1", "::ffff:9.1.1.1", true},
		{"a.example 9.0.0.0/8", false, "/dns4/b.example/tcp/1", "8.8.8.8", false},
		{"10.0.0.0/8", false, "/ip4/10.1.1.1/tcp/1", "10.1.1.1", false},
		{"10.0.0.0/8", true, "/ip4/10.1.1.1/tcp/1", "10.1.1.1", true},
		{"10.0.0.1", true, "/ip4/10.0.0.2/tcp/1", "10.0.0.2", false},
	} {
		p, bad := ParsePolicy(strings.Fields(c.allow), c.private)
		if bad != nil {
			t.Fatal(bad)
		}
		guard, err := p.Guard(parse(t, c.target))
		if err == nil {
			err = guard(netip.MustParseAddr(c.ip))
		}
		if (err == nil) != c.good || err != nil && err.Code != fail.ServeForbidden {
			t.Errorf("allow %q, private %v: %s at %s: %v", c.allow, c.private, c.target, c.ip, err)
		}
		if err != nil && strings.Contains(err.Message+err.Hint, c.ip) {
			t.Errorf("the refusal tells what the name resolves to: %s", err.Message)
		}
	}
	for _, bad := range []string{"", "a b", "1.2.3.4/99", "http://x", "*.example", "a:80"} {
		if _, err := ParsePolicy([]string{bad}, false); err == nil || !strings.Contains(err.Message, "--allow-target") {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}

// counter listens on an address of loopback and counts who comes.
func counter(t *testing.T, ip string) (port int, seen *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	seen = &atomic.Int64{}
	done := make(chan bool)
	if u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip), Port: port}); err == nil {
		go func() {
			for b := make([]byte, 2048); ; {
				if _, _, err := u.ReadFrom(b); err != nil {
					return
				}
				seen.Add(1)
			}
		}()
		t.Cleanup(func() { u.Close() })
	}
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return port, seen
}

func guarded(t *testing.T, p Policy, dns *dnstest.Server, target string) *Report {
	t.Helper()
	o := Options{DialTimeout: time.Second, StageTimeout: time.Second, Discreet: true}
	if dns != nil {
		o.Resolver = &addr.Resolver{Servers: []netip.AddrPort{dns.Addr}}
	}
	guard, err := p.Guard(parse(t, target))
	if err != nil {
		t.Fatal(err)
	}
	o.Guard = guard
	return New(o).Probe(context.Background(), target)
}

func refused(t *testing.T, r *Report, seen *atomic.Int64) {
	t.Helper()
	if r.OK || r.Error == nil || r.Error.Code != fail.ServeForbidden {
		b, _ := json.Marshal(r)
		t.Errorf("not refused: %s", b)
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d packets or connections reached the private address", n)
	}
}

// A name that first resolves to a public address and then to a private one: here 127.0.0.2 plays the
// public one. Each probe judges the address that it dials, the diagnostic dials after a failure too.
func TestRebinding(t *testing.T) {
	port, private := counter(t, "127.0.0.1")
	second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		if os.Getenv("P2P_REQUIRE") == "1" || runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skipf("this machine has no 127.0.0.2: %v", err)
	}
	defer second.Close()
	dns := dnstest.Start(t, "rebind.example A 127.0.0.2\n")
	go func() {
		for {
			c, err := second.Accept()
			if err != nil {
				return
			}
			_ = dns.Set("rebind.example A 127.0.0.1\n") // while the first walk is on its way
			c.Close()
		}
	}()
	p := Policy{public: func(ip netip.Addr) bool { return ip.String() == "127.0.0.2" }}
	target := fmt.Sprintf("/dns4/rebind.example/tcp/%d", port)
	first := guarded(t, p, dns, target)
	if first.Error == nil || first.Error.Code != fail.DialClosed || private.Load() != 0 {
		t.Errorf("first: %+v, %d private connections", first.Error, private.Load())
	}
	refused(t, guarded(t, p, dns, target), private)
	_ = dns.Set("rebind.example A 127.0.0.2\nrebind.example A 127.0.0.1\n")
	both := guarded(t, p, dns, target)
	if both.Error == nil || both.Error.Code != fail.DialClosed || private.Load() != 0 {
		t.Errorf("both: %+v, %d private connections", both.Error, private.Load())
	}
}

// Every leaf of a dnsaddr and the hop in front of a circuit is judged.
func TestLeavesAndHopsAreJudged(t *testing.T) {
	port, seen := counter(t, "127.0.0.1")
	tcp := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)
	hop := tcp + "/p2p/" + relayID + "/p2p-circuit/p2p/" + peerID
	dns := dnstest.Start(t, "_dnsaddr.leaf.example TXT dnsaddr="+tcp+"/p2p/"+peerID+"\n"+
		"_dnsaddr.hop.example TXT dnsaddr="+hop+"\n"+
		"_dnsaddr.deep.example TXT dnsaddr=/dnsaddr/leaf.example/p2p/"+peerID+"\n"+
		"_dnsaddr.mapped.example TXT dnsaddr=/ip6/::ffff:127.0.0.1/tcp/"+fmt.Sprint(port)+"/p2p/"+peerID+"\n"+
		"relay.example A 127.0.0.1\n")
	for _, target := range []string{
		tcp, tcp + "/ws", tcp + "/tls/ws", hop, fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", port),
		fmt.Sprintf("/ip6/::ffff:127.0.0.1/tcp/%d", port), fmt.Sprintf("/ip6/64:ff9b::7f00:1/tcp/%d", port), fmt.Sprintf("/ip6/2002:7f00:1::1/tcp/%d", port),
		"/dnsaddr/leaf.example", "/dnsaddr/hop.example", "/dnsaddr/deep.example", "/dnsaddr/mapped.example",
		fmt.Sprintf("/dns4/relay.example/tcp/%d/p2p/%s/p2p-circuit/p2p/%s", port, relayID, peerID),
		fmt.Sprintf("/dns4/relay.example/tcp/%d/tls/sni/public.example/ws", port),
	} {
		t.Run(strings.ReplaceAll(target, "/", " "), func(t *testing.T) {
			refused(t, guarded(t, Policy{}, dns, target), seen)
		})
	}
}
