package probe_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

const mplexID = "/mplex/6.7.0"

// bounded runs f and fails when it lasts longer than the stages may, or makes the process grow by 64 MiB.
func bounded(t *testing.T, f func()) {
	t.Helper()
	stop, peak := make(chan struct{}), atomic.Uint64{}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	begin := time.Now()
	f()
	took := time.Since(begin)
	close(stop)
	<-done
	grown := int64(peak.Load()) - int64(before.HeapAlloc)
	t.Logf("%.2f s, heap grew by %.1f MiB", took.Seconds(), float64(grown)/(1<<20))
	if took > 4*time.Second {
		t.Errorf("it took %s, the stages' limit is 1.5 s", took)
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// peerWith is a healthy peer that behaves differently on one protocol.
func peerWith(t *testing.T, protocol string, stream func(network.MuxedStream)) *faulttest.Peer {
	p := faulttest.NewPeer(t)
	p.Streams[protocol] = stream
	return p
}

func say(b []byte) func(network.MuxedStream) {
	return func(s network.MuxedStream) {
		_, _ = s.Write(b)
		_ = s.CloseWrite()
		faulttest.HoldStream(s)
	}
}

// endless writes the bytes again and again, until the client ends the stream.
func endless(b []byte, pause time.Duration) func(network.MuxedStream) {
	return func(s network.MuxedStream) {
		tick := time.NewTicker(max(pause, time.Microsecond))
		defer tick.Stop()
		for range tick.C {
			if _, err := s.Write(b); err != nil {
				return
			}
		}
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// goAway closes the connection with that code as soon as it is up.
func goAway(t *testing.T, code network.ConnErrorCode) *faulttest.Peer {
	p := faulttest.NewPeer(t)
	p.Muxed = func(c network.MuxedConn) { _ = c.CloseWithError(code) }
	return p
}

func secured(t *testing.T, f func(net.Conn)) *faulttest.Peer {
	p := faulttest.NewPeer(t)
	p.Secured = f
	return p
}

func TestHostilePeers(t *testing.T) {
	whole := faulttest.NewPeer(t).Message(&pb.Identify{})
	ignorant := faulttest.NewPeer(t)
	ignorant.Ignore = true
	mplexOnly := faulttest.NewPeer(t)
	mplexOnly.Muxers = []string{mplexID}
	for _, c := range []struct {
		name  string
		peer  *faulttest.Peer
		code  fail.Code
		stage string
		hint  string
		says  string
	}{
		{"identify garbage", peerWith(t, faulttest.Identify, say(append([]byte{200, 1}, random(200)...))), fail.IdentifyFailed, "alive", "version", "identify: garbage, ping: ok"},
		{"identify of no known length", peerWith(t, faulttest.Identify, say(random(4096))), fail.IdentifyFailed, "alive", "version", "ping: ok"},
		{"identify too large", peerWith(t, faulttest.Identify, say([]byte{0xff, 0xff, 0xff, 0x7f})), fail.IdentifyFailed, "alive", "version", "identify: garbage"},
		{"identify of endless parts", peerWith(t, faulttest.Identify, endless(whole, 0)), fail.IdentifyFailed, "alive", "version", "identify: garbage"},
		{"identify of empty parts", peerWith(t, faulttest.Identify, endless([]byte{0}, 0)), fail.IdentifyFailed, "alive", "version", "identify: garbage"},
		{"identify empty", peerWith(t, faulttest.Identify, say(nil)), fail.IdentifyFailed, "alive", "version", "identify: garbage"},
		{"identify cut", peerWith(t, faulttest.Identify, say(whole[:20])), fail.IdentifyFailed, "alive", "version", "identify: garbage"},
		{"identify reset", peerWith(t, faulttest.Identify, func(s network.MuxedStream) { _ = s.Reset() }), fail.IdentifyFailed, "alive", "log", "identify: failed, ping: ok"},
		{"identify silent", peerWith(t, faulttest.Identify, faulttest.HoldStream), fail.IdentifyFailed, "alive", "load", "identify: silent, ping: ok"},
		{"identify drip", peerWith(t, faulttest.Identify, endless([]byte{0x7f}, 50*time.Millisecond)), fail.IdentifyFailed, "alive", "load", "identify: silent, ping: ok"},
		{"ping not echoed", peerWith(t, faulttest.Ping, endless(random(32), 0)), fail.IdentifyFailed, "alive", "version", "identify: ok, ping: garbage"},
		{"ping silent", peerWith(t, faulttest.Ping, faulttest.HoldStream), fail.IdentifyFailed, "alive", "load", "identify: ok, ping: silent"},
		{"ping closed", peerWith(t, faulttest.Ping, say(nil)), fail.IdentifyFailed, "alive", "log", "identify: ok, ping: failed"},
		{"never takes a stream", ignorant, fail.IdentifyFailed, "alive", "hangs", "identify: silent, ping: silent"},
		{"closed after the handshake", secured(t, func(net.Conn) {}), fail.ConnClosed, "muxer", "gater", "ms after the handshake"},
		{"muxer silent", secured(t, faulttest.Silent), fail.MuxerFailed, "muxer", "overloaded", "silent"},
		{"muxer negotiation garbage", secured(t, faulttest.Say("HTTP/1.1 400 Bad Request\r\nServer: a proxy that did not expect this at all\r\nConnection: close\r\n\r\n")), fail.MuxerFailed, "muxer", "version", "broke"},
		{"muxer garbage", secured(t, faulttest.Garbage("/yamux/1.0.0", 1<<16)), fail.MuxerFailed, "muxer", "version", "garbage"},
		{"muxer never answers", secured(t, faulttest.Multistream("/yamux/1.0.0")), fail.MuxerFailed, "muxer", "version", "did not answer its ping"},
		{"muxer chosen then closed", secured(t, func(c net.Conn) { faulttest.Negotiate(c, "/yamux/1.0.0") }), fail.ConnClosed, "muxer", "gater", "ms after the handshake"},
		{"no known muxer", secured(t, faulttest.Multistream("/spdy/3.1.0")), fail.MuxerNoCommon, "muxer", "/yamux/1.0.0", "none of the known ones"},
		{"mplex only", mplexOnly, fail.MuxerNoCommon, "muxer", "--muxer yamux,mplex", mplexID},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := c.peer.Listen(t)
			bounded(t, func() {
				if r := expect(t, quick(), target, c.code, c.stage, c.hint); !strings.Contains(r.Error.Message, c.says) {
					t.Errorf("the message %q lacks %q", r.Error.Message, c.says)
				}
			})
		})
	}
}

func TestGoAway(t *testing.T) {
	for code, c := range map[network.ConnErrorCode]struct {
		code fail.Code
		name string
	}{
		network.ConnResourceLimitExceeded: {fail.ConnResourceLimit, "resource limit exceeded"},
		network.ConnGated:                 {fail.ConnClosed, "gated"},
		network.ConnRateLimited:           {fail.ConnClosed, "rate limited"},
		network.ConnGarbageCollected:      {fail.ConnClosed, "connection manager"},
		network.ConnErrorCode(0xabcdef):   {fail.ConnClosed, "0xabcdef"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, quick(), goAway(t, code).Listen(t))
			if r.Error == nil || r.Error.Code != c.code || !strings.Contains(fmt.Sprint(r.Error.Detail["reason"]), c.name) {
				t.Fatalf("%+v", r.Error)
			}
			if _, ok := r.Error.Detail["after_ms"].(float64); !ok {
				t.Errorf("after how long is not told: %v", r.Error.Detail)
			}
		})
	}
}

