package probe_test

import (
	"crypto/rand"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

// patient are options under which a verdict that waits for a timeout is late.
func patient() probe.Options {
	o := quick()
	o.StageTimeout = 8 * time.Second
	return o
}

func healthyRust(t *testing.T, o probe.Options, target, muxer string) {
	t.Helper()
	r := run(t, o, target)
	if !r.OK || !r.Verified || r.Identify == nil || r.Identify.Agent != faulttest.RustAgent || r.Ping == nil || r.Ping.Lost != 0 {
		t.Fatalf("%+v %+v", r, r.Error)
	}
	if a := r.Addresses[0]; a.Security != "/noise" || a.Muxer != muxer {
		t.Errorf("%s, %s", a.Security, a.Muxer)
	}
}

func TestRust(t *testing.T) {
	t.Parallel()
	target := faulttest.Rust{}.Listen(t)
	healthyRust(t, quick(), target, "/yamux/1.0.0")
	wanting := quick()
	wanting.Want = []string{"/ipfs/ping/1.0.0", "/ipfs/kad/1.0.0"}
	r := expect(t, wanting, target, fail.ProtocolUnsupported, "protocol", "DHT")
	if !slices.Equal(r.MissingProtocols, []string{"/ipfs/kad/1.0.0"}) {
		t.Errorf("missing: %v", r.MissingProtocols)
	}
	id := target[strings.Index(target, "/p2p/"):]
	expect(t, quick(), strings.Replace(target, id, someID, 1), fail.SecurityPeerIDMismatch, "identity", id)
	expect(t, patient(), strings.Replace(target, id, "/ws"+id, 1), fail.WSRawLibp2p, "http", target)
	expect(t, patient(), strings.Replace(target, id, "/tls/ws"+id, 1), fail.DialWrongService, "tls", target)
}

// What rust does not have in common with us it lists.
func TestRustNothingInCommon(t *testing.T) {
	t.Parallel()
	r := expect(t, quick(), faulttest.Rust{Security: []string{"/plaintext/2.0.0", "/secio/1.0.0"}}.Listen(t), fail.SecurityNoCommon, "security", "/noise")
	if got := r.Addresses[0].Offered.Security; !slices.Equal(got, []string{"/plaintext/2.0.0", "/secio/1.0.0"}) {
		t.Errorf("offered: %v", got)
	}
	target := faulttest.Rust{Muxers: []string{"/mplex/6.7.0"}}.Listen(t)
	r = expect(t, quick(), target, fail.MuxerNoCommon, "muxer", "--muxer yamux,mplex "+target)
	if got := r.Addresses[0].Offered.Muxers; !slices.Equal(got, []string{"/mplex/6.7.0"}) {
		t.Errorf("offered: %v", got)
	}
	both := quick()
	both.Muxers = []string{"yamux", "mplex"}
	healthyRust(t, both, target, "/mplex/6.7.0")
}

func TestRustPrivate(t *testing.T) {
	t.Parallel()
	target := faulttest.Rust{PSK: ourPSK}.Listen(t)
	healthyRust(t, withPSK(ourPSK), target, "/yamux/1.0.0")
	r := expect(t, quick(), target, fail.PnetRequired, "security", "--swarm-key")
	if !strings.Contains(r.Error.Message, "first 24 bytes") {
		t.Errorf("%s", r.Error.Message)
	}
}

// Under another key the listener reads a length that is noise: about every second time it waits for the
// rest of a message, which must not cost the stage's limit.
func TestRustKeyMismatchIsDecided(t *testing.T) {
	t.Parallel()
	other, open := patient(), faulttest.Rust{}.Listen(t)
	other.PSK = otherPSK
	private := faulttest.Rust{PSK: ourPSK}.Listen(t)
	for range 16 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			expect(t, other, private, fail.PnetMismatch, "psk", "fingerprints")
			expect(t, other, open, fail.PnetNotPrivate, "psk", "leave --swarm-key out")
			if took := time.Since(start); took > other.StageTimeout {
				t.Errorf("waited for a timeout: %s", took)
			}
		})
	}
}

// A node that is slow, but has our key, is not taken for one with another key.
func TestSlowPrivateNode(t *testing.T) {
	t.Parallel()
	rust := faulttest.Rust{PSK: ourPSK}.Listen(t)
	host, _, _ := strings.Cut(strings.TrimPrefix(rust, "/ip4/127.0.0.1/tcp/"), "/p2p/")
	slow := faulttest.Raw(t, faulttest.Delayed("127.0.0.1:"+host, 700*time.Millisecond))
	o := patient()
	o.PSK = ourPSK
	o.Timeout = time.Minute
	if r := run(t, o, strings.Replace(rust, "/ip4/127.0.0.1/tcp/"+host, slow, 1)); !r.OK {
		t.Errorf("%+v", r.Error)
	}
}

func TestNonceAlone(t *testing.T) {
	t.Parallel()
	nonce := faulttest.Raw(t, func(c net.Conn) {
		b := make([]byte, 24)
		_, _ = rand.Read(b)
		_, _ = c.Write(b)
		faulttest.Silent(c)
	})
	expect(t, quick(), nonce+someID, fail.PnetRequired, "security", "--swarm-key")
	r := expect(t, withPSK(ourPSK), nonce+someID, fail.PnetMismatch, "psk", "fingerprints")
	if !strings.Contains(r.Error.Message, "or it hangs") {
		t.Errorf("both causes must be named: %s", r.Error.Message)
	}
	expect(t, quick(), faulttest.Raw(t, faulttest.Patient("/noise"))+someID, fail.SecurityTimeout, "security", "")
	expect(t, withPSK(ourPSK), faulttest.Raw(t, faulttest.Say("welcome to an unknown service\r\n"))+someID, fail.DialWrongService, "psk", "another service")
}
