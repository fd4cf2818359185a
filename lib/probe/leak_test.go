package probe_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	libp2pws "github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

// What a walk opens is closed when it ends, however it ends: no goroutine and no file stays behind.
func TestNoLeaks(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close forgotten sockets
	ca := faulttest.NewCA(t, "our CA")
	secure := faulttest.Host(t, libp2p.NoTransports, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/tls/ws"),
		libp2p.Transport(libp2pws.New, libp2pws.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{ca.Leaf(t, nil)}})))
	stranger := faulttest.NewCA(t, "a stranger").Leaf(t, nil)
	h := faulttest.Host(t)
	udp := faulttest.UDPHost(t, "127.0.0.1", nil)
	closedUDP := fmt.Sprintf("/ip4/127.0.0.1/udp/%d", faulttest.FreeUDP(t, "127.0.0.1"))
	tcp := faulttest.Addr(t, h, ma.P_TCP)
	for _, c := range []struct {
		name, target string
		code         fail.Code // "": healthy
	}{
		{"tcp", tcp, ""},
		{"ws", faulttest.Addr(t, faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws")), ma.P_WS), ""},
		{"wss", faulttest.Addr(t, secure, ma.P_WS), ""},
		{"quic", udpAddr(t, udp, "quic-v1"), ""},
		{"webtransport", udpAddr(t, udp, "webtransport"), ""},
		{"webrtc-direct", udpAddr(t, udp, "webrtc-direct"), ""},
		{"quic refused", closedUDP + "/quic-v1" + someID, fail.DialRefused},
		{"quic silent", faulttest.UDP(t, faulttest.Ignore) + "/quic-v1" + someID, fail.DialTimeout},
		{"quic version then silence", faulttest.UDP(t, faulttest.Versions(1)) + "/quic-v1" + someID, fail.SecurityTimeout},
		{"quic, another identity", strings.Split(udpAddr(t, udp, "quic-v1"), "/p2p/")[0] + someID, fail.SecurityPeerIDMismatch},
		{"webtransport, another identity", strings.Split(udpAddr(t, udp, "webtransport"), "/p2p/")[0] + someID, fail.SecurityPeerIDMismatch},
		{"webrtc refused", closedUDP + "/webrtc-direct/certhash/" + fakeHash + someID, fail.DialRefused},
		{"webrtc stun then silence", faulttest.STUN(t) + "/webrtc-direct/certhash/" + fakeHash + someID, fail.SecurityTimeout},
		{"refused", faulttest.ClosedPort(t), fail.DialRefused},
		{"reset", faulttest.Raw(t, faulttest.Reset), fail.DialClosed},
		{"silent", faulttest.Raw(t, faulttest.Silent), fail.DialSilent},
		{"another identity", strings.Split(tcp, "/p2p/")[0] + someID, fail.SecurityPeerIDMismatch},
		{"no common security", faulttest.Raw(t, faulttest.Multistream("/plaintext/2.0.0")), fail.SecurityNoCommon},
		{"broken handshake", faulttest.Raw(t, faulttest.Garbage("/noise", 1<<17)), fail.SecurityFailed},
		{"ssh", faulttest.Raw(t, faulttest.Say("SSH-2.0-OpenSSH_9.6\r\n")), fail.DialWrongService},
		{"unknown authority", faulttest.TLS(t, &tls.Config{Certificates: []tls.Certificate{stranger}}, func(net.Conn) {}) + "/tls/ws", fail.TLSUnknownAuthority},
		{"silent behind wss", faulttest.Raw(t, faulttest.Silent) + "/tls/ws", fail.TLSTimeout},
		{"404", faulttest.HTTP(t, faulttest.Status(404, "nothing")) + "/ws", fail.WSStatus},
		{"endless body", faulttest.Raw(t, faulttest.Endless("HTTP/1.1 404 Not Found\r\n\r\n", strings.Repeat("x", 4096))) + "/ws", fail.WSStatus},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, n := probe.Options{Roots: ca.Pool()}, 8
			if strings.Contains(c.name, "silen") {
				// the dial asks with STUN after half a second
				o.DialTimeout, o.StageTimeout, n = 1500*time.Millisecond, 500*time.Millisecond, 4
			}
			p := probe.New(o)
			many(t, p, 1, c.target, c.code) // what the first one starts for good, on either side, is no leak
			goroutines, files := settled(), openFiles()
			many(t, p, n, c.target, c.code)
			if !eventually(func() bool {
				if strings.HasPrefix(c.name, "webrtc") { // pion forgets sockets when it is closed while it gathers
					runtime.GC()
				}
				return runtime.NumGoroutine() <= goroutines && openFiles() <= files
			}) {
				t.Errorf("%d goroutines, before %d; %d files, before %d", runtime.NumGoroutine(), goroutines, openFiles(), files)
				_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			}
		})
	}
}

// A walk that is called off in the middle leaves nothing behind either.
func TestNoLeaksWhenCancelled(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, suffix := range []string{"", "/ws", "/tls/ws"} {
		accepted := make(chan struct{}, 1)
		target := faulttest.Raw(t, func(c net.Conn) { accepted <- struct{}{}; faulttest.Silent(c) }) + suffix
		goroutines, files := settled(), openFiles()
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-accepted; cancel() }()
		if r := probe.New(probe.Options{}).Probe(ctx, target); r.OK || r.Error.Code != fail.Interrupted {
			t.Errorf("%s: %+v", target, r.Error)
		}
		if !eventually(func() bool { return runtime.NumGoroutine() <= goroutines && openFiles() <= files }) {
			t.Errorf("%s: %d goroutines, before %d; %d files, before %d", target, runtime.NumGoroutine(), goroutines, openFiles(), files)
		}
	}
}

func many(t *testing.T, p *probe.Prober, n int, target string, code fail.Code) {
	t.Helper()
	var left atomic.Int32
	left.Store(int32(n))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				r := p.Probe(context.Background(), target)
				if r.OK != (code == "") || r.Error != nil && r.Error.Code != code {
					t.Errorf("%s: %+v, want %q", target, r.Error, code)
				}
			}
		})
	}
	wg.Wait()
}

// settled is the number of goroutines once it stays the same for a while.
func settled() int {
	last, same := -1, 0
	eventually(func() bool {
		n := runtime.NumGoroutine()
		if n != last {
			last, same = n, 0
		}
		same++
		return same > 20
	})
	return last
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	return len(entries)
}

func eventually(f func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		if f() {
			return true
		}
	}
	return false
}
