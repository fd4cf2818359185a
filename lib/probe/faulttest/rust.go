package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	mplex "github.com/libp2p/go-libp2p-mplex"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ppnet "github.com/libp2p/go-libp2p/p2p/net/pnet"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"google.golang.org/protobuf/proto"
)

// RustAgent is what the fake calls itself in identify.
const RustAgent = "rust-libp2p/0.47.0"

// Rust is a listener that behaves on the wire as rust-libp2p 0.56 does, flight by flight: it waits for the
// dialer, takes each message of multistream-select before it answers it, lists its protocols for "ls",
// drops what is no such message, sends its nonce alone under a swarm key, negotiates the muxer after
// noise, and opens identify and ping streams of its own.
type Rust struct {
	PSK      pnet.PSK // nil: not private
	Security []string // default /noise; of these only /noise can be agreed on
	Muxers   []string // default /yamux/1.0.0; /mplex/6.7.0 is the other
}

// Listen serves on loopback and returns the address with the peer id.
func (r Rust) Listen(t testing.TB) string {
	t.Helper()
	if r.Security == nil {
		r.Security = []string{noise.ID}
	}
	if r.Muxers == nil {
		r.Muxers = []string{yamux.ID}
	}
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return WithID(Raw(t, func(c net.Conn) { _ = r.serve(c, key) }), id)
}

func (r Rust) serve(c net.Conn, key crypto.PrivKey) error {
	remote := c.RemoteAddr()
	if r.PSK != nil {
		p, err := libp2ppnet.NewProtectedConn(r.PSK, c)
		if err != nil {
			return err
		}
		if _, err := p.Write(nil); err != nil { // the 24 bytes of the nonce, and nothing else
			return err
		}
		c = p
	}
	if _, err := listenerSelect(c, r.Security); err != nil {
		return err
	}
	base, err := noise.New(noise.ID, key, nil)
	if err != nil {
		return err
	}
	t, err := base.WithSessionOptions(noise.EarlyData(nil, nil), noise.DisablePeerIDCheck()) // rust has no early muxers
	if err != nil {
		return err
	}
	sc, err := t.SecureInbound(context.Background(), c, "")
	if err != nil {
		return err
	}
	chosen, err := listenerSelect(sc, r.Muxers)
	if err != nil {
		return err
	}
	var m network.Multiplexer = yamux.DefaultTransport
	if chosen == string(mplex.ID) {
		m = mplex.DefaultTransport
	}
	mc, err := m.NewConn(sc, true, &network.NullScope{})
	if err != nil {
		return err
	}
	defer mc.Close()
	for _, own := range []string{"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"} {
		go dialerSelect(mc, own)
	}
	for {
		s, err := mc.AcceptStream()
		if err != nil {
			return err
		}
		go rustStream(s, key, remote)
	}
}

// rustStream answers one stream of the dialer.
func rustStream(s network.MuxedStream, key crypto.PrivKey, remote net.Addr) {
	spoken := []string{"/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"}
	chosen, err := listenerSelect(s, spoken)
	switch {
	case err != nil:
		_ = s.Reset()
		return
	case chosen == "/ipfs/id/1.0.0":
		_, _ = s.Write(rustIdentify(key, remote, spoken))
	case chosen == "/ipfs/ping/1.0.0":
		b := make([]byte, 32)
		for err == nil {
			if _, err = io.ReadFull(s, b); err == nil {
				_, err = s.Write(b)
			}
		}
	}
	_ = s.Close()
}

func rustIdentify(key crypto.PrivKey, remote net.Addr, spoken []string) []byte {
	public, _ := crypto.MarshalPublicKey(key.GetPublic())
	listen := ma.StringCast("/ip4/127.0.0.1/tcp/4001")
	m := &pb.Identify{
		ProtocolVersion: proto.String("/p2p-test/1.0.0"), AgentVersion: proto.String(RustAgent), PublicKey: public,
		ListenAddrs: [][]byte{listen.Bytes()}, Protocols: spoken,
	}
	if observed, err := manet.FromNetAddr(remote); err == nil {
		m.ObservedAddr = observed.Bytes()
	}
	b, _ := proto.Marshal(m)
	return append([]byte{byte(len(b)&0x7f | 0x80), byte(len(b) >> 7)}, b...)
}

var errRustMessage = errors.New("invalid message")

// listenerSelect is the listener of rust's multistream-select: it reads a message, answers it in a flight of its own, and reads the next.
func listenerSelect(c io.ReadWriter, protocols []string) (string, error) {
	m, err := rustFrame(c)
	if err != nil {
		return "", err
	}
	if m != Header[1:] {
		return "", errRustMessage
	}
	if _, err := io.WriteString(c, Header); err != nil {
		return "", err
	}
	for {
		m, err := rustFrame(c)
		if err != nil {
			return "", err
		}
		answer, chosen := Frame("na"), ""
		switch {
		case m == "ls\n":
			list := append(Frame(protocols...), '\n')
			answer = append([]byte{byte(len(list))}, list...)
		case len(m) < 2 || m[0] != '/' || m[len(m)-1] != '\n':
			return "", errRustMessage
		case slices.Contains(protocols, m[:len(m)-1]):
			chosen = m[:len(m)-1]
			answer = Frame(chosen)
		}
		if _, err := c.Write(answer); err != nil || chosen != "" {
			return chosen, err
		}
	}
}

// dialerSelect opens a stream as rust does, header and proposal in one flight, and reads what comes.
func dialerSelect(mc network.MuxedConn, protocol string) {
	s, err := mc.OpenStream(context.Background())
	if err != nil {
		return
	}
	defer s.Close()
	_, _ = s.Write(append([]byte(Header), Frame(protocol)...))
	for _, want := range []string{Header[1:], protocol + "\n"} {
		if got, err := rustFrame(s); err != nil || got != want {
			return
		}
	}
	_, _ = io.Copy(io.Discard, s)
}

// rustFrame reads one message: a length of one or two bytes, and as many bytes as it says, however long they take.
func rustFrame(r io.Reader) (string, error) {
	n := 0
	for i := range 2 {
		var b [1]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", err
		}
		n |= int(b[0]&0x7f) << (7 * i)
		if b[0] < 0x80 {
			m := make([]byte, n)
			_, err := io.ReadFull(r, m)
			return string(m), err
		}
	}
	return "", errRustMessage
}
