package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"p2p/lib/fail"
)

// The security protocols that are offered, in the order of go-libp2p, and those that are only recognised.
var (
	securityOffer = []string{libp2ptls.ID, noise.ID}
	securityKnown = []string{"/plaintext/2.0.0", "/secio/1.0.0"}
)

// upgrade makes a secured, multiplexed connection out of a stream of bytes.
func (w *walk) upgrade(ctx context.Context) *fail.Error {
	if w.p.o.PSK != nil { // also inside a circuit, as go-libp2p's upgrader does
		if err := w.private(ctx); err != nil {
			return err
		}
	}
	return first(ctx, w.security, w.muxer)
}

// security negotiates and runs the handshake, then compares the identity.
func (w *walk) security(ctx context.Context) *fail.Error {
	chosen := ""
	err := w.stage(ctx, "security", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		defer limit(ctx, w.conn)()
		var err *fail.Error
		if chosen, err = w.negotiateSecurity(ctx); err != nil {
			return err
		}
		s.set("protocol", chosen)
		w.rep.Security = chosen
		w.rep.Offered.Security = append(w.rep.Offered.Security, chosen)
		return w.handshake(ctx, chosen)
	})
	if err != nil {
		return err
	}
	return w.identity(ctx)
}

func (w *walk) negotiateSecurity(ctx context.Context) (string, *fail.Error) {
	t, ok := w.conn.(*tap)
	if !ok {
		t = &tap{Conn: w.conn}
		w.conn = t
	}
	if !w.opened {
		_, err := t.Write(msFrame(msHeader, securityOffer[0]))
		if rerr := msExpectHeader(t); rerr != nil {
			return "", w.firstWordsError(ctx, t, rerr)
		}
		if err != nil {
			return "", w.closedEarly(ctx, t, err)
		}
		w.answered = true
	}
	chosen, err := msChoose(t, securityOffer)
	switch {
	case err != nil && isTimeout(err):
		return "", fail.New(fail.SecurityTimeout, "%s answered the multistream header, then was silent after we proposed %s", w.who(), securityOffer[0]).
			WithHint("the node may be overloaded or a middlebox may be cutting the connection: probe again, or raise --stage-timeout").WithCause(err)
	case err != nil && isClosed(err):
		return "", w.closedLater("while the security protocol was negotiated", err)
	case err != nil:
		return "", fail.New(fail.SecurityFailed, "%s broke the negotiation of the security protocol", w.who()).
			WithHint("the remote does not follow multistream-select; look at its version").WithCause(err)
	case chosen == "":
		return "", w.noCommonSecurity(t)
	}
	return chosen, nil
}

// noCommonSecurity learns what the remote does offer: js and rust list it, the others are asked one by one.
func (w *walk) noCommonSecurity(t net.Conn) *fail.Error {
	theirs := msList(t)
	if theirs == nil {
		if c, err := msPropose(t, securityKnown); err == nil && c != "" {
			theirs = []string{c}
		}
	}
	for _, id := range theirs {
		w.rep.Offered.Security = append(w.rep.Offered.Security, bounded(id, 128))
	}
	offers := "none of the known ones"
	if len(theirs) > 0 {
		offers = quotedList(theirs)
	}
	return fail.New(fail.SecurityNoCommon, "no common security protocol: we offer %s, %s offers %s", quotedList(securityOffer), w.who(), offers).
		WithHint("let the node offer /noise or /tls/1.0.0; secio and plaintext are obsolete")
}

// firstWordsError judges a port whose first message is no multistream header.
func (w *walk) firstWordsError(ctx context.Context, t *tap, err error) *fail.Error {
	head := t.seen()
	if len(head) > 0 && service(head) == "" && len(head) < 44 && !isTimeout(err) && !isClosed(err) {
		head = drain(t, 300*time.Millisecond)
	}
	s := service(head)
	switch {
	case errors.Is(err, errNotBinary):
		return w.otherApplication(err)
	case len(head) == 0 && isTimeout(err) && w.spot.relay != nil:
		return fail.New(fail.DialSilent, "%s took the circuit and sent nothing, even after our multistream header", w.who()).
			WithHint("the target hangs, or the relay does not forward: look at the target's load and log, or try another relay").WithCause(err)
	case len(head) == 0 && isTimeout(err):
		return fail.New(fail.DialSilent, "%s accepted the connection and sent nothing, even after our multistream header", w.who()).
			WithHint("check that port %s is the node's libp2p port, and that no proxy in front holds the connection", w.port()).WithCause(err).
			WithDetail("sent", msHeader)
	case len(head) == 0:
		return w.closedEarly(ctx, t, err)
	case s == "" && w.p.o.PSK == nil && opaque(head) && (len(head) == 24 || len(head) == 44):
		return fail.New(fail.PnetRequired, "%s is in a private network: its first %d bytes are a swarm key's nonce", w.who(), len(head)).
			WithHint("p2p probe --swarm-key swarm.key %s", w.rep.Addr)
	case w.viaWebSocket():
		return w.otherApplication(err)
	case s == "http" || s == "tls":
		f := w.ask(ctx)
		if f.service == "" || f.service == "libp2p" {
			f = finding{service: s, banner: banner(head, 80)}
		}
		return w.wrongService(f)
	case s == "libp2p":
		return w.brokenHeader(err)
	}
	return w.wrongService(finding{service: s, banner: banner(head, 80)})
}

