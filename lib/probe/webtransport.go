package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/security/noise/pb"
	"github.com/multiformats/go-multihash"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"p2p/lib/fail"
)

const (
	wtPath        = "/.well-known/libp2p-webtransport?type=noise"
	maxCerthashes = 16 // that the remote may announce
	h3NoError     = 0x100
)

// h3 is one HTTP/3 connection and what was learnt on it.
type h3 struct {
	conn      *quic.Conn
	leaf      []byte   // the certificate that a certhash names, DER
	hash      []byte   // its multihash
	announced [][]byte // multihashes that the remote announces inside Noise
	session   *webtransport.Session
	status    int
	server    string
}

// webtransport walks /quic-v1/webtransport by hand, since a wrong certificate must not keep it from
// learning the right one: QUIC, HTTP/3 CONNECT, Noise on the first stream.
func (w *walk) webtransport(ctx context.Context) *fail.Error {
	return first(ctx, w.quicConnect(w.h3Handshake), w.webtransportSecurity, w.identity)
}

func (w *walk) h3Handshake(ctx context.Context) error {
	x, err := w.h3Dial(ctx, w.udp.wire)
	w.udp.h3 = x
	return err
}

func (w *walk) h3Dial(ctx context.Context, u *wire) (*h3, error) {
	c, certs, err := w.quicDial(ctx, u, alpnH3)
	if err != nil {
		return nil, err
	}
	x := &h3{conn: c}
	if len(certs) > 0 {
		x.leaf = certs[len(certs)-1] // as go-libp2p takes it
		x.hash, err = multihash.Sum(x.leaf, multihash.SHA2_256, -1)
	}
	return x, err
}

func (w *walk) webtransportSecurity(ctx context.Context) *fail.Error {
	return w.stage(ctx, "security", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		if !w.udp.tried {
			w.udp.err = w.h3Handshake(ctx)
		}
		if w.udp.err != nil {
			return w.quicError(ctx, w.udp.err, alpnH3)
		}
		x := w.udp.h3
		w.rep.Offered.ALPN = append(w.rep.Offered.ALPN, alpnH3)
		s.set("certhash", certhashText(x.hash))
		err := x.connect(ctx, w.spot)
		if err != nil {
			if slices.ContainsFunc(certhashes(w.spot.ma), x.is) {
				return w.sessionError(x, err)
			}
			return w.wrongCerthash(x, "")
		}
		key, err := w.noiseInside(ctx, x)
		if bad := w.checkCert(x, key); bad != nil {
			return bad
		}
		if err != nil {
			return w.noiseError(err)
		}
		s.set("protocol", noise.ID)
		return w.up(&wtConn{s: x.session, q: x.conn}, key, noise.ID, "webtransport")
	})
}

// is tells whether the hash, a multihash, names the server's certificate.
func (x *h3) is(hash []byte) bool { return slices.Equal(hash, x.hash) }

