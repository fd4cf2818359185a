package probe

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"google.golang.org/protobuf/proto"
)

// Bounds of what an identify answer may make the prober hold.
const (
	maxIdentify      = 256 << 10 // bytes in all
	maxIdentifyParts = 10
	maxProtocols     = 1024
	maxListenAddrs   = 256
	maxAgent         = 256 // bytes
)

// agent is what the prober calls itself to the remote.
const agent = "p2p-probe"

// readIdentify asks who the remote is and what it speaks.
func (w *walk) readIdentify(ctx context.Context) error {
	s, done, err := w.open(ctx, identifyID)
	if err != nil {
		return err
	}
	defer done()
	msg, err := readParts(s)
	if err != nil {
		return err
	}
	w.identify = w.tidy(msg)
	return nil
}

// readParts merges the parts of an identify message; each is length-prefixed, the end of the stream ends it.
func readParts(r io.Reader) (*pb.Identify, error) {
	all := &pb.Identify{}
	left := maxIdentify
	for part := 0; ; part++ {
		n, err := readUvarint(r)
		switch {
		case err == io.EOF && part > 0:
			return all, nil
		case errors.Is(err, errMultistream), err == nil && (n > uint64(left) || part == maxIdentifyParts):
			return nil, errGarbage
		case err == io.EOF:
			return nil, errGarbage // an empty answer
		case err != nil && part > 0 && !isTimeout(err):
			return all, nil // js-libp2p resets the stream behind a whole message
		case err != nil:
			return nil, err
		}
		left -= int(n)
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, errors.Join(errGarbage, err) // cut in the middle
		} else if err != nil {
			return nil, err
		}
		m := &pb.Identify{}
		if err := proto.Unmarshal(b, m); err != nil {
			return nil, errors.Join(errGarbage, err)
		}
		proto.Merge(all, m)
	}
}

// tidy turns a message into the report's form, with bounded strings and lists.
func (w *walk) tidy(m *pb.Identify) *Identify {
	id := &Identify{
		Agent: bounded(m.GetAgentVersion(), maxAgent), ProtocolVersion: bounded(m.GetProtocolVersion(), maxAgent),
		Protocols: []string{}, ProtocolsTotal: len(m.GetProtocols()), ListenAddrs: []string{},
	}
	for _, p := range m.GetProtocols()[:min(len(m.GetProtocols()), maxProtocols)] {
		id.Protocols = append(id.Protocols, bounded(p, maxAgent))
	}
	slices.Sort(id.Protocols)
	id.ListenAddrs = addrTexts(m.GetListenAddrs())
	if a, err := ma.NewMultiaddrBytes(m.GetObservedAddr()); err == nil && len(a) > 0 {
		id.ObservedAddr = a.String()
	}
	if b := m.GetSignedPeerRecord(); len(b) > 0 {
		id.SignedRecord = w.signed(b)
	}
	return id
}

func addrTexts(raw [][]byte) []string {
	texts := []string{}
	for _, b := range raw[:min(len(raw), maxListenAddrs)] {
		if a, err := ma.NewMultiaddrBytes(b); err == nil && len(a) > 0 {
			texts = append(texts, bounded(a.String(), 1024))
		}
	}
	return texts
}

// signed checks the signature of a peer record, and that it is about the peer that sent it.
func (w *walk) signed(b []byte) *Record {
	r := &Record{Addrs: []string{}}
	env, rec, err := record.ConsumeEnvelope(b, peer.PeerRecordEnvelopeDomain)
	if err != nil {
		r.Why = bounded(err.Error(), maxAgent)
		return r
	}
	pr, ok := rec.(*peer.PeerRecord)
	signer, err := peer.IDFromPublicKey(env.PublicKey)
	switch {
	case !ok || err != nil:
		r.Why = "it holds no peer record"
	case pr.PeerID != signer || signer != w.remote:
		r.Why = "it is signed by, or about, another peer"
	default:
		r.Valid, r.Seq = true, pr.Seq
		for _, a := range pr.Addrs[:min(len(pr.Addrs), maxListenAddrs)] {
			r.Addrs = append(r.Addrs, bounded(a.String(), 1024))
		}
	}
	return r
}

// serve answers the remote's own identify and pings and declines everything else, so that it sees a
// well-behaved peer. At most maxStreams streams are served over the life of the walk; a remote that
// opens streams without end is left, because mplex holds memory for each.
func (w *walk) serve() {
	mc := w.muxed
	var wg sync.WaitGroup
	wg.Go(func() {
		for range maxStreams {
			s, err := mc.AcceptStream()
			if err != nil {
				return
			}
			wg.Go(func() { w.answer(s) })
		}
		for n, since := 0, time.Now(); n < maxOpened; n++ {
			s, err := mc.AcceptStream()
			if err != nil {
				return
			}
			_ = s.Reset()
			if time.Since(since) > openedWithin { // a held connection may last for days
				n, since = 0, time.Now()
			}
		}
		w.flooded.Store(true)
		_ = mc.Close()
	})
	w.onClose(func() { _ = mc.Close(); wg.Wait() })
}

func (w *walk) answer(s network.MuxedStream) {
	defer func() { _ = s.Reset() }()
	_ = s.SetDeadline(time.Now().Add(w.p.o.StageTimeout))
	if _, err := s.Write(msFrame(msHeader)); err != nil || msExpectHeader(s) != nil {
		return
	}
	for range 8 {
		got, err := msRead(s)
		if err != nil {
			return
		}
		switch got {
		case identifyID:
			if _, err := s.Write(append(msFrame(got), w.ownIdentify()...)); err == nil {
				_ = s.CloseWrite()
				_, _ = io.CopyN(io.Discard, s, 1) // until the remote has read it and closes
			}
			return
		case pingID:
			if _, err := s.Write(msFrame(got)); err == nil {
				_, _ = io.CopyN(s, s, 64*pingSize)
			}
			return
		}
		if _, err := s.Write(msFrame(msNA)); err != nil {
			return
		}
	}
}

func (w *walk) ownIdentify() []byte {
	m := &pb.Identify{AgentVersion: proto.String(agent), ProtocolVersion: proto.String("p2p/1.0.0"), Protocols: []string{identifyID, pingID}}
	if pk, err := crypto.MarshalPublicKey(w.key.GetPublic()); err == nil {
		m.PublicKey = pk
	}
	if a := w.observed(); a != nil {
		m.ObservedAddr = a.Bytes()
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil
	}
	return append(uvarint(len(b)), b...)
}

// observed is where we see the remote.
func (w *walk) observed() ma.Multiaddr {
	if w.raw != nil {
		a, err := manet.FromNetAddr(w.raw.RemoteAddr())
		if err != nil {
			return nil
		}
		return a
	}
	for i, c := range w.spot.ma {
		if code := c.Protocol().Code; code == ma.P_CERTHASH || code == ma.P_P2P {
			return w.spot.ma[:i]
		}
	}
	return w.spot.ma
}

func uvarint(n int) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
