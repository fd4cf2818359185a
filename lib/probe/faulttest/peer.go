package faulttest

import (
	"context"
	"crypto/rand"
	"net"
	"testing"
	"time"

	mplex "github.com/libp2p/go-libp2p-mplex"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"google.golang.org/protobuf/proto"
)

// The protocols that a healthy Peer speaks.
const (
	Identify = "/ipfs/id/1.0.0"
	Ping     = "/ipfs/ping/1.0.0"
)

// Peer is a libp2p peer with a real handshake and a real muxer, and its own behaviour above them.
type Peer struct {
	Key     crypto.PrivKey
	ID      peer.ID
	Muxers  []string                             // yamux if nil
	Secured func(net.Conn)                       // in place of the muxer, right after the handshake
	Muxed   func(network.MuxedConn)              // beside the streams, once the connection is up
	Streams map[string]func(network.MuxedStream) // by protocol; identify and ping are healthy if not named
	Ignore  bool                                 // takes no streams at all
}

// NewPeer returns a healthy one with a key of its own.
func NewPeer(t testing.TB) *Peer {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Peer{Key: key, ID: id, Streams: map[string]func(network.MuxedStream){}}
}

// Listen serves the peer on loopback and returns its address.
func (p *Peer) Listen(t testing.TB) string {
	t.Helper()
	return WithID(Raw(t, p.Serve), p.ID)
}

// Serve runs the listening side of one connection until it ends.
func (p *Peer) Serve(c net.Conn) {
	if Negotiate(c, noise.ID) == "" {
		return
	}
	tr, err := noise.New(noise.ID, p.Key, nil)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sc, err := tr.SecureInbound(ctx, c, "")
	if err != nil {
		return
	}
	if p.Secured != nil {
		p.Secured(sc)
		return
	}
	muxers := p.Muxers
	if muxers == nil {
		muxers = []string{yamux.ID}
	}
	var mc network.MuxedConn
	switch Negotiate(sc, muxers...) {
	case yamux.ID:
		mc, err = yamux.DefaultTransport.NewConn(sc, true, &network.NullScope{})
	case mplex.ID:
		mc, err = mplex.DefaultTransport.NewConn(sc, true, &network.NullScope{})
	default:
		return
	}
	if err != nil {
		return
	}
	defer mc.Close()
	p.streams(mc)
}

func (p *Peer) streams(mc network.MuxedConn) {
	if p.Muxed != nil {
		go p.Muxed(mc)
	}
	for {
		s, err := mc.AcceptStream()
		if err != nil {
			return
		}
		if !p.Ignore {
			go p.stream(s)
		}
	}
}

func (p *Peer) stream(s network.MuxedStream) {
	defer func() { _ = s.Close() }()
	protocols := []string{Identify, Ping}
	for id := range p.Streams {
		protocols = append(protocols, id)
	}
	id := Negotiate(s, protocols...)
	if own := p.Streams[id]; own != nil {
		own(s)
		return
	}
	switch id {
	case Identify:
		_, _ = s.Write(p.Message(&pb.Identify{}))
	case Ping:
		b := make([]byte, 32)
		for {
			n, err := s.Read(b)
			if err != nil {
				return
			}
			if _, err := s.Write(b[:n]); err != nil {
				return
			}
		}
	}
}

// Message is a length-prefixed identify message, with the peer's key and agent added.
func (p *Peer) Message(m *pb.Identify) []byte {
	m.AgentVersion = proto.String("faulttest")
	if pk, err := crypto.MarshalPublicKey(p.Key.GetPublic()); err == nil {
		m.PublicKey = pk
	}
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return append(Uvarint(len(b)), b...)
}

// Uvarint is a length as libp2p puts it in front of messages.
func Uvarint(n int) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// HoldStream keeps a stream open until the client ends it.
func HoldStream(s network.MuxedStream) {
	b := make([]byte, 512)
	for {
		if _, err := s.Read(b); err != nil {
			return
		}
	}
}