func (w *walk) brokenHeader(err error) *fail.Error {
	if isTimeout(err) {
		return fail.New(fail.DialSilent, "%s sent a part of the multistream header, then nothing", w.who()).
			WithHint("something on the way drops packets, or the node hangs: probe again").WithCause(err)
	}
	return fail.New(fail.DialClosed, "%s ended the connection in the middle of the multistream header", w.who()).
		WithHint("probe again; if it stays, look at the node's log").WithCause(err)
}

// drain reads what more comes within d, or to the end of a known service's line, and returns all that was seen.
func drain(t *tap, d time.Duration) []byte {
	_ = t.SetReadDeadline(time.Now().Add(d))
	buf := make([]byte, 64)
	for n := 0; n < tapSize; {
		k, err := t.Read(buf)
		n += k
		if head := t.seen(); err != nil || bytes.HasSuffix(head, []byte("\n")) && service(head) != "" {
			break
		}
	}
	return t.seen()
}

// closedEarly judges a connection that ended before the remote said a word.
func (w *walk) closedEarly(ctx context.Context, t *tap, err error) *fail.Error {
	if w.viaWebSocket() {
		return w.wsClosed(err)
	}
	return w.ended(ctx, err)
}

// ended asks a port that ends connections without a word what it speaks after all.
func (w *walk) ended(ctx context.Context, err error) *fail.Error {
	e := fail.New(fail.DialClosed, "%s accepted the connection and %s it before a byte", w.who(), how(err)).WithCause(err).WithDetail("how", how(err))
	if w.spot.relay != nil {
		return e.WithHint("look at the remote's log: a limit per address, a connection gater or its resource manager")
	}
	f := w.ask(ctx)
	switch f.service {
	case "websocket", "http", "ssh", "smtp", "redis":
		return w.wrongService(f)
	case "tls":
		e = fail.New(fail.DialWrongService, "%s is a TLS port: it ended our plain connection and answered a TLS ClientHello", w.who()).WithCause(err).
			WithDetail("service", "tls")
		return e.WithHint("if libp2p lives behind it: p2p probe %s", w.spot.with("/tcp/"+w.port()+"/tls/ws", ""))
	}
	if w.spared {
		return w.notAsked(e)
	}
	return e.WithDetail("tls_answered", false).WithDetail("http_answered", false).
		WithHint("neither TLS nor HTTP is answered there: look for a limit per address, a connection gater, the node's resource manager, or a proxy without backend")
}

// notAsked says why there is no evidence of what else the port may speak.
func (w *walk) notAsked(e *fail.Error) *fail.Error {
	return e.WithDetail("not_asked", "pace").
		WithHint("what else the port may speak was not asked, to stay within --pace: probe it alone; else look for a limit per address, a connection gater, the node's resource manager, or a proxy without backend")
}

func (w *walk) closedLater(when string, err error) *fail.Error {
	return fail.New(fail.ConnClosed, "%s %s the connection %s", w.who(), how(err), when).
		WithHint("look at the remote's log: a limit, its resource manager or its connection gater").WithCause(err).WithDetail("how", how(err))
}

// quoted quotes a remote's string for a message, bounded.
func quoted(s string) string { return strconv.Quote(bounded(s, 80)) }

func quotedList(l []string) string {
	var b bytes.Buffer
	for i, s := range l {
		if i == 8 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(s))
	}
	return b.String()
}

// bounded cuts a remote's string to n bytes of valid UTF-8.
func bounded(s string, n int) string { return banner([]byte(s), n) }
