package probe_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

func TestHealthyCircuit(t *testing.T) {
	for name, c := range map[string]struct {
		listen   string
		protocol int
		hop      string
	}{
		"tcp": {"/ip4/127.0.0.1/tcp/0", ma.P_TCP, "connect security identity muxer hop"},
		"ws":  {"/ip4/127.0.0.1/tcp/0/ws", ma.P_WS, "connect http security identity muxer hop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := faulttest.Relay(t, faulttest.Host(t, libp2p.NoListenAddrs, libp2p.ListenAddrStrings(c.listen)))
			h := faulttest.Target(t, []host.Host{r})
			got := run(t, quick(), faulttest.Circuit(t, r, c.protocol, h.ID()))
			healthyCircuit(t, got, r.ID(), h.ID())
			var hop, own []string
			for _, s := range got.Addresses[0].Stages {
				if s.Stage == "relay" {
					hop = append(hop, s.Detail["stage"].(string))
				} else {
					own = append(own, s.Stage)
				}
			}
			if strings.Join(hop, " ") != c.hop || strings.Join(own, " ") != "security identity muxer alive" {
				t.Errorf("stages: relay %v, then %v", hop, own)
			}
		})
	}
}

func TestCircuitOverUDP(t *testing.T) {
	r := faulttest.Relay(t, faulttest.UDPHost(t, "127.0.0.1", nil))
	h := faulttest.Target(t, []host.Host{r})
	for _, transport := range []string{"quic-v1", "webtransport", "webrtc-direct"} {
		t.Run(transport, func(t *testing.T) {
			target := udpAddr(t, r, transport) + "/p2p-circuit/p2p/" + h.ID().String()
			healthyCircuit(t, run(t, quick(), target), r.ID(), h.ID())
			wrong := strings.Replace(target, r.ID().String(), h.ID().String(), 1)
			if e := expect(t, quick(), wrong, fail.RelayUnreachable, "relay", target).Error; e.Cause != string(fail.SecurityPeerIDMismatch) {
				t.Errorf("cause %q", e.Cause)
			}
		})
	}
	closed := fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1/p2p/%s/p2p-circuit/p2p/%s", faulttest.FreeUDP(t, "127.0.0.1"), r.ID(), h.ID())
	if e := expect(t, quick(), closed, fail.RelayUnreachable, "relay", "ss -lunp").Error; e.Cause != string(fail.DialRefused) {
		t.Errorf("cause %q", e.Cause)
	}
}

func TestCircuitOverWSS(t *testing.T) {
	ca := faulttest.NewCA(t, "test root")
	listen := websocket.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{ca.Leaf(t, nil)}})
	r := faulttest.Relay(t, faulttest.Host(t, libp2p.NoListenAddrs, libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(websocket.New, listen), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/tls/ws")))
	h := faulttest.Target(t, nil)
	connectBack(t, r, h)
	faulttest.Reserve(t, h, r)
	o := quick()
	o.Roots = ca.Pool()
	target := faulttest.Circuit(t, r, ma.P_WS, h.ID())
	healthyCircuit(t, run(t, o, target), r.ID(), h.ID())
	if e := expect(t, quick(), target, fail.RelayUnreachable, "relay", "--ca").Error; !strings.HasPrefix(e.Cause, "tls.") {
		t.Errorf("cause %q", e.Cause)
	}
}

// connectBack lets the relay dial the target, whose host does not trust the relay's certificate.
func connectBack(t *testing.T, r, h host.Host) {
	t.Helper()
	if err := r.Connect(t.Context(), peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}); err != nil {
		t.Fatal(err)
	}
}

func healthyCircuit(t *testing.T, r *probe.Report, relayID, target peer.ID) {
	t.Helper()
	if !r.OK || !r.Verified || r.PeerID != target.String() || r.Ping == nil || r.Identify == nil || r.Relay == nil {
		t.Fatalf("%+v %+v", r, r.Error)
	}
	if r.Relay.PeerID != relayID.String() || !r.Relay.Limited || r.Relay.LimitDataByte != 1<<17 || r.Relay.LimitMS != 120000 {
		t.Errorf("relay: %+v", r.Relay)
	}
	if !warned(r, fail.RelayLimited) {
		t.Errorf("no warning of the limits: %v", r.Warnings)
	}
}

