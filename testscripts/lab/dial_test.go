package lab

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"p2p/lib/probe/faulttest"
)

const someID = "/p2p/12D3KooWGRUaq6XUFVSzMkWZAYGDEmyB2yTrWJvnwAsvg9aVjwWT"

// expect probes one target and looks for its code, its stage, and a part of its hint.
func expect(t *testing.T, target, code, stage, hint string, flags ...string) report {
	t.Helper()
	status, lines := probe(t, append(flags, target)...)
	if len(lines) != 1 || lines[0].Error == nil {
		t.Fatalf("%d lines, no error; exit status %d", len(lines), status)
	}
	e := lines[0].Error
	if e.Code != code || e.Stage != stage || !strings.Contains(e.Hint, hint) {
		t.Errorf("%s in %s, want %s in %s: %s; hint %q, want %q; cause %s", e.Code, e.Stage, code, stage, e.Message, e.Hint, hint, e.Cause)
	}
	if status != 4 {
		t.Errorf("exit status %d", status)
	}
	return lines[0]
}

// A healthy node, over both families: the lab itself works.
func TestLab(t *testing.T) {
	inside(t)
	for _, a := range startNode(t, "/ip4/"+farIP+"/tcp/0", "/ip6/"+farIP6+"/tcp/0", "/ip4/"+farIP+"/udp/0/quic-v1") {
		if status, _ := probe(t, a); status != 0 {
			t.Errorf("%s: exit status %d", a, status)
		}
	}
}

