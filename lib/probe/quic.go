package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"

	"p2p/lib/fail"
)

// The protocols that QUIC negotiates inside TLS (ALPN) for /quic-v1 and for WebTransport.
const (
	alpnLibp2p = "libp2p"
	alpnH3     = "h3"
)

// udpState is what a walk over QUIC has so far.
type udpState struct {
	wire  *wire
	tried bool  // the handshake was already tried, because the ping was not answered
	err   error // how it ended
	quic  transport.CapableConn
	h3    *h3
	rtc   *rtcDial
}

// quic walks /quic-v1: ping, handshake, identity.
func (w *walk) quic(ctx context.Context) *fail.Error {
	return first(ctx, w.quicConnect(w.quicHandshake), w.quicSecurity, w.identity)
}

// quicConnect finds out whether QUIC is spoken at the port at all. A port that does not answer the ping
// gets the real handshake as well, on the same socket, since middleboxes may drop unknown versions.
func (w *walk) quicConnect(handshake func(context.Context) error) func(context.Context) *fail.Error {
	return func(ctx context.Context) *fail.Error {
		return w.stage(ctx, "connect", w.p.o.DialTimeout, func(ctx context.Context, s *Stage) *fail.Error {
			u, ferr := w.openUDP(ctx)
			if ferr != nil {
				return ferr
			}
			w.udp.wire = u
			w.onClose(func() { _ = u.Close() })
			s.set("local", u.LocalAddr().String())
			begin := time.Now()
			p, err := u.ping(ctx, min(quicQuiet, w.p.o.DialTimeout/2))
			switch {
			case err != nil:
				return w.udpError(err, time.Since(begin))
			case p.versions != nil:
				s.set("rtt_ms", ms(p.rtt))
				s.set("versions", versionNames(p.versions))
				if !contains(versionNames(p.versions), "v1") {
					return w.wrongVersion(p.versions)
				}
				return nil
			case p.noise != nil:
				return w.notQUIC(p)
			}
			s.set("version_negotiation", "silent")
			return w.quicUnasked(ctx, p, begin, handshake)
		})
	}
}

// quicUnasked tries the handshake at a port that did not answer the ping; whether it is good, security says.
func (w *walk) quicUnasked(ctx context.Context, p pong, begin time.Time, handshake func(context.Context) error) *fail.Error {
	if p.stun { // the path is good, so silence needs no long proof
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, quicQuiet)
		defer cancel()
	}
	u := w.udp.wire
	before := u.got.Load()
	w.udp.tried, w.udp.err = true, handshake(ctx)
	switch {
	case u.failure() != nil:
		return w.udpError(u.failure(), time.Since(begin))
	case u.got.Load() > before:
		return nil
	case p.stun:
		return w.onlyWebRTC(w.udp.err)
	}
	return w.udpSilent(w.udp.err, time.Since(begin))
}

// bounds makes a hostile server unable to have more than a few megabytes buffered or to outlast the stage.
func (w *walk) bounds(c *quic.Config) {
	c.MaxIncomingStreams = 4 * maxStreams
	c.InitialStreamReceiveWindow, c.MaxStreamReceiveWindow = maxWindow/4, maxWindow
	c.InitialConnectionReceiveWindow, c.MaxConnectionReceiveWindow = maxWindow, 2*maxWindow
	c.HandshakeIdleTimeout = max(w.p.o.StageTimeout, w.p.o.DialTimeout) // the stage ends it
	c.Versions = []quic.Version{quic.Version1}
}

// quicHandshake runs libp2p's QUIC handshake over the walk's socket, without a wish for the remote's id.
func (w *walk) quicHandshake(ctx context.Context) error {
	listen := func(string, *net.UDPAddr) (net.PacketConn, error) { return w.udp.wire, nil }
	cm, err := quicreuse.NewConnManager(quic.StatelessResetKey{}, quic.TokenGeneratorKey{}, quicreuse.DisableReuseport(), quicreuse.OverrideListenUDP(listen))
	if err != nil {
		return err
	}
	w.bounds(cm.ClientConfig())
	t, err := libp2pquic.NewTransport(w.key, cm, nil, nil, &network.NullResourceManager{})
	if err != nil {
		return err
	}
	to, _ := peer.SplitAddr(w.spot.ma)
	c, err := t.Dial(ctx, to, "")
	if err != nil {
		return err
	}
	w.udp.quic = c
	w.onClose(func() { _ = c.Close() })
	return nil
}

func (w *walk) quicSecurity(ctx context.Context) *fail.Error {
	return w.stage(ctx, "security", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		if !w.udp.tried {
			w.udp.err = w.quicHandshake(ctx)
		}
		if w.udp.err != nil {
			return w.quicError(ctx, w.udp.err, alpnLibp2p)
		}
		s.set("protocol", libp2ptls.ID)
		w.rep.Offered.ALPN = append(w.rep.Offered.ALPN, alpnLibp2p)
		return w.up(w.udp.quic, w.udp.quic.RemotePublicKey(), libp2ptls.ID, "quic")
	})
}