// connect opens the WebTransport session.
func (x *h3) connect(ctx context.Context, s *spot) error {
	// The library reads the answer without a look at the context.
	defer context.AfterFunc(ctx, func() { _ = x.conn.CloseWithError(h3NoError, "") })()
	t := &webtransport.Transport{}
	cc, err := t.NewClientConn(x.conn)
	if err != nil {
		return err
	}
	at := net.JoinHostPort(s.ip.WithZone("").String(), fmt.Sprint(s.port)) // as go-libp2p has it, also where a name was given
	resp, session, err := cc.Dial(ctx, "https://"+at+wtPath, nil)
	if resp != nil {
		x.status, x.server = resp.StatusCode, bounded(resp.Header.Get("Server"), 80)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	x.session = session
	return err
}

// earlyHashes receives the certificate hashes that a libp2p server announces in its Noise message.
type earlyHashes struct{ x *h3 }

// Send has nothing for the server.
func (e earlyHashes) Send(context.Context, net.Conn, peer.ID) *pb.NoiseExtensions { return nil }

// Received keeps what is well-formed, up to maxCerthashes.
func (e earlyHashes) Received(_ context.Context, _ net.Conn, m *pb.NoiseExtensions) error {
	for _, h := range m.GetWebtransportCerthashes() {
		if _, err := multihash.Decode(h); err == nil && len(e.x.announced) < maxCerthashes && len(h) <= 128 {
			e.x.announced = append(e.x.announced, h)
		}
	}
	return nil
}

// noiseInside authenticates both sides on the session's first stream, without a wish for the remote's id.
func (w *walk) noiseInside(ctx context.Context, x *h3) (crypto.PubKey, error) {
	st, err := x.session.OpenStreamSync(ctx)
	if err != nil {
		return nil, wtError(err)
	}
	c := wtNetConn{Stream: st, s: x.session}
	defer limit(ctx, st)()
	defer func() { st.CancelRead(0); _ = st.Close() }()
	t, err := noise.New(noise.ID, w.key, nil)
	if err != nil {
		return nil, err
	}
	early, err := t.WithSessionOptions(noise.EarlyData(earlyHashes{x}, nil), noise.DisablePeerIDCheck())
	if err != nil {
		return nil, err
	}
	sc, err := early.SecureOutbound(ctx, c, "")
	if err != nil {
		return nil, wtError(err)
	}
	return sc.RemotePublicKey(), nil
}

// sessionError judges an HTTP/3 server that did not open the session.
func (w *walk) sessionError(x *h3, err error) *fail.Error {
	var missing *webtransport.RequirementsNotMetError
	var ae *quic.ApplicationError
	switch {
	case x.status == http.StatusNotFound:
		return fail.New(fail.DialWrongService, "%s is an HTTP/3 server without libp2p at %s", w.who(), wtPath).WithDetail("service", "http3").
			WithDetail("status", x.status).WithHint("correct the port: UDP port %s belongs to another web server", w.port()).WithCause(err)
	case x.status != 0:
		e := fail.New(fail.WebTransportRefused, "%s answers HTTP status %d to the WebTransport request", w.who(), x.status).
			WithDetail("status", x.status).WithCause(err)
		if x.server != "" && !w.p.o.Discreet {
			e = e.WithDetail("server", x.server)
		}
		return e.WithHint("%s", statusHint(x.status))
	case errors.As(err, &missing):
		return fail.New(fail.DialWrongService, "%s speaks HTTP/3, but not WebTransport: it is another web server", w.who()).WithDetail("service", "http3").
			WithHint("correct the port: the node's own has WebTransport at %s", wtPath).WithCause(err)
	case errors.As(err, &ae) && ae.Remote:
		return w.connClosed(wtError(err))
	case isTimeout(err):
		return fail.New(fail.SecurityTimeout, "%s finished the QUIC handshake, then did not answer the WebTransport request", w.who()).
			WithHint("the node may be overloaded or hang: probe again, or raise --stage-timeout").WithCause(err)
	}
	return fail.New(fail.SecurityFailed, "%s broke off the WebTransport request", w.who()).
		WithHint("the remote breaks HTTP/3; look at its version").WithCause(err)
}

func statusHint(status int) string {
	switch status {
	case http.StatusForbidden:
		return "go-libp2p says so when its connection gater turns the caller away: look at its allow and deny lists"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "go-libp2p says so when its resource manager is at a limit: raise its limits, or come back later"
	}
	return "look at the node's log, and at a proxy in front of it: libp2p answers 200 at " + wtPath
}

func (w *walk) noiseError(err error) *fail.Error {
	switch {
	case isTimeout(err):
		return fail.New(fail.SecurityTimeout, "%s opened the WebTransport session, then was silent in the Noise handshake", w.who()).
			WithHint("the node may be overloaded or hang: probe again, or raise --stage-timeout").WithCause(err)
	case closedByRemote(err):
		return w.connClosed(err)
	}
	return fail.New(fail.SecurityFailed, "the Noise handshake with %s failed", w.who()).
		WithHint("the remote breaks the protocol, or something in between changes the bytes; look at its version").WithCause(err)
}
