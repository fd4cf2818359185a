package faulttest

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"
)

// Hop is the protocol that is asked for a circuit, Stop the one that offers it to the target.
const (
	Hop  protocol.ID = "/libp2p/circuit/relay/0.2.0/hop"
	Stop protocol.ID = "/libp2p/circuit/relay/0.2.0/stop"
)

// Relay starts the relay service on a host, with the default limits unless the options say otherwise.
func Relay(t testing.TB, h host.Host, opts ...relay.Option) host.Host {
	t.Helper()
	all := append([]relay.Option{relay.WithReservationAddressFilter(func(ma.Multiaddr) bool { return true })}, opts...)
	r, err := relay.New(h, all...)
	if err != nil {
		t.Fatalf("start a relay: %v", err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return h
}

// Limits are resources of a relay whose circuits carry data bytes each way, for that long.
func Limits(data int64, span time.Duration) relay.Option {
	rc := relay.DefaultResources()
	rc.Limit = &relay.RelayLimit{Data: data, Duration: span}
	return relay.WithResources(rc)
}

// Target starts a host that can be reached over relays, and reserves a place at each of them.
func Target(t testing.TB, relays []host.Host, opts ...libp2p.Option) host.Host {
	t.Helper()
	h := Host(t, append([]libp2p.Option{libp2p.EnableRelay()}, opts...)...)
	for _, r := range relays {
		Reserve(t, h, r)
	}
	return h
}

// Reserve gets the host a place at the relay.
func Reserve(t testing.TB, h, r host.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := client.Reserve(ctx, h, peer.AddrInfo{ID: r.ID(), Addrs: r.Addrs()}); err != nil {
		t.Fatalf("reserve a place at the relay: %v", err)
	}
}

// Circuit is the address of the target over the relay's first address that has the protocol.
func Circuit(t testing.TB, r host.Host, protocol int, target peer.ID) string {
	t.Helper()
	return WithID(Addr(t, r, protocol)+"/p2p-circuit", target)
}

// FakeHop starts a host that reads a request for a circuit, then does what answer says.
func FakeHop(t testing.TB, answer func(network.Stream)) host.Host {
	t.Helper()
	h := Host(t)
	h.SetStreamHandler(Hop, func(s network.Stream) {
		defer s.Close()
		if Skip(s) {
			answer(s)
		}
	})
	return h
}

// Skip reads one length-prefixed message of less than 128 bytes away.
func Skip(r io.Reader) bool {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return false
	}
	_, err := io.CopyN(io.Discard, r, int64(n[0]))
	return err == nil
}

// HopStatus answers a request for a circuit with that status, and has nothing behind it.
func HopStatus(code int32) func(network.Stream) {
	return func(s network.Stream) {
		_, _ = s.Write(HopAnswer(pb.HopMessage_STATUS, code))
	}
}

// HopAnswer is a length-prefixed message of the hop protocol.
func HopAnswer(typ pb.HopMessage_Type, code int32) []byte {
	m := &pb.HopMessage{Type: typ.Enum(), Status: pb.Status(code).Enum()}
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return append([]byte{byte(len(b))}, b...)
}

// Conn is a stream as a net.Conn.
type Conn struct{ network.Stream }

// LocalAddr is no address of the machine: the stream runs through a relay.
func (Conn) LocalAddr() net.Addr { return &net.UnixAddr{Name: "circuit"} }

// RemoteAddr is none either.
func (Conn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "circuit"} }