// up takes over a connection that secures and multiplexes by itself.
func (w *walk) up(mc network.MuxedConn, key crypto.PubKey, security, muxer string) *fail.Error {
	id, err := peer.IDFromPublicKey(key)
	if err != nil {
		return fail.New(fail.SecurityFailed, "%s has a key that makes no peer id", w.who()).
			WithHint("the remote breaks the protocol; look at its version").WithCause(err)
	}
	w.muxed, w.remote, w.remotePK, w.ready = mc, id, key, time.Now()
	w.rep.Security, w.rep.Muxer = security, muxer
	w.rep.Offered.Security = append(w.rep.Offered.Security, security)
	w.rep.Offered.Muxers = append(w.rep.Offered.Muxers, muxer)
	return nil
}

// quicError judges a QUIC connection that did not come up with the wanted ALPN.
func (w *walk) quicError(ctx context.Context, err error, alpn string) *fail.Error {
	var te *quic.TransportError
	var ae *quic.ApplicationError
	var ve *quic.VersionNegotiationError
	var sr *quic.StatelessResetError
	transportError := errors.As(err, &te)
	switch {
	case w.udp.wire.failure() != nil:
		return w.udpError(w.udp.wire.failure(), 0)
	case errors.As(err, &ve):
		var theirs []uint32
		for _, v := range ve.Theirs {
			theirs = append(theirs, uint32(v))
		}
		return w.wrongVersion(theirs)
	case errors.As(err, &ae) && ae.Remote:
		return w.connClosed(connError(err))
	case errors.As(err, &sr):
		return w.closedLater("during the QUIC handshake: it has forgotten it (stateless reset)", err)
	case transportError && te.Remote:
		return w.refusedBy(ctx, te, alpn)
	case transportError && te.ErrorCode.IsCryptoError():
		return fail.New(fail.SecurityFailed, "%s speaks QUIC, but its certificate is not a libp2p one", w.who()).
			WithHint("the remote breaks the protocol, or something in between terminates the TLS; look at its version").WithCause(err)
	case isTimeout(err):
		return w.quicStuck(err)
	}
	return fail.New(fail.SecurityFailed, "the QUIC handshake with %s failed", w.who()).
		WithHint("the remote breaks the protocol, or something in between changes the packets; look at its version").WithCause(err)
}

func (w *walk) quicStuck(err error) *fail.Error {
	return fail.New(fail.SecurityTimeout, "%s speaks QUIC, but does not finish the handshake", w.who()).
		WithHint("the node may be overloaded, or the path drops its large packets (MTU, a VPN or tunnel in between): probe again, or raise --stage-timeout").WithCause(err)
}

// refusedBy judges a CONNECTION_CLOSE of the remote's QUIC or TLS, which come with a code (RFC 9000, 20.1).
func (w *walk) refusedBy(ctx context.Context, te *quic.TransportError, alpn string) *fail.Error {
	if te.ErrorCode == quic.ConnectionRefused { // what go-libp2p's resource manager makes quic-go say; a full accept queue says it too
		return fail.New(fail.ConnResourceLimit, "%s refuses new QUIC connections: its resource manager is at a limit", w.who()).
			WithDetail("reason", te.ErrorCode.String()).
			WithHint("a limit per address, a rate or the total: raise the node's resource manager limits, or come back later").WithCause(te)
	}
	if e := w.wrongALPN(ctx, te, alpn); e != nil {
		return e
	}
	return fail.New(fail.SecurityFailed, "%s ended the QUIC handshake: %s", w.who(), te.ErrorCode).
		WithDetail("reason", te.ErrorCode.String()).
		WithHint("look at the remote's log; it may not accept this kind of key: try --identity with an ed25519 key").WithCause(te)
}

// connError gives the codes of QUIC and WebTransport the type that closeReason reads.
func connError(err error) error {
	var ae *quic.ApplicationError
	if !errors.As(err, &ae) || ae.ErrorCode > 1<<32-1 {
		return err
	}
	code := network.ConnErrorCode(ae.ErrorCode)
	if code == h3NoError {
		code = network.ConnNoError
	}
	return &network.ConnError{ErrorCode: code, Remote: ae.Remote, TransportError: err}
}

// quicDial runs a QUIC handshake with one ALPN and whatever certificate the server has: it is kept as evidence.
func (w *walk) quicDial(ctx context.Context, u *wire, alpn string) (*quic.Conn, [][]byte, error) {
	var certs [][]byte
	tc := &tls.Config{
		InsecureSkipVerify: true, ServerName: w.spot.host, NextProtos: []string{alpn}, MinVersion: tls.VersionTLS13, //nolint:gosec // the caller compares the hash
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error { certs = raw; return nil },
	}
	conf := &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIncomingUniStreams: 5}
	w.bounds(conf)
	t := &quic.Transport{Conn: u}
	w.onClose(func() { _ = t.Close() })
	c, err := t.Dial(ctx, u.c.RemoteAddr(), tc, conf)
	if err != nil {
		return nil, certs, err
	}
	w.onClose(func() { _ = c.CloseWithError(h3NoError, "") })
	return c, certs, nil
}