func warned(r *probe.Report, code fail.Code) bool {
	for _, w := range r.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

func TestUnlimitedCircuit(t *testing.T) {
	r := faulttest.Relay(t, faulttest.Host(t), relay.WithInfiniteLimits())
	h := faulttest.Target(t, []host.Host{r})
	got := run(t, quick(), faulttest.Circuit(t, r, ma.P_TCP, h.ID()))
	if !got.OK || got.Relay.Limited || warned(got, fail.RelayLimited) {
		t.Errorf("%+v %+v", got.Relay, got.Error)
	}
}

type deny struct{}

func (deny) AllowReserve(peer.ID, ma.Multiaddr) bool          { return true }
func (deny) AllowConnect(peer.ID, ma.Multiaddr, peer.ID) bool { return false }

func TestCircuitRefusals(t *testing.T) {
	plain := faulttest.Relay(t, faulttest.Host(t))
	stranger := faulttest.Host(t)
	guarded := faulttest.Relay(t, faulttest.Host(t), relay.WithACL(deny{}))
	rc := relay.DefaultResources()
	rc.MaxCircuits = 1
	full := faulttest.Relay(t, faulttest.Host(t), relay.WithResources(rc))
	target := faulttest.Target(t, []host.Host{plain, guarded, full})
	via := func(r host.Host) string { return faulttest.Circuit(t, r, ma.P_TCP, target.ID()) }
	other, err := peer.AddrInfoFromString(via(full))
	if err == nil {
		err = faulttest.Target(t, nil).Connect(network.WithAllowLimitedConn(t.Context(), "test"), *other)
	}
	if err != nil {
		t.Fatalf("fill the relay: %v", err)
	}
	refuser := stopper(t, plain, func(s network.Stream) { _, _ = s.Write([]byte{5, 8, 1, 32, 203, 1}) })
	resetter := stopper(t, plain, func(s network.Stream) { _ = s.Reset() })
	silent := stopper(t, plain, func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
	closed := faulttest.WithID(faulttest.ClosedPort(t), plain.ID()) + "/p2p-circuit/p2p/" + target.ID().String()
	wrongRelay := strings.Replace(via(plain), plain.ID().String(), stranger.ID().String(), 1)
	fixed := "/p2p/" + plain.ID().String() + "/p2p-circuit/p2p/" + target.ID().String()
	v1 := faulttest.Host(t)
	v1.SetStreamHandler("/libp2p/circuit/relay/0.1.0", func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
	for _, c := range []struct {
		name, target string
		code         fail.Code
		hint, cause  string
	}{
		{"no reservation", faulttest.Circuit(t, plain, ma.P_TCP, stranger.ID()), fail.RelayNoReservation, "which relays does it use now", ""},
		{"denied", via(guarded), fail.RelayDenied, "shutting down", ""},
		{"full", via(full), fail.RelayFull, "circuits", ""},
		{"stop refused", faulttest.Circuit(t, plain, ma.P_TCP, refuser.ID()), fail.RelayTargetUnreachable, "gone without notice", ""},
		{"stop reset", faulttest.Circuit(t, plain, ma.P_TCP, resetter.ID()), fail.RelayTargetUnreachable, "it refused", ""},
		{"stop silent", faulttest.Circuit(t, plain, ma.P_TCP, silent.ID()), fail.RelayFailed, "--stage-timeout 100s", "i/o deadline"},
		{"not a relay", via(stranger), fail.RelayNotARelay, "believes that it is private", ""},
		{"v1 only", via(v1), fail.RelayV1Only, "0.2.0", ""},
		{"closed port", closed, fail.RelayUnreachable, "ss -ltnp", "dial.refused"},
		{"wrong relay", wrongRelay, fail.RelayUnreachable, fixed, "security.peer_id_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := expect(t, quick(), c.target, c.code, "relay", c.hint)
			if c.cause != "" && !strings.Contains(r.Error.Cause, c.cause) {
				t.Errorf("cause %q, want %q", r.Error.Cause, c.cause)
			}
			if r.Relay == nil || r.Relay.Addr == "" || r.Relay.PeerID == "" {
				t.Errorf("relay: %+v", r.Relay)
			}
		})
	}
	o := quick()
	o.Guard = func(ip netip.Addr) *fail.Error { return fail.New(fail.DialForbidden, "no %s", ip) }
	expect(t, o, via(plain), fail.DialForbidden, "plan", "")
}

// stopper reserves a place, then takes circuits its own way.
func stopper(t *testing.T, r host.Host, stop func(network.Stream)) host.Host {
	t.Helper()
	h := faulttest.Target(t, []host.Host{r})
	h.SetStreamHandler(faulttest.Stop, stop)
	return h
}

func TestFakeHops(t *testing.T) {
	target := faulttest.NewPeer(t)
	long := func(s network.Stream) { _, _ = s.Write(append([]byte{0xff, 0xff, 0x7f}, make([]byte, 1<<20)...)) }
	for _, c := range []struct {
		name   string
		answer func(network.Stream)
		code   fail.Code
		hint   string
	}{
		{"malformed 400", faulttest.HopStatus(400), fail.RelayFailed, "specification"},
		{"unexpected 401", faulttest.HopStatus(401), fail.RelayFailed, "specification"},
		{"refused 200", faulttest.HopStatus(200), fail.RelayFull, "(ASN)"},
		{"unknown 999", faulttest.HopStatus(999), fail.RelayFailed, "specification"},
		{"negative", faulttest.HopStatus(-1), fail.RelayFailed, "specification"},
		{"unused 0", faulttest.HopStatus(0), fail.RelayFailed, "specification"},
		{"another type", func(s network.Stream) { _, _ = s.Write(faulttest.HopAnswer(pb.HopMessage_CONNECT, 100)) }, fail.RelayFailed, "specification"},
		{"no protobuf", func(s network.Stream) { _, _ = s.Write([]byte{4, 0xff, 0xff, 0xff, 0xff}) }, fail.RelayFailed, "specification"},
		{"empty", func(s network.Stream) { _, _ = s.Write([]byte{0}) }, fail.RelayFailed, "specification"},
		{"too long", long, fail.RelayFailed, "specification"},
		{"closed", func(network.Stream) {}, fail.RelayFailed, "limit of streams"},
		{"reset", func(s network.Stream) { _ = s.Reset() }, fail.RelayFailed, "limit of streams"},
		{"half an answer", func(s network.Stream) { _, _ = s.Write([]byte{9, 8, 2}) }, fail.RelayFailed, "limit of streams"},
		{"silent", func(s network.Stream) { _, _ = io.Copy(io.Discard, s) }, fail.RelayFailed, "dead target"},
		{"drip", drip, fail.RelayFailed, "dead target"},
		{"conn closed", func(s network.Stream) { _ = s.Conn().Close() }, fail.RelayUnreachable, "gater"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := faulttest.FakeHop(t, c.answer)
			bounded(t, func() { expect(t, quick(), faulttest.Circuit(t, r, ma.P_TCP, target.ID), c.code, "relay", c.hint) })
		})
	}
}

// drip sends an answer of 100 bytes, one every 100 ms.
func drip(s network.Stream) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	_, _ = s.Write([]byte{100})
	for range tick.C {
		if _, err := s.Write([]byte{8}); err != nil {
			return
		}
	}
}

