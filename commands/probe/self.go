package probe

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"p2p/lib/addr"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/node"
	"p2p/lib/out"
	"p2p/lib/probe"
)

func selfCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "self",
		Short: "probe a throw-away node of this machine on every transport",
		Long: "Starts a node on loopback, probes it on every transport and IP version, and ends it. It needs no network.\n" +
			"What this machine cannot do (no IPv6, no UDP) is skipped with the reason and is no failure.\n\n" +
			"    p2p probe self",
		Results: []any{Self{}},
		Timeout: 30 * time.Second,
		Run:     runSelf,
	})
}

// Self says which transports work on this machine.
type Self struct {
	OK         bool        `json:"ok"`
	PeerID     string      `json:"peer_id"`
	TookMS     float64     `json:"took_ms"`
	Transports []Transport `json:"transports"`
	Skipped    []Skipped   `json:"skipped"`
}

// Transport is the probe of one transport over one IP version.
type Transport struct {
	Transport string      `json:"transport"`
	IP        string      `json:"ip"` // ip4 or ip6
	Addr      string      `json:"addr"`
	OK        bool        `json:"ok"`
	TookMS    float64     `json:"took_ms"`
	PingMS    float64     `json:"ping_ms,omitempty"`
	Error     *fail.Error `json:"error,omitempty"`
}

// Skipped is a transport that this machine cannot try.
type Skipped struct {
	Transport string `json:"transport"`
	IP        string `json:"ip"`
	Reason    string `json:"reason"`
}

// Text shows one line a transport.
func (s *Self) Text(w *out.Text) {
	w.Printf("%s\n", w.Dim("peer "+s.PeerID))
	for _, t := range s.Transports {
		w.Printf("%s %-14s %s  ", column(w.Mark(t.OK)), t.Transport, t.IP)
		if t.Error != nil {
			w.Printf("%s\n    %s\n", w.Bad(string(t.Error.Code)), out.Wrap(out.Clean(t.Error.Message, 0), w.Width-5, "    "))
			continue
		}
		place, _, _ := strings.Cut(t.Addr, "/certhash/") // the peer id is above; nobody dials this node again
		w.Printf("%7.1f ms  %s\n", t.TookMS, w.Dim(strings.TrimSuffix(place, "/p2p/"+s.PeerID)))
	}
	for _, t := range s.Skipped {
		w.Printf("%s %-14s %s  %s\n", column(w.Warn("-")), t.Transport, t.IP, w.Dim("skipped: "+t.Reason))
	}
}

// column pads a mark, which may be coloured.
func column(mark string) string { return mark + strings.Repeat(" ", max(3-out.Cells(mark), 0)) }

// place is one transport over one IP version: where to listen for it.
type place struct{ transport, ip, listen, network, bind string }

// places are all that a node can listen on at loopback.
func places() []place {
	var all []place
	for _, ip := range []struct{ name, host, bind string }{{"ip4", "/ip4/127.0.0.1", "127.0.0.1:0"}, {"ip6", "/ip6/::1", "[::1]:0"}} {
		for _, t := range []struct{ name, suffix string }{
			{"tcp", "/tcp/0"}, {"ws", "/tcp/0/ws"}, {"wss", "/tcp/0/tls/ws"},
			{"quic-v1", "/udp/0/quic-v1"}, {"webtransport", "/udp/0/quic-v1/webtransport"}, {"webrtc-direct", "/udp/0/webrtc-direct"},
		} {
			all = append(all, place{t.name, ip.name, ip.host + t.suffix, t.suffix[1:4], ip.bind})
		}
	}
	return all
}

func runSelf(ctx context.Context, c *cmd.Call) error {
	start := time.Now()
	config, roots, bad := loopbackTLS()
	if bad != nil {
		return bad
	}
	h, err := node.New(node.Options{TLS: config})
	if err != nil {
		return err
	}
	defer h.Close()
	s := &Self{PeerID: h.ID().String(), Transports: []Transport{}, Skipped: []Skipped{}}
	s.listen(h)
	if len(s.Transports) == 0 {
		return fail.New(fail.ListenFailed, "this machine can listen on no transport: %s", s.Skipped[0].Reason).WithHint("is a loopback interface up? ip link show lo")
	}
	s.probe(ctx, probe.New(probe.Options{Timeout: c.TakeTimeout(), Pings: 1, Roots: roots}))
	s.TookMS = float64(time.Since(start).Microseconds()) / 1000
	if ctx.Err() != nil {
		return fail.Of(ctx.Err())
	}
	failed := 0
	for _, t := range s.Transports {
		if !t.OK {
			failed++
		}
	}
	s.OK = failed == 0
	if err := c.Print(s); err != nil || s.OK {
		return err
	}
	return cmd.Finish(fail.New(fail.Partial, "%d of %d transports do not work on this machine", failed, len(s.Transports)).
		WithHint("see the error of each: p2p probe self --json"))
}

// listen tries every place; what the machine has no sockets for is skipped.
func (s *Self) listen(h host.Host) {
	for _, p := range places() {
		if reason := cannot(p); reason != "" {
			s.Skipped = append(s.Skipped, Skipped{p.transport, p.ip, reason})
			continue
		}
		t := Transport{Transport: p.transport, IP: p.ip, Addr: p.listen}
		if t.Error = node.Listen(h, p.listen); t.Error == nil {
			t.Addr = find(h, p)
		}
		s.Transports = append(s.Transports, t)
	}
}

// cannot asks the machine for a bare socket of the kind, and says why there is none.
func cannot(p place) string {
	var err error
	if p.network == "udp" {
		var c net.PacketConn
		if c, err = net.ListenPacket("udp", p.bind); err == nil {
			_ = c.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", p.bind); err == nil {
			_ = l.Close()
		}
	}
	if err != nil {
		return fmt.Sprintf("this machine has no %s over %s: %v", strings.ToUpper(p.network), map[string]string{"ip4": "IPv4", "ip6": "IPv6"}[p.ip], err)
	}
	return ""
}

// find returns the whole address that the host has for the place.
func find(h host.Host, p place) string {
	for _, m := range h.Addrs() {
		if a, err := addr.New(m); err == nil && a.Transport == p.transport && strings.HasPrefix(m.String(), "/"+p.ip+"/") {
			return m.String() + "/p2p/" + h.ID().String()
		}
	}
	return p.listen + "/p2p/" + h.ID().String()
}

func (s *Self) probe(ctx context.Context, p *probe.Prober) {
	var wg sync.WaitGroup
	for i := range s.Transports {
		t := &s.Transports[i]
		if t.Error != nil {
			continue
		}
		wg.Go(func() {
			r := p.Probe(ctx, t.Addr)
			t.OK, t.TookMS, t.Error = r.OK, r.TookMS, r.Error
			if r.Ping != nil {
				t.PingMS = r.Ping.AvgMS
			}
		})
	}
	wg.Wait()
}
