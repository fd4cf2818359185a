package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"

	"p2p/lib/probe/faulttest"
)

// A path that drops large packets: the handshake of TCP passes, and what follows never arrives.
func TestMTU(t *testing.T) {
	inside(t)
	t.Parallel()
	node := func(part string) func(*testing.T) string {
		return func(t *testing.T) string { return startNode(t, "/ip4/"+farIP+"/tcp/0"+part)[0] }
	}
	raw := func(handle func(net.Conn)) func(*testing.T) string {
		return func(t *testing.T) string {
			return fmt.Sprintf("/ip4/%s/tcp/%d/tls/ws%s", farIP, serveFar(t, handle), someID)
		}
	}
	conf := &tls.Config{Certificates: []tls.Certificate{faulttest.NewCA(t, "lab").Leaf(t, nil)}}
	wss := raw(func(c net.Conn) { _ = tls.Server(c, conf).Handshake() })
	for _, c := range []struct {
		name              string
		target            func(*testing.T) string
		to, from          int // the largest IP packet that passes
		code, stage, hint string
	}{
		{"nothing lost, wss", wss, 0, 0, "tls.unknown_authority", "tls", "--ca"},
		{"silent, nothing lost", raw(faulttest.Silent), 0, 0, "tls.timeout", "tls", "dial.mtu"},
		{"to the peer, wss", wss, 600, 0, "dial.mtu", "tls", "MSS"},
		{"to the peer, tcp", node(""), 600, 0, "dial.mtu", "security", "MSS"},
		{"to the peer, ws", node("/ws"), 600, 0, "dial.mtu", "security", "MSS"},
		{"both ways, tcp", node(""), 600, 600, "dial.mtu", "security", "MSS"},
		{"from the peer, tcp", node(""), 0, 1400, "dial.mtu", "security", "MSS"},
		{"no data passes, wss", wss, 54, 0, "tls.timeout", "tls", "dial.mtu"}, // 52 bytes are a bare acknowledgement
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := c.target(t)
			port := strings.Split(target, "/")[4]
			var rule string
			if c.to > 0 {
				rule += fmt.Sprintf("tcp flags & syn == 0 tcp dport %s ip length > %d drop\n", port, c.to)
			}
			if c.from > 0 {
				rule += fmt.Sprintf("tcp sport %s ip length > %d drop\n", port, c.from)
			}
			if rule != "" {
				rules(t, rule)
			}
			status, lines := probe(t, "--stage-timeout", "4s", target)
			e := lines[0].Error
			if e == nil || e.Code != c.code || e.Stage != c.stage || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("exit status %d, want %s in %s: %+v", status, c.code, c.stage, e)
			}
		})
	}
}

// A router whose next link is smaller, and that is not allowed to say so (RFC 2923, 2.1).
func TestMTUBlackHole(t *testing.T) {
	inside(t)
	addr := startNode(t, "/ip4/"+farIP+"/tcp/0")[0]
	sh(t, "ip -n router link set wan mtu 1280")
	sh(t, "ip netns exec router nft add table ip hole")
	sh(t, "ip netns exec router nft add chain ip hole out { type filter hook output priority 0; }")
	sh(t, "ip netns exec router nft add rule ip hole out icmp code frag-needed drop")
	t.Cleanup(func() {
		sh(t, "ip -n router link set wan mtu 1500")
		sh(t, "ip route flush cache") // what was learnt
		sh(t, "ip -n far route flush cache")
	})
	r := expect(t, addr, "dial.mtu", "security", "MSS", "--stage-timeout", "4s")
	if !strings.Contains(r.Error.Message, "large packets") {
		t.Error(r.Error.Message)
	}
	sh(t, "ip netns exec router nft delete table ip hole")
	if status, _ := probe(t, addr); status != 0 {
		t.Errorf("with the router's answers: exit status %d", status)
	}
}