func TestManyProtocols(t *testing.T) {
	var protocols []string
	for i := range 10000 {
		protocols = append(protocols, fmt.Sprintf("/p/%d", i))
	}
	p := faulttest.NewPeer(t)
	p.Streams[faulttest.Identify] = say(p.Message(&pb.Identify{Protocols: protocols}))
	target := p.Listen(t)
	bounded(t, func() {
		r := run(t, quick(), target)
		if !r.OK || r.Identify.ProtocolsTotal != 10000 || len(r.Identify.Protocols) != 1024 {
			t.Errorf("%+v", r.Error)
		}
	})
}

// A protobuf of the largest allowed size that is made of nothing but empty strings unfolds the most.
func TestIdentifyUnfolds(t *testing.T) {
	body := []byte(strings.Repeat("\x1a\x00", 127<<10))
	target := peerWith(t, faulttest.Identify, say(append(faulttest.Uvarint(len(body)), body...))).Listen(t)
	bounded(t, func() {
		if r := run(t, quick(), target); !r.OK || len(r.Identify.Protocols) > 1024 {
			t.Errorf("%+v", r.Error)
		}
	})
}

func TestMplex(t *testing.T) {
	p := faulttest.NewPeer(t)
	p.Muxers = []string{mplexID}
	o := quick()
	o.Muxers = []string{"yamux", "mplex"}
	r := run(t, o, p.Listen(t))
	if !r.OK || r.Addresses[0].Muxer != mplexID {
		t.Errorf("%+v", r.Error)
	}
}

// flood opens streams until the connection ends, and writes on each as much as it can.
func flood(c network.MuxedConn) {
	b := make([]byte, 64<<10)
	for range 20000 {
		s, err := c.OpenStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			for {
				if _, err := s.Write(b); err != nil {
					return
				}
			}
		}()
	}
}

// deaf reads nothing any more once the muxer is agreed on.
func deaf(muxer string) func(*testing.T) *faulttest.Peer {
	return func(t *testing.T) *faulttest.Peer {
		return secured(t, func(c net.Conn) {
			if faulttest.Negotiate(c, muxer) != "" {
				<-t.Context().Done()
			}
		})
	}
}

