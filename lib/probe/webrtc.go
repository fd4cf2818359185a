package probe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multihash"
	"github.com/pion/sctp"
	"github.com/pion/webrtc/v4/pkg/rtcerr"

	"p2p/lib/fail"
)

const (
	stunAfter = 500 * time.Millisecond // how long the dial alone may take before one STUN binding is sent
	stunWait  = time.Second            // for its answer, at least, from a port that answers QUIC
)

// rtcDial is one run of the library's dial, which goes on from the connect to the security stage.
type rtcDial struct {
	cancel context.CancelFunc
	done   chan struct{}
	conn   transport.CapableConn
	err    error
}

// webrtc walks /webrtc-direct: reachability, then DTLS and Noise, which the library does in one.
func (w *walk) webrtc(ctx context.Context) *fail.Error {
	return first(ctx, w.webrtcConnect, w.webrtcSecurity, w.identity)
}

// startWebRTC dials in the background; the walk's end waits for it.
func (w *walk) startWebRTC(ctx context.Context, to ma.Multiaddr) *rtcDial {
	ctx, cancel := context.WithTimeout(ctx, w.p.o.DialTimeout+w.p.o.StageTimeout)
	d := &rtcDial{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		t, err := libp2pwebrtc.New(w.key, nil, nil, &network.NullResourceManager{}, nil)
		if err != nil {
			d.err = err
			return
		}
		d.conn, d.err = t.Dial(ctx, to, "")
	}()
	w.onClose(d.close)
	return d
}

func (d *rtcDial) close() {
	d.cancel()
	<-d.done
	if d.err == nil {
		_ = d.conn.Close()
	}
}

// webrtcConnect lasts until something shows the listener to be there: the dial's end or a STUN answer.
// A second socket of ours learns meanwhile what the library cannot tell: a closed port, a port that has QUIC only.
func (w *walk) webrtcConnect(ctx context.Context) *fail.Error {
	outer := ctx
	return w.stage(ctx, "connect", w.p.o.DialTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		u, ferr := w.openUDP(ctx)
		if ferr != nil {
			return ferr
		}
		to, _ := peer.SplitAddr(w.spot.ma)
		w.udp.rtc = w.startWebRTC(outer, to)
		p, err := newPing()
		if err != nil {
			_ = u.Close()
			return fail.New(fail.Internal, "make random bytes: %w", err)
		}
		ears := u.listen(p)
		defer ears.close()
		begin := time.Now()
		if _, err := u.write(p); err != nil && udpCode(err) != "" {
			return w.udpError(err, time.Since(begin))
		}
		return w.awaitListener(ctx, s, ears)
	})
}

func (w *walk) awaitListener(ctx context.Context, s *Stage, ears *ears) *fail.Error {
	begin := time.Now()
	var rtt time.Duration
	other, asked := "", false
	ask := time.NewTimer(stunAfter)
	defer ask.Stop()
	giveUp := time.NewTimer(w.p.o.DialTimeout)
	defer giveUp.Stop()
	for {
		select {
		case <-w.udp.rtc.done:
			return nil
		case h := <-ears.heard:
			switch {
			case h.err != nil:
				w.udp.rtc.cancel()
				return w.udpError(h.err, time.Since(begin))
			case h.stun != "":
				s.set("stun", true)
				s.set("observed", h.stun)
				return nil
			case rtt == 0:
				other, rtt = h.other, time.Since(begin)
				s.set("service", other)
				s.set("rtt_ms", ms(rtt))
			}
		case <-ask.C:
			asked = true
			s.set("stun", false)
			ears.u.ask()
		case <-giveUp.C:
			return w.noListener(other, time.Since(begin))
		case <-ctx.Done():
			return w.noListener(other, time.Since(begin))
		}
		if asked && rtt > 0 { // the port is alive, so silence on STUN says enough
			giveUp.Reset(max(stunWait, 10*rtt))
			asked = false
		}
	}
}

// noListener is the verdict on a port where no STUN binding is answered; other names what else spoke there.
func (w *walk) noListener(other string, took time.Duration) *fail.Error {
	switch other {
	case "quic":
		return fail.New(fail.WebRTCNoListener, "%s has QUIC on that UDP port, but nothing there answers as WebRTC", w.who()).WithDetail("service", other).
			WithHint("enable webrtc-direct on the node, or let it admit this address: a connection gater or a limit is as silent; its QUIC address: p2p probe %s",
				w.spot.with("/udp/"+w.port()+"/quic-v1", ""))
	case "":
		return fail.New(fail.WebRTCNoListener, "%s answered no STUN binding within %.1f s: no webrtc-direct listener, or something drops the datagrams", w.who(), took.Seconds()).
			WithHint("enable webrtc-direct on the node and open UDP port %s in its firewall and NAT router; a connection gater or a limit of the node is as silent", w.port())
	}
	return fail.New(fail.WebRTCNoListener, "%s has another service than WebRTC on that UDP port: %s", w.who(), other).WithDetail("service", other).
		WithHint("correct the port: UDP port %s is taken by another service", w.port())
}