// through is a hop that opens the circuit to whatever serves the connection.
func through(t *testing.T, serve func(net.Conn)) host.Host {
	return faulttest.FakeHop(t, func(s network.Stream) {
		_, _ = s.Write(faulttest.HopAnswer(pb.HopMessage_STATUS, 100))
		serve(faulttest.Conn{Stream: s})
	})
}

func TestBehindCircuit(t *testing.T) {
	expected, found := faulttest.NewPeer(t), faulttest.NewPeer(t)
	mplexOnly := faulttest.NewPeer(t)
	mplexOnly.Muxers = []string{"/mplex/6.7.0"}
	shut := faulttest.NewPeer(t)
	shut.Secured = func(net.Conn) {}
	mute := faulttest.NewPeer(t)
	mute.Ignore = true
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		want  *faulttest.Peer
		code  fail.Code
		stage string
		hint  string
	}{
		{"another peer", found.Serve, expected, fail.SecurityPeerIDMismatch, "identity", "/p2p-circuit/p2p/" + found.ID.String()},
		{"silent", faulttest.Silent, expected, fail.DialSilent, "security", "try another relay"},
		{"closed", func(net.Conn) {}, expected, fail.DialClosed, "security", "gater"},
		{"ssh", faulttest.Say("SSH-2.0-x\r\n"), expected, fail.DialWrongService, "security", "another relay"},
		{"plaintext", faulttest.Multistream("/plaintext/2.0.0"), expected, fail.SecurityNoCommon, "security", "/noise"},
		{"mplex only", mplexOnly.Serve, mplexOnly, fail.MuxerNoCommon, "muxer", "--muxer yamux,mplex"},
		{"closed after the handshake", shut.Serve, shut, fail.ConnClosed, "muxer", "gater"},
		{"no stream taken", mute.Serve, mute, fail.IdentifyFailed, "alive", "hangs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := through(t, c.serve)
			bounded(t, func() {
				got := expect(t, quick(), faulttest.Circuit(t, r, ma.P_TCP, c.want.ID), c.code, c.stage, c.hint)
				if !strings.Contains(got.Error.Message, "behind the relay") && c.code != fail.SecurityNoCommon && c.code != fail.MuxerNoCommon {
					t.Errorf("the message does not say who: %s", got.Error.Message)
				}
			})
		})
	}
	r := through(t, expected.Serve)
	if got := run(t, quick(), faulttest.Circuit(t, r, ma.P_TCP, expected.ID)); !got.OK || got.Relay.Limited {
		t.Errorf("%+v", got.Error)
	}
}