func TestDialFaults(t *testing.T) {
	inside(t)
	t.Parallel()
	for _, c := range []struct {
		name, target, code, hint, message string
	}{
		{"closed port", "/ip4/11.0.0.10/tcp/9", "dial.refused", "ss -ltnp", "the host is up"},
		{"closed port, IPv6", "/ip6/2a00::10/tcp/9", "dial.refused", "ss -ltnp", "the host is up"},
		{"a router drops", "/ip4/11.0.20.1/tcp/4001", "dial.timeout", "open TCP port 4001", "did not answer within 1.0 s"},
		{"a router: host unreachable", "/ip4/11.0.21.1/tcp/4001", "dial.host_unreachable", "host is up", "a router says"},
		{"a router: prohibited", "/ip4/11.0.22.1/tcp/4001", "dial.host_unreachable", "host is up", "prohibited"},
		{"a router: net unreachable", "/ip4/11.0.23.1/tcp/4001", "dial.host_unreachable", "host is up", "a router says"},
		{"a router without IPv6 beyond", "/ip6/2a00:0:99::1/tcp/4001", "dial.host_unreachable", "host is up", "a router says"},
		{"nobody in the LAN", "/ip4/11.0.1.99/tcp/4001", "dial.host_unreachable", "has this address", "this network"},
		{"no route", "/ip4/12.0.0.1/tcp/4001", "dial.no_route", "ip route get 12.0.0.1", "no route"},
		{"no route, IPv6", "/ip6/2b00::1/tcp/4001", "dial.no_route", "ip route get 2b00::1", "no route"},
		{"own route: unreachable", "/ip4/11.0.30.1/tcp/4001", "dial.no_route", "ip route get", "this machine"},
		{"own route: prohibited", "/ip4/11.0.31.1/tcp/4001", "dial.no_route", "ip route get", "this machine"},
		{"no such interface", "/ip6zone/nope/ip6/fe80::1/tcp/4001", "dial.no_route", "ip link", `"nope"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dial := "5s" // an ICMP answer can come while connect still holds the socket: then the second SYN, after 1 s, draws the one that counts
			if c.code == "dial.timeout" {
				dial = "1s"
			}
			r := expect(t, c.target+someID, c.code, "connect", c.hint, "--dial-timeout", dial)
			if !strings.Contains(r.Error.Message, c.message) {
				t.Errorf("the message %q lacks %q", r.Error.Message, c.message)
			}
			if fault := r.Error.Code == "dial.no_route"; fault != strings.Contains(r.Error.Hint, "not the peer's") {
				t.Errorf("whose fault is it? %q", r.Error.Hint)
			}
		})
	}
}

// A machine without any IPv6 address is told so.
func TestNoIPv6(t *testing.T) {
	inside(t)
	sh(t, "ip -6 route del 2a00::/32")
	sh(t, "ip -6 addr flush dev near scope global")
	t.Cleanup(func() {
		sh(t, "ip -6 addr add %s/64 dev near nodad", nearIP6)
		sh(t, "ip -6 route add 2a00::/32 via 2a00:1::1")
	})
	expect(t, "/ip6/2a00::10/tcp/4001"+someID, "dial.no_route", "connect", "this machine has no IPv6")
}

// The firewalls that people meet, on the way or on the host.
func TestFirewalls(t *testing.T) {
	inside(t)
	t.Parallel()
	for _, c := range []struct {
		name, rule, code, hint string
	}{
		{"drop", "drop", "dial.timeout", "firewall"},
		{"reject", "reject with icmpx type port-unreachable", "dial.refused", "correct the port"},
		{"reset", "reject with tcp reset", "dial.refused", "correct the port"},
		{"host unreachable", "reject with icmpx type host-unreachable", "dial.host_unreachable", "host is up"},
		{"prohibited", "reject with icmpx type admin-prohibited", "dial.host_unreachable", "host is up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := startNode(t, "/ip4/"+farIP+"/tcp/0")[0]
			rules(t, "tcp dport "+strings.Split(addr, "/")[4]+" "+c.rule)
			expect(t, addr, c.code, "connect", c.hint, "--dial-timeout", "3s")
		})
	}
}

// UDP: the ICMP answers reach the prober there too.
func TestUDP(t *testing.T) {
	inside(t)
	t.Parallel()
	for _, c := range []struct {
		name, target, code, hint string
	}{
		{"closed port", "/ip4/11.0.0.10/udp/9/quic-v1", "dial.refused", "ss -lunp"},
		{"a router drops", "/ip4/11.0.20.1/udp/4001/quic-v1", "dial.timeout", "/tcp/4001"},
		{"a router: host unreachable", "/ip4/11.0.21.1/udp/4001/quic-v1", "dial.host_unreachable", "UDP port 4001"},
		{"a router: prohibited", "/ip4/11.0.22.1/udp/4001/quic-v1", "dial.host_unreachable", "UDP port 4001"},
		{"a router: net unreachable", "/ip4/11.0.23.1/udp/4001/quic-v1", "dial.host_unreachable", "UDP port 4001"},
		{"no route", "/ip4/12.0.0.1/udp/4001/quic-v1", "dial.no_route", "ip route get 12.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, c.target+someID, c.code, "connect", c.hint, "--dial-timeout", "2s")
		})
	}
}

// A link-local address is dialed on the interface that its zone names.
func TestZone(t *testing.T) {
	inside(t)
	l := listenIn(t, "router", "[::]:0")
	faulttest.Serve(t, l, faulttest.Say("SSH-2.0-zone\r\n"))
	port := l.Addr().(*net.TCPAddr).Port
	ll := linkLocal(t)
	expect(t, fmt.Sprintf("/ip6zone/near/ip6/%s/tcp/%d%s", ll, port, someID), "dial.wrong_service", "security", "another service")
	status, lines := probe(t, fmt.Sprintf("/ip6/%s/tcp/%d", ll, port))
	if status != 2 || lines[0].Error.Code != "addr.undialable" || !strings.Contains(lines[0].Error.Hint, "/ip6zone/") {
		t.Errorf("without zone: exit status %d, %+v", status, lines[0].Error)
	}
}

// The time can also run out while packets vanish, or while the pace of a host is waited for.
func TestTimeout(t *testing.T) {
	inside(t)
	t.Parallel()
	silent := "/ip4/11.0.20.1/tcp/4001" + someID
	status, lines := probe(t, "--timeout", "300ms", silent)
	if e := lines[0].Error; status != 124 || e.Code != "timeout" || e.Stage != "connect" {
		t.Errorf("exit status %d, %+v", status, e)
	}
	closed := "/ip4/" + farIP + "/tcp/9" + someID
	status, lines = probe(t, append([]string{"--deadline", "2s"}, repeat(closed, 9)...)...)
	if status != 8 || len(lines) != 8 {
		t.Errorf("the ninth has no turn within 2 s: exit status %d, %d results", status, len(lines))
	}
}