func (w *walk) webrtcSecurity(ctx context.Context) *fail.Error {
	return w.stage(ctx, "security", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		d := w.udp.rtc
		select {
		case <-d.done:
		case <-ctx.Done():
			d.cancel()
			<-d.done
		}
		if d.err != nil {
			return w.webrtcError(ctx, d.err)
		}
		s.set("protocol", noise.ID)
		return w.up(d.conn, d.conn.RemotePublicKey(), noise.ID, "webrtc")
	})
}

// webrtcError judges a dial whose port is alive. The library folds all that is wrong with DTLS into one
// text, so one more connection takes whatever certificate comes and compares it.
func (w *walk) webrtcError(ctx context.Context, err error) *fail.Error {
	if ctx.Err() != nil {
		return fail.New(fail.SecurityTimeout, "%s answers STUN, but does not finish the DTLS and Noise handshakes", w.who()).
			WithHint("the node may be overloaded, or the path may drop its large packets (MTU): probe again, or raise --stage-timeout").WithCause(err)
	}
	if rtcClosed(err) || isClosed(err) { // before the handshake's last message, or right behind it
		return w.closedLater("at the end of the handshake", err)
	}
	cert, lerr := w.learnCert(ctx)
	listed := certhashes(w.spot.ma)
	if lerr == nil && len(listed) > 0 && !named(cert, listed[:1]) {
		return w.wrongDTLS(ctx, cert, err)
	}
	e := fail.New(fail.SecurityFailed, "the DTLS or Noise handshake with %s failed", w.who()).WithCause(err)
	if lerr != nil {
		return e.WithHint("its certificate could not be learnt (%s), so whether the certhash is right is not known: get the node's current address, and look at its log", bounded(lerr.Error(), 80))
	}
	return e.WithHint("the certhash is right: look at the remote's log and version")
}

// rtcClosed tells the forms in which the end of a WebRTC connection shows before it is known to be closed:
// the ABORT of SCTP, a data channel that is opened too late, and the library's own, which it does not export.
func rtcClosed(err error) bool {
	var late *rtcerr.InvalidStateError
	return errors.Is(err, sctp.ErrChunk) || errors.Is(err, sctp.ErrStreamClosed) || errors.As(err, &late) || err != nil && err.Error() == "connection closed"
}

// named tells whether one of the multihashes is the certificate's.
func named(cert []byte, hashes [][]byte) bool {
	return slices.ContainsFunc(hashes, func(h []byte) bool {
		d, err := multihash.Decode(h)
		if err != nil {
			return false
		}
		sum, err := multihash.Sum(cert, d.Code, -1)
		return err == nil && slices.Equal(sum, h)
	})
}

// wrongDTLS learns who has that certificate, and says which address would be right.
func (w *walk) wrongDTLS(ctx context.Context, cert []byte, cause error) *fail.Error {
	hash, err := multihash.Sum(cert, multihash.SHA2_256, -1)
	if err != nil {
		return fail.New(fail.Internal, "hash a certificate: %w", err)
	}
	tail := "/udp/" + w.port() + "/webrtc-direct/certhash/" + certhashText(hash)
	e := fail.New(fail.WebRTCCerthash, "the certificate of %s is not the one in the address: its hash is %s", w.who(), certhashText(hash)).WithCause(cause).
		WithDetail("actual", certhashText(hash))
	why := "the node does not keep its certificate over restarts, or it is another node"
	var id peer.ID
	if to, _, ok := strings.Cut(w.spot.ma.String(), "/udp/"); ok {
		id = w.whoHas(ctx, mustMA(to+tail))
	}
	switch {
	case id == "":
	case w.spot.peer != "" && id != w.spot.peer:
		e.Message += "; and the peer is another one, " + id.String()
		e, why = e.WithDetail("actual_peer_id", id.String()), "was the node's identity regenerated?"
	default:
		why = "the same peer has a new certificate"
	}
	fixed := w.spot.with(tail, id)
	return e.WithDetail("repaired", fixed).WithHint("%s: p2p probe %s", why, fixed)
}

// whoHas dials the corrected address; "" if that fails.
func (w *walk) whoHas(ctx context.Context, to ma.Multiaddr) peer.ID {
	if !w.oneMore() {
		return ""
	}
	d := w.startWebRTC(ctx, to)
	select {
	case <-d.done:
	case <-ctx.Done():
		return ""
	}
	if d.err != nil {
		return ""
	}
	id, err := peer.IDFromPublicKey(d.conn.RemotePublicKey())
	if err != nil {
		return ""
	}
	return id
}

// errNoCert ends the search for a certificate.
var errNoCert = errors.New("no certificate came")