func TestCircuitLimits(t *testing.T) {
	span := faulttest.Relay(t, faulttest.Host(t), faulttest.Limits(1<<17, time.Second))
	mute := faulttest.NewPeer(t)
	mute.Ignore = true
	h := stopper(t, span, func(s network.Stream) {
		faulttest.Skip(s) // the offer
		_, _ = s.Write([]byte{4, 8, 1, 32, 100})
		mute.Serve(faulttest.Conn{Stream: s})
	})
	mute.Key, mute.ID = h.Peerstore().PrivKey(h.ID()), h.ID()

	r := expect(t, quick(), faulttest.Circuit(t, span, ma.P_TCP, h.ID()), fail.RelayLimitReached, "alive", "limit of time")
	if r.Error.Detail["limit"] != "time" || r.Error.Kind() != fail.KindPartial {
		t.Errorf("%v", r.Error.Detail)
	}
	for bytes, stage := range map[int64]string{512: "security", 2048: "muxer", 3000: "alive"} {
		data := faulttest.Relay(t, faulttest.Host(t), faulttest.Limits(bytes, time.Minute))
		healthy := faulttest.Target(t, []host.Host{data})
		r := run(t, quick(), faulttest.Circuit(t, data, ma.P_TCP, healthy.ID()))
		if r.Error == nil || r.Error.Code != fail.RelayLimitReached || r.Error.Detail["limit"] != "data" || !strings.Contains(r.Error.Hint, "limit of data") {
			t.Errorf("%d bytes, which end in the stage %s: %+v", bytes, stage, r.Error)
		}
	}
}

func TestPrivateCircuit(t *testing.T) {
	psk := pnet.PSK("01234567890123456789012345678901")
	private := libp2p.PrivateNetwork(psk)
	r := faulttest.Relay(t, faulttest.Host(t, private))
	h := faulttest.Target(t, []host.Host{r}, private)
	o := quick()
	o.PSK = psk
	target := faulttest.Circuit(t, r, ma.P_TCP, h.ID())
	got := run(t, o, target)
	healthyCircuit(t, got, r.ID(), h.ID())
	inside := 0
	for _, s := range got.Addresses[0].Stages {
		if s.Stage == "psk" {
			inside++
		}
	}
	if inside != 1 {
		t.Errorf("the swarm key was not used inside the circuit: %v", got.Addresses[0].Stages)
	}
	wrong := quick()
	wrong.PSK = pnet.PSK("another-key-another-key-another-")
	if e := expect(t, wrong, target, fail.RelayUnreachable, "relay", "fingerprints").Error; e.Cause != string(fail.PnetMismatch) {
		t.Errorf("cause %q", e.Cause)
	}
	if e := expect(t, quick(), target, fail.RelayUnreachable, "relay", "--swarm-key").Error; e.Cause != string(fail.PnetRequired) {
		t.Errorf("cause %q", e.Cause)
	}
	open := through(t, faulttest.NewPeer(t).Serve)
	expect(t, o, faulttest.Circuit(t, open, ma.P_TCP, h.ID()), fail.RelayUnreachable, "relay", "leave --swarm-key out")
}

