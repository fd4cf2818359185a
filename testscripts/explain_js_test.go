package testscripts

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"p2p/lib/explain"
	"p2p/lib/fail"
)

type jsTarget struct {
	Name     string `json:"name"`
	Addr     string `json:"addr"`
	Deny     bool   `json:"deny,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	Timeout  int    `json:"timeout,omitempty"` // ms
	want     fail.Code
}

// TestExplainJS dials faults with a real js-libp2p client and explains what it says.
func TestExplainJS(t *testing.T) {
	id := newID(t)
	at := func(port int, rest string) string {
		return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d%s/p2p/%s", port, rest, id)
	}
	node := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
	relayed := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
	service, err := relay.New(relayed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	private := newHost(t, libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(tcp.NewTCPTransport), listen("/ip4/127.0.0.1/tcp/0"))
	wss, _ := wssHost(t, certificate(t, -time.Hour, time.Hour, "127.0.0.1"))
	closed := rawServer(t, func(c net.Conn) { c.Close() })
	reset := rawServer(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() })
	targets := []jsTarget{
		{Name: "refused", Addr: at(closedPort(t), ""), want: "dial.refused"},
		{Name: "refused ws", Addr: at(closedPort(t), "/ws"), want: "dial.refused"},
		{Name: "wrong id", Addr: fmt.Sprintf("%s/p2p/%s", node.Addrs()[0], id), want: "security.peer_id_mismatch"},
		{Name: "silent", Addr: at(rawServer(t, func(net.Conn) {}), ""), Timeout: 1500, want: "dial.silent"},
		{Name: "closed", Addr: at(closed, ""), want: "dial.closed"},
		{Name: "reset", Addr: at(reset, ""), want: "dial.closed"},
		{Name: "http", Addr: at(httpServer(t), ""), want: "dial.wrong_service"},
		{Name: "ws http", Addr: at(httpServer(t), "/ws"), want: "ws.status"},
		{Name: "ws raw", Addr: fmt.Sprintf("%s/ws/p2p/%s", node.Addrs()[0], node.ID()), want: "ws.raw_libp2p"},
		{Name: "muxer", Addr: full(t, muxerlessHost(t), "tcp"), want: "muxer.no_common"},
		{Name: "security", Addr: full(t, tlsOnlyHost(t), "tcp"), want: "security.no_common"},
		{Name: "private", Addr: full(t, private, "tcp"), want: "pnet.required"},
		{Name: "wss self", Addr: wss, want: "tls.unknown_authority"},
		{Name: "no reservation", Addr: full(t, relayed, "tcp") + "/p2p-circuit/p2p/" + id.String(), want: "relay.no_reservation"},
		{Name: "not a relay", Addr: full(t, node, "tcp") + "/p2p-circuit/p2p/" + id.String(), want: "relay.not_a_relay"},
		{Name: "protocol", Addr: full(t, node, "tcp"), Protocol: "/lab/none/1.0.0", want: "protocol.unsupported"},
		{Name: "quic", Addr: "/ip4/127.0.0.1/udp/4001/quic-v1/p2p/" + id.String(), want: "addr.no_transport"},
		{Name: "gater", Addr: at(4001, ""), Deny: true, want: "dial.forbidden"},
		{Name: "unknown", Addr: "/ip4/127.0.0.1/tcpp/4001", want: "addr.unknown_protocol"},
		{Name: "bad id", Addr: at(4001, "")[:len(at(4001, ""))-2], want: "addr.bad_peer_id"},
	}
	results := dialJS(t, targets)
	for _, want := range targets {
		r, ok := results[want.Name]
		if !ok {
			t.Errorf("%s: no result", want.Name)
			continue
		}
		// A log has either what String() gives, or what the console shows.
		for _, text := range []string{r.Text, r.Inspect} {
			m := explain.Match(text)
			i := slices.IndexFunc(m.Found, func(c explain.Cause) bool { return c.Code == want.want })
			if i < 0 || i > 5 {
				t.Errorf("%s: %s is not among the first matches of %q: %+v", want.Name, want.want, text, m.Found)
				continue
			}
			checkJS(t, want, m.Found[i])
		}
	}
}

// checkJS looks at the command: js-libp2p's texts name no multiaddr, at most a host and port.
func checkJS(t *testing.T, want jsTarget, got explain.Cause) {
	t.Helper()
	switch command := got.ConfirmCommand; want.Name {
	case "refused", "reset":
		base, _, _ := strings.Cut(want.Addr, "/p2p/")
		if command != "p2p probe "+base {
			t.Errorf("%s: command %q", want.Name, command)
		}
	case "protocol":
		if command != "p2p probe <multiaddr> --want /lab/none/1.0.0" {
			t.Errorf("%s: command %q", want.Name, command)
		}
	default:
		if !strings.HasPrefix(command, "p2p probe <multiaddr>") {
			t.Errorf("%s: command %q", want.Name, command)
		}
	}
}

type jsResult struct {
	Name    string `json:"name"`
	Text    string `json:"text"`
	Inspect string `json:"inspect"`
}

// dialJS dials the targets with npm's libp2p.
func dialJS(t *testing.T, targets []jsTarget) map[string]jsResult {
	t.Helper()
	in, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]jsResult{}
	for d := json.NewDecoder(strings.NewReader(runJS(t, string(in), "dialerrors.mjs"))); d.More(); {
		var r jsResult
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		results[r.Name] = r
	}
	return results
}