func TestFloods(t *testing.T) {
	mplexToo := quick()
	mplexToo.Muxers = []string{"yamux", "mplex"}
	flooder := func(muxer string) func(*testing.T) *faulttest.Peer {
		return func(t *testing.T) *faulttest.Peer {
			p := faulttest.NewPeer(t)
			p.Muxers, p.Muxed = []string{muxer}, flood
			p.Streams[faulttest.Identify] = faulttest.HoldStream // the walk lasts its whole stage
			return p
		}
	}
	raw := func(f func(net.Conn)) func(*testing.T) *faulttest.Peer {
		return func(t *testing.T) *faulttest.Peer { return secured(t, f) }
	}
	for name, peer := range map[string]func(*testing.T) *faulttest.Peer{
		"streams over yamux":             flooder("/yamux/1.0.0"),
		"streams over mplex":             flooder(mplexID),
		"deaf over yamux":                deaf("/yamux/1.0.0"),
		"deaf over mplex":                deaf(mplexID),
		"yamux frames":                   raw(rawYamux(true)),
		"yamux frames of a deaf remote":  raw(rawYamux(false)),
		"mplex frames":                   raw(rawMplex(true)),
		"mplex frames of a deaf remote":  raw(rawMplex(false)),
		"one huge mplex message in many": raw(bigMplex),
	} {
		t.Run(name, func(t *testing.T) {
			target := peer(t).Listen(t)
			bounded(t, func() {
				r := run(t, mplexToo, target)
				flooded := strings.Contains(r.Error.Message, "more than 1024 streams")
				if r.OK || !flooded && strings.HasPrefix(name, "mplex frames") {
					t.Errorf("%s in %s: %s", r.Error.Code, r.Error.Stage, r.Error.Message)
				}
			})
		})
	}
}

// rawYamux opens streams without end, with 4 KiB on each.
func rawYamux(hears bool) func(net.Conn) {
	return func(c net.Conn) {
		if faulttest.Negotiate(c, "/yamux/1.0.0") == "" {
			return
		}
		if hears {
			go faulttest.Silent(c)
		}
		frame := make([]byte, 12+4096)
		for id := uint32(2); ; id += 2 {
			copy(frame, []byte{0, 0, 0, 1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), 0, 0, 16, 0})
			if _, err := c.Write(frame); err != nil {
				return
			}
		}
	}
}

// rawMplex opens streams without end, many in one write.
func rawMplex(hears bool) func(net.Conn) {
	return func(c net.Conn) {
		if faulttest.Negotiate(c, mplexID) == "" {
			return
		}
		if hears {
			go faulttest.Silent(c)
		}
		for id := 0; ; {
			var frames []byte
			for range 1000 {
				frames = append(append(frames, faulttest.Uvarint(id<<3)...), 0)
				id++
			}
			if _, err := c.Write(frames); err != nil {
				return
			}
		}
	}
}

// bigMplex sends one message of the largest size on each of many streams that it opened.
func bigMplex(c net.Conn) {
	if faulttest.Negotiate(c, mplexID) == "" {
		return
	}
	body := make([]byte, 1<<20)
	for id := 0; ; id++ {
		frame := append(append(faulttest.Uvarint(id<<3), 0), append(faulttest.Uvarint(id<<3|2), faulttest.Uvarint(len(body))...)...)
		if _, err := c.Write(append(frame, body...)); err != nil {
			return
		}
	}
}

func TestKadHints(t *testing.T) {
	kad := func(mode dht.ModeOpt, prefix string) host.Host {
		h := faulttest.Host(t)
		d, err := dht.New(h, dht.Mode(mode), dht.ProtocolPrefix(protocol.ID("/"+prefix)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return h
	}
	o := quick()
	o.Want = []string{"/ipfs/kad/1.0.0"}
	r := expect(t, o, faulttest.Addr(t, kad(dht.ModeClient, "ipfs"), ma.P_TCP), fail.ProtocolUnsupported, "protocol", "DHT client")
	if len(r.MissingProtocols) != 1 || r.MissingProtocols[0] != "/ipfs/kad/1.0.0" {
		t.Errorf("%v", r.MissingProtocols)
	}
	expect(t, o, faulttest.Addr(t, kad(dht.ModeServer, "mynet"), ma.P_TCP), fail.ProtocolUnsupported, "protocol", `"/mynet/kad/1.0.0"`)
	if r := run(t, o, faulttest.Addr(t, kad(dht.ModeServer, "ipfs"), ma.P_TCP)); !r.OK || r.Roles[0] != "dht_server" {
		t.Errorf("%+v", r.Error)
	}
	o.Want = []string{"/x/1.0.0"}
	expect(t, o, faulttest.Addr(t, faulttest.Host(t), ma.P_TCP), fail.ProtocolUnsupported, "protocol", "/ipfs/ping/1.0.0")
}
