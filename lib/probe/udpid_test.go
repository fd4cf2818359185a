package probe_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

func transports() []string { return []string{"quic-v1", "webtransport", "webrtc-direct"} }

func TestUDPWrongID(t *testing.T) {
	h, other := faulttest.UDPHost(t, "127.0.0.1", nil), faulttest.Host(t)
	for _, tr := range transports() {
		t.Run(tr, func(t *testing.T) {
			right := udpAddr(t, h, tr)
			begin := time.Now()
			r := expect(t, quick(), strings.Replace(right, h.ID().String(), other.ID().String(), 1), fail.SecurityPeerIDMismatch, "identity", right)
			t.Logf("took %v", time.Since(begin))
			if r.Error.Detail["repaired"] != right || r.Verified {
				t.Errorf("%+v", r.Error)
			}
		})
	}
}

// swapHash replaces the first certhash of an address.
func swapHash(a, hash string) string {
	before, after, _ := strings.Cut(a, "/certhash/")
	_, rest, _ := strings.Cut(after, "/")
	return before + "/certhash/" + hash + "/" + rest
}

func TestCerthashMismatch(t *testing.T) {
	h, other := faulttest.UDPHost(t, "127.0.0.1", nil), faulttest.Host(t)
	for tr, code := range map[string]fail.Code{"webtransport": fail.WebTransportCerthash, "webrtc-direct": fail.WebRTCCerthash} {
		right := udpAddr(t, h, tr)
		for name, target := range map[string]string{
			"hash":        swapHash(right, fakeHash),
			"hash and id": strings.Replace(swapHash(right, fakeHash), h.ID().String(), other.ID().String(), 1),
			"without id":  strings.Split(swapHash(right, fakeHash), "/p2p/")[0],
		} {
			if tr == "webtransport" { // both of its hashes are outdated
				target = strings.Replace(target, "/certhash/"+fakeHash, "/certhash/"+fakeHash+"/certhash/"+fakeHash, 1)
				target = target[:strings.LastIndex(target, "/certhash/")] + tailID(target)
			}
			t.Run(tr+" "+name, func(t *testing.T) {
				begin := time.Now()
				r := expect(t, quick(), target, code, "security", "p2p probe "+right)
				t.Logf("took %v %s | %s", time.Since(begin), r.Error.Message, r.Error.Hint)
				if name == "hash and id" && (r.Error.Detail["actual_peer_id"] != h.ID().String() || !strings.Contains(r.Error.Hint, "regenerated")) {
					t.Errorf("%+v", r.Error)
				}
				if fixed, _ := r.Error.Detail["repaired"].(string); fixed != right {
					t.Errorf("repaired %s, want %s", fixed, right)
				} else if r := run(t, quick(), fixed); !r.OK {
					t.Errorf("the repaired address is bad: %+v", r.Error)
				}
			})
		}
	}
	stale := strings.Replace(udpAddr(t, h, "webtransport"), "/p2p/", "/certhash/"+fakeHash+"/p2p/", 1)
	expect(t, quick(), stale, fail.WebTransportCerthash, "security", "p2p probe "+udpAddr(t, h, "webtransport"))
}

func tailID(a string) string {
	if _, id, ok := strings.Cut(a, "/p2p/"); ok {
		return "/p2p/" + id
	}
	return ""
}

// closer is a gater that turns callers away when they come, or once their identity is known.
type closer struct{ early bool }

func (closer) InterceptPeerDial(peer.ID) bool                { return true }
func (closer) InterceptAddrDial(peer.ID, ma.Multiaddr) bool  { return true }
func (c closer) InterceptAccept(network.ConnMultiaddrs) bool { return !c.early }
func (c closer) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool {
	return c.early
}
func (closer) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

