package probe_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/pnet"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

var ourPSK, otherPSK = pnet.PSK(bytes.Repeat([]byte{1}, 32)), pnet.PSK(bytes.Repeat([]byte{2}, 32))

func withPSK(psk pnet.PSK) probe.Options {
	o := quick()
	o.PSK = psk
	return o
}

func TestPrivateNetwork(t *testing.T) {
	tcp := faulttest.Host(t, libp2p.PrivateNetwork(ourPSK))
	ws := faulttest.Host(t, libp2p.PrivateNetwork(ourPSK), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws"))
	for _, target := range []string{faulttest.Addr(t, tcp, ma.P_TCP), faulttest.Addr(t, ws, ma.P_WS)} {
		if r := run(t, withPSK(ourPSK), target); !r.OK {
			t.Errorf("%s: %+v", target, r.Error)
		}
		start := time.Now()
		expect(t, withPSK(otherPSK), target, fail.PnetMismatch, "psk", "swarmkey inspect")
		if took := time.Since(start); took > quick().StageTimeout {
			t.Errorf("the mismatch was decided by a timeout, after %s", took)
		}
	}
	expect(t, quick(), faulttest.Addr(t, tcp, ma.P_TCP), fail.PnetRequired, "security", "--swarm-key")
	expect(t, quick(), faulttest.Addr(t, ws, ma.P_WS), fail.PnetRequired, "security", "--swarm-key")
	expect(t, withPSK(ourPSK), "/ip4/127.0.0.1/udp/4001/quic-v1"+someID, fail.PnetTransport, "plan", "/tcp or /ws")
}

func TestNotPrivate(t *testing.T) {
	open := faulttest.Host(t)
	expect(t, withPSK(ourPSK), faulttest.Addr(t, open, ma.P_TCP), fail.PnetNotPrivate, "psk", "leave --swarm-key out")
	expect(t, withPSK(ourPSK), faulttest.Raw(t, faulttest.Patient(""))+someID, fail.PnetNotPrivate, "psk", "leave --swarm-key out")
	expect(t, withPSK(ourPSK), faulttest.Raw(t, faulttest.Silent)+someID, fail.DialSilent, "psk", "libp2p port")
	expect(t, withPSK(ourPSK), faulttest.Raw(t, faulttest.Say("SSH-2.0-x\r\n"))+someID, fail.DialWrongService, "psk", "another service")
	expect(t, withPSK(ourPSK), faulttest.ClosedPort(t)+someID, fail.DialRefused, "connect", "ss -ltnp")
}
