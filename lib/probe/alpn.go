package probe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"p2p/lib/fail"
)

const askAgain = 2 * time.Second // bound of one diagnostic dial

// TLS alerts as QUIC errors (RFC 9001, 4.8).
const (
	tlsHandshakeFailure      = 0x100 + 40
	tlsBadCertificate        = 0x100 + 42
	tlsUnknownCertificate    = 0x100 + 46
	tlsInternalError         = 0x100 + 80
	tlsCertificateRequired   = 0x100 + 116
	tlsNoApplicationProtocol = 0x100 + 120
)

// wrongALPN is the verdict on a QUIC port that ended the TLS handshake for the wanted protocol; nil when
// the protocol is not to blame. go-libp2p answers an unknown ALPN with "internal error", others with the
// proper alert, so one more dial proposes the other ALPN of libp2p, and so finds the address that is right.
func (w *walk) wrongALPN(ctx context.Context, te *quic.TransportError, wanted string) *fail.Error {
	certain := te.ErrorCode == tlsNoApplicationProtocol
	if !certain && te.ErrorCode != tlsInternalError && te.ErrorCode != tlsHandshakeFailure {
		return nil
	}
	e := fail.New(fail.QUICALPN, "%s speaks QUIC, but refuses the protocol %q (ALPN)", w.who(), wanted).WithCause(te)
	switch {
	case w.oneMore():
	case certain:
		return e.WithDetail("not_asked", "pace").WithHint("whether /webtransport or /quic-v1 alone is there was not asked, to stay within --pace: probe it alone")
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askAgain)
	defer cancel()
	u, ferr := w.openUDP(ctx)
	if ferr != nil {
		return nil
	}
	w.onClose(func() { _ = u.Close() })
	ask := w.onlyH3
	if wanted == alpnH3 {
		ask = w.onlyLibp2p
	}
	if found := ask(ctx, u, e); found != nil || !certain {
		return found
	}
	return e.WithHint("neither %q nor %q is spoken on UDP port %s: it belongs to another QUIC service; correct the port", alpnLibp2p, alpnH3, w.port())
}

func (w *walk) onlyLibp2p(ctx context.Context, u *wire, e *fail.Error) *fail.Error {
	if _, _, err := w.quicDial(ctx, u, alpnLibp2p); err != nil && !missesCert(err) {
		return nil
	}
	w.rep.Offered.ALPN = append(w.rep.Offered.ALPN, alpnLibp2p)
	fixed := w.spot.with("/udp/"+w.port()+"/quic-v1", "")
	return e.WithDetail("repaired", fixed).WithHint("the port has /quic-v1 without /webtransport: p2p probe %s", fixed)
}

func (w *walk) onlyH3(ctx context.Context, u *wire, e *fail.Error) *fail.Error {
	x, err := w.h3Dial(ctx, u)
	if err != nil {
		return nil
	}
	w.rep.Offered.ALPN = append(w.rep.Offered.ALPN, alpnH3)
	if err := x.connect(ctx, w.spot); err != nil {
		return e.WithDetail("service", "http3").WithHint("an HTTP/3 web server without libp2p is on UDP port %s: correct the port", w.port())
	}
	_ = x.session.CloseWithError(0, "")
	fixed := w.spot.with("/udp/"+w.port()+"/quic-v1/webtransport"+certhashParts([][]byte{x.hash}), "")
	return e.WithDetail("repaired", fixed).WithHint("the port has WebTransport only: p2p probe %s", fixed)
}

// missesCert tells that a handshake got past the ALPN: a libp2p server ends it when it misses our certificate.
func missesCert(err error) bool {
	var te *quic.TransportError
	return errors.As(err, &te) && te.Remote && slices.Contains([]quic.TransportErrorCode{tlsBadCertificate, tlsUnknownCertificate, tlsCertificateRequired}, te.ErrorCode)
}