func TestUDPRefused(t *testing.T) {
	late := faulttest.UDPHost(t, "127.0.0.1", nil, libp2p.ConnectionGater(closer{}))
	early := faulttest.UDPHost(t, "127.0.0.1", nil, libp2p.ConnectionGater(closer{early: true}))
	rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.PartialLimitConfig{System: rcmgr.ResourceLimits{ConnsInbound: rcmgr.BlockAllLimit}}.Build(rcmgr.DefaultLimits.AutoScale())))
	if err != nil {
		t.Fatal(err)
	}
	full := faulttest.UDPHost(t, "127.0.0.1", nil, libp2p.ResourceManager(rm))
	for _, c := range []struct {
		name, target string
		code         fail.Code
		stage, hint  string
	}{
		{"quic gated", udpAddr(t, late, "quic-v1"), fail.ConnClosed, "alive", "gater"},
		{"quic gated early", udpAddr(t, early, "quic-v1"), fail.ConnClosed, "alive", "gater"},
		{"webtransport gated", udpAddr(t, late, "webtransport"), fail.ConnClosed, "alive", "gater"},
		{"webtransport gated early", udpAddr(t, early, "webtransport"), fail.WebTransportRefused, "security", "gater"},
		{"webrtc gated", udpAddr(t, late, "webrtc-direct"), fail.ConnClosed, "", "gater"}, // in security or in alive
		{"webrtc gated early", udpAddr(t, early, "webrtc-direct"), fail.WebRTCNoListener, "connect", "gater"},
		{"quic full", udpAddr(t, full, "quic-v1"), fail.ConnResourceLimit, "security", "limit"},
		{"webtransport full", udpAddr(t, full, "webtransport"), fail.ConnResourceLimit, "security", "limit"},
		{"webrtc full", udpAddr(t, full, "webrtc-direct"), fail.WebRTCNoListener, "connect", "limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			r := expect(t, quick(), c.target, c.code, c.stage, c.hint)
			if reason, want := r.Error.Detail["reason"], c.name == "quic gated" || c.name == "webtransport gated"; want && reason != "gated" {
				t.Errorf("reason %v", reason)
			}
			t.Logf("took %v %s | %s | %s", time.Since(begin), r.Error.Message, r.Error.Hint, r.Error.Cause)
		})
	}
}

// TestNoVersionNegotiation: a server that is silent on unknown versions is reached all the same.
func TestNoVersionNegotiation(t *testing.T) {
	h := faulttest.UDPHost(t, "127.0.0.1", nil)
	for _, tr := range transports()[:2] {
		t.Run(tr, func(t *testing.T) {
			a := udpAddr(t, h, tr)
			m, err := addr.Parse(a)
			if err != nil {
				t.Fatal(err)
			}
			port, _ := m.MA.ValueForProtocol(ma.P_UDP)
			front := faulttest.Forward(t, port, func(b []byte) bool { return b[0]&0x80 == 0 || b[1] != 0x1a })
			r := run(t, quick(), strings.Replace(a, "/udp/"+port, "/udp/"+front, 1))
			if !r.OK || r.Addresses[0].Stages[0].Detail["version_negotiation"] != "silent" {
				t.Errorf("%+v %+v", r.Addresses[0], r.Error)
			}
		})
	}
}

// TestUDPLeavesNothing: no goroutine and so no socket outlives a walk, whatever its end.
func TestUDPLeavesNothing(t *testing.T) {
	silent := faulttest.UDP(t, faulttest.Ignore)
	round := func(n int) {
		h := faulttest.UDPHost(t, "127.0.0.1", nil)
		for range n {
			for _, tr := range transports() {
				a := udpAddr(t, h, tr)
				run(t, quick(), a)
				run(t, quick(), strings.Replace(a, "/"+tr, "/quic-v1", 1))
				if tr != "quic-v1" {
					run(t, quick(), swapHash(a, fakeHash))
				}
			}
			o := quick()
			o.DialTimeout = 100 * time.Millisecond
			run(t, o, silent+"/quic-v1")
			run(t, o, silent+"/webrtc-direct/certhash/"+fakeHash)
		}
		_ = h.Close()
	}
	round(1)
	before := runtime.NumGoroutine()
	round(5)
	left := 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); <-tick.C {
		if left = runtime.NumGoroutine(); left <= before {
			return
		}
	}
	b := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s", before, left, b[:runtime.Stack(b, true)])
}