func TestWebRTCOverCircuit(t *testing.T) {
	r := faulttest.Relay(t, faulttest.Host(t))
	h := faulttest.Target(t, []host.Host{r})
	target := strings.Replace(faulttest.Circuit(t, r, ma.P_TCP, h.ID()), "/p2p-circuit", "/p2p-circuit/webrtc", 1)
	got := expect(t, quick(), target, fail.ProtocolUnsupported, "protocol", "WebRTC")
	if !warned(got, fail.AddrWebRTCViaRelay) {
		t.Errorf("%v", got.Warnings)
	}
	h.SetStreamHandler("/webrtc-signaling/0.0.1", func(s network.Stream) { _ = s.Close() })
	if got := run(t, quick(), target); !got.OK || !warned(got, fail.AddrWebRTCViaRelay) {
		t.Errorf("%+v", got.Error)
	}
}

// A relay that goes away while it carries the circuit is told from a target that does.
func TestRelayGoesAway(t *testing.T) {
	r := faulttest.FakeHop(t, func(s network.Stream) {
		_, _ = s.Write(faulttest.HopAnswer(pb.HopMessage_STATUS, 100))
		_, _ = io.CopyN(io.Discard, s, 20)
		_ = s.Conn().Close()
	})
	expect(t, quick(), faulttest.Circuit(t, r, ma.P_TCP, faulttest.NewPeer(t).ID), fail.RelayFailed, "security", "restarted")
}

// Names are resolved first: what is said of the relay is said of its part of the address, and a direct
// address beside the circuit silences the warning that there is only a limited connection.
func TestNamedCircuits(t *testing.T) {
	r, stranger := faulttest.Relay(t, faulttest.Host(t)), faulttest.Host(t)
	h := faulttest.Target(t, []host.Host{r})
	circuit, direct := faulttest.Circuit(t, r, ma.P_TCP, h.ID()), faulttest.Addr(t, h, ma.P_TCP)
	dns := dnstest.Start(t, "relay.example A 127.0.0.1\n_dnsaddr.both.example TXT dnsaddr="+circuit+"\n_dnsaddr.both.example TXT dnsaddr="+direct+"\n")
	o := quick()
	o.Resolver = &addr.Resolver{Servers: []netip.AddrPort{dns.Addr}}
	named := strings.Replace(circuit, "/ip4/127.0.0.1/", "/dns4/relay.example/", 1)
	healthyCircuit(t, run(t, o, named), r.ID(), h.ID())
	wrong := strings.Replace(named, r.ID().String(), stranger.ID().String(), 1)
	expect(t, o, wrong, fail.RelayUnreachable, "relay", "p2p probe "+named)
	both := "/dnsaddr/both.example/p2p/" + h.ID().String()
	if got := run(t, o, both); !got.OK || len(got.Addresses) != 2 || !got.Addresses[0].OK || !got.Addresses[1].OK || warned(got, fail.RelayLimited) {
		t.Errorf("%d addresses, %v, %+v", len(got.Addresses), got.Warnings, got.Error)
	}
}

// What answers behind a relay is not looked for at the relay's own port.
func TestNoDiagnosticDialsBehindCircuit(t *testing.T) {
	r := through(t, faulttest.Say("HTTP/1.1 400 Bad Request\r\n\r\n"))
	var dials atomic.Int32
	o := quick()
	o.Guard = func(netip.Addr) *fail.Error { dials.Add(1); return nil }
	expect(t, o, faulttest.Circuit(t, r, ma.P_TCP, faulttest.NewPeer(t).ID), fail.DialWrongService, "security", "another relay")
	if n := dials.Load(); n != 2 { // at the plan, and as the socket connects
		t.Errorf("the guard was asked %d times", n)
	}
}
