package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"p2p/lib/fail"
)

// handshake authenticates both sides without a wish for the remote's id: who it is, identity compares.
func (w *walk) handshake(ctx context.Context, chosen string) *fail.Error {
	var c sec.SecureConn
	var err error
	watched := w.watchPath(ctx, true)
	if chosen == noise.ID {
		c, err = w.noise(ctx)
	} else {
		c, err = w.libp2pTLS(ctx)
	}
	way := watched()
	switch {
	case err == nil:
		w.conn, w.remote, w.remotePK = c, c.RemotePeer(), c.RemotePublicKey()
		w.ready = time.Now()
		w.rep.Muxer = string(c.ConnState().StreamMultiplexer)
		return nil
	case isTimeout(err):
		if e := w.vanished(way, "our part of the "+chosen+" handshake", err); e != nil {
			return e
		}
		return fail.New(fail.SecurityTimeout, "%s agreed on %s, then was silent in the handshake", w.who(), chosen).
			WithHint("the node may be overloaded, or the path may drop large packets (dial.mtu): probe again, or raise --stage-timeout").WithCause(err)
	case isClosed(err):
		return fail.New(fail.SecurityFailed, "%s %s the connection in the middle of the %s handshake", w.who(), how(err), chosen).
			WithHint("look at the remote's log: its resource manager, its connection gater, or a broken proxy in between").WithCause(err)
	}
	return fail.New(fail.SecurityFailed, "the %s handshake with %s failed", chosen, w.who()).
		WithHint("the remote breaks the protocol, or something in between changes the bytes; look at its version").WithCause(err)
}

func (w *walk) noise(ctx context.Context) (sec.SecureConn, error) {
	t, err := noise.New(noise.ID, w.key, nil)
	if err != nil {
		return nil, err
	}
	st, err := t.WithSessionOptions(noise.DisablePeerIDCheck())
	if err != nil {
		return nil, err
	}
	return st.SecureOutbound(ctx, w.conn, "")
}

func (w *walk) libp2pTLS(ctx context.Context) (sec.SecureConn, error) {
	var early []upgrader.StreamMuxer
	for _, m := range w.p.o.Muxers {
		early = append(early, upgrader.StreamMuxer{ID: muxerID(m)})
	}
	t, err := libp2ptls.New(libp2ptls.ID, w.key, early)
	if err != nil {
		return nil, err
	}
	return t.SecureOutbound(ctx, w.conn, "")
}

// identity compares who answered with who was expected.
func (w *walk) identity(ctx context.Context) *fail.Error {
	return w.stage(ctx, "identity", w.p.o.StageTimeout, func(_ context.Context, s *Stage) *fail.Error {
		w.rep.PeerID = w.remote.String()
		s.set("peer_id", w.remote.String())
		if w.spot.peer == "" || w.spot.peer == w.remote {
			return nil
		}
		return w.mismatch(w.remote)
	})
}

// mismatch says who answers instead of the expected peer, with the corrected address.
func (w *walk) mismatch(actual peer.ID) *fail.Error {
	fixed := withPeer(w.spot, actual)
	return fail.New(fail.SecurityPeerIDMismatch, "%s is another peer: expected %s, found %s", w.who(), w.spot.peer, actual).
		WithHint("was the node's identity regenerated? If that peer is the right one: p2p probe %s", fixed).
		WithDetail("expected", w.spot.peer.String()).WithDetail("actual", actual.String()).WithDetail("repaired", fixed)
}

// withPeer returns the address, as it was given, with another id at its end.
func withPeer(s *spot, id peer.ID) string {
	text := s.from
	if text == "" || !dialsHost(text) {
		text = s.ma.String()
	}
	base, _ := peer.SplitAddr(mustMA(text))
	if base == nil {
		return "/p2p/" + id.String()
	}
	return base.String() + "/p2p/" + id.String()
}

// muxer agrees on a stream multiplexer and sees it answer.
func (w *walk) muxer(ctx context.Context) *fail.Error {
	return w.stage(ctx, "muxer", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		defer limit(ctx, w.conn)()
		if w.rep.Muxer == "" {
			if err := w.negotiateMuxer(); err != nil {
				return err
			}
		} else {
			s.set("early", true)
		}
		s.set("protocol", w.rep.Muxer)
		w.rep.Offered.Muxers = append(w.rep.Offered.Muxers, w.rep.Muxer)
		m := muxerFor(w.rep.Muxer)
		if m == nil {
			return fail.New(fail.MuxerNoCommon, "%s chose the muxer %s, which was not offered", w.who(), quoted(w.rep.Muxer)).
				WithHint("the remote breaks the protocol; look at its version")
		}
		mc, err := m.NewConn(w.conn, false, &network.NullScope{})
		if err != nil {
			return fail.New(fail.MuxerFailed, "start %s with %s: %w", w.rep.Muxer, w.who(), err).WithCause(err)
		}
		w.muxed = mc
		w.onClose(func() { _ = mc.Close() })
		return w.muxerAnswers(ctx, mc)
	})
}

func (w *walk) negotiateMuxer() *fail.Error {
	var offer []string
	for _, m := range w.p.o.Muxers {
		offer = append(offer, string(muxerID(m)))
	}
	chosen, err := msSelect(w.conn, offer...)
	switch {
	case err != nil && isTimeout(err):
		return fail.New(fail.MuxerFailed, "%s finished the handshake, then was silent when the muxer was negotiated", w.who()).
			WithHint("the node may hang or be overloaded: probe again").WithCause(err)
	case err != nil && isClosed(err):
		return w.connClosed(err)
	case err != nil:
		return fail.New(fail.MuxerFailed, "%s broke the negotiation of the muxer", w.who()).
			WithHint("the remote does not follow multistream-select; look at its version").WithCause(err)
	case chosen == "":
		return w.noCommonMuxer(offer)
	}
	w.rep.Muxer = chosen
	return nil
}

// noCommonMuxer learns which of the known muxers the remote offers.
func (w *walk) noCommonMuxer(offer []string) *fail.Error {
	theirs := msList(w.conn)
	for _, m := range []string{mplexID, yamux.ID} {
		if theirs != nil || contains(offer, m) {
			continue
		}
		if _, err := w.conn.Write(msFrame(m)); err != nil {
			break
		}
		if got, err := msRead(w.conn); err == nil && got == m {
			theirs = []string{m}
		}
	}
	for _, id := range theirs {
		w.rep.Offered.Muxers = append(w.rep.Offered.Muxers, bounded(id, 128))
	}
	e := fail.New(fail.MuxerNoCommon, "no common stream multiplexer: we offer %s, %s offers %s", quotedList(offer), w.who(), orNone(theirs))
	if contains(theirs, mplexID) {
		return e.WithHint("the node is an old one with mplex only: p2p probe --muxer yamux,mplex %s", w.rep.Addr)
	}
	return e.WithHint("let the node offer /yamux/1.0.0")
}

func orNone(l []string) string {
	if len(l) == 0 {
		return "none of the known ones"
	}
	return quotedList(l)
}

// connClosed judges a connection that ended after its handshake: the remote's code tells who closed it.
func (w *walk) connClosed(err error) *fail.Error {
	if w.flooded.Load() {
		return fail.New(fail.IdentifyFailed, "%s opened more than %d streams to us, so we ended the connection", w.who(), maxOpened).
			WithHint("no healthy node does that: look at what runs there").WithCause(err)
	}
	name, code := closeReason(err)
	say := w.who() + " closed the connection"
	var after float64
	if !w.ready.IsZero() {
		after = ms(time.Since(w.ready))
		say += fmt.Sprintf(" %.0f ms after the handshake", after)
	}
	if name != "" {
		say += ": " + name
	}
	e := fail.New(fail.ConnClosed, "%s", say).WithCause(err)
	if code == network.ConnResourceLimitExceeded {
		e = fail.New(fail.ConnResourceLimit, "%s: its resource manager is at a limit", say).WithCause(err)
	}
	if after > 0 {
		e = e.WithDetail("after_ms", after)
	}
	if name != "" {
		e = e.WithDetail("reason", name)
	}
	if e.Code == fail.ConnResourceLimit {
		return e.WithHint("raise the node's resource manager limits, or come back later")
	}
	return e.WithHint("the remote's connection gater, connection manager, limit per address or shutdown closed it: look at its log")
}

// closeReason returns the error code of the remote by name; the codes are those of the libp2p specs, error-codes.
func closeReason(err error) (string, network.ConnErrorCode) {
	code, ok := goAwayCode(err)
	var ce *network.ConnError
	if !ok && errors.As(err, &ce) && ce.Remote {
		code, ok = ce.ErrorCode, true
	}
	if !ok {
		return "", 0
	}
	names := map[network.ConnErrorCode]string{
		network.ConnNoError: "no error (normal close)", network.ConnProtocolNegotiationFailed: "protocol negotiation failed",
		network.ConnResourceLimitExceeded: "resource limit exceeded", network.ConnRateLimited: "rate limited",
		network.ConnProtocolViolation: "protocol violation", network.ConnSupplanted: "supplanted by another connection",
		network.ConnGarbageCollected: "garbage collected by the connection manager", network.ConnShutdown: "shutting down", network.ConnGated: "gated",
	}
	if n, known := names[code]; known {
		return n, code
	}
	return "code 0x" + hex(uint64(code)), code
}

func contains(l []string, s string) bool {
	for _, x := range l {
		if x == s {
			return true
		}
	}
	return false
}

var _ net.Conn = (*tap)(nil)
