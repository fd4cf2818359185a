package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/p2p/net/pnet"

	"p2p/lib/fail"
)

const (
	firstWords = time.Second            // how long the nonce of a private network may take before a plain header is tried
	quietAfter = 250 * time.Millisecond // how long the header may take behind the nonce, at least
	nonceSize  = 24                     // of XSalsa20
	longest    = 16 << 10               // no listener reads a longer multistream-select message
)

// private exchanges nonces and the first message under the swarm key, and decides locally whether the keys agree.
func (w *walk) private(ctx context.Context) *fail.Error {
	return w.stage(ctx, "psk", w.p.o.StageTimeout, func(ctx context.Context, _ *Stage) *fail.Error {
		t := &tap{Conn: w.conn}
		c, err := pnet.NewProtectedConn(w.p.o.PSK, t)
		if err != nil {
			return fail.New(fail.Internal, "use the swarm key: %w", err)
		}
		release := limit(ctx, t)
		_, _ = c.Write(msFrame(msHeader, securityOffer[0])) // what the remote said before it closed is still to be read
		answer := make(chan error, 1)
		go func() { answer <- headerUnder(c) }()
		early, err := w.decide(ctx, t, answer)
		if early != nil {
			_ = t.SetDeadline(time.Unix(1, 0))
			<-answer
		}
		release()
		switch {
		case early != nil:
			return early
		case err != nil:
			return w.pskError(ctx, t, err)
		}
		w.conn, w.opened, w.answered = c, true, true
		return nil
	})
}

// decide waits for the header. Where it does not come, other connections settle within a second or so
// what this one would learn only from a timeout: js and rust wait for the rest of a message whose
// length, under another key, is noise; and a node without any key may do the same with our nonce.
func (w *walk) decide(ctx context.Context, t *tap, answer <-chan error) (*fail.Error, error) {
	for i, d := range []time.Duration{w.quiet(), firstWords, firstWords} { // one provocation may settle nothing: its noise can be a message that waits for more
		select {
		case err := <-answer:
			return nil, err
		case <-time.After(d):
		}
		head := t.seen()
		switch {
		case len(head) >= nonceSize && opaque(head):
			if w.otherKey(ctx) && len(answer) == 0 {
				return w.mismatchedKey(nil), nil
			}
		case len(head) == 0 && i == 1 && w.answersPlain(ctx):
			return w.notPrivate(), nil
		}
	}
	return nil, <-answer
}

// quiet is longer where the way is: the header follows the nonce by less than a round trip.
func (w *walk) quiet() time.Duration {
	for _, s := range w.rep.Stages {
		if s.Stage == "connect" {
			return max(quietAfter, 3*time.Duration(s.TookMS*float64(time.Millisecond)))
		}
	}
	return firstWords
}

// otherKey provokes the node on a second connection with more noise than a message may have: one with
// our key has answered the header before, any other drops the connection.
func (w *walk) otherKey(ctx context.Context) bool {
	conn, done, ok := w.redial(ctx)
	if !ok {
		return false
	}
	defer done()
	c, err := pnet.NewProtectedConn(w.p.o.PSK, conn)
	if err != nil {
		return false
	}
	if _, err := c.Write(msFrame(msHeader)); err != nil {
		return false
	}
	answer := make(chan error, 1)
	go func() { answer <- headerUnder(c) }()
	select {
	case err := <-answer:
		return err != nil && !isTimeout(err)
	case <-time.After(w.quiet()):
	}
	noise := make([]byte, longest)
	_, _ = rand.Read(noise)
	_, _ = c.Write(noise)
	err = <-answer
	return err != nil && !isTimeout(err)
}

// answersPlain dials the same transport once more and tells whether multistream-select is spoken there without a key.
func (w *walk) answersPlain(ctx context.Context) bool {
	c, done, ok := w.redial(ctx)
	if !ok {
		return false
	}
	defer done()
	return msOpen(c, "/noise") == nil
}

// redial opens one more connection to the walk's place, up to where libp2p begins.
func (w *walk) redial(ctx context.Context) (net.Conn, func(), bool) {
	if w.spot.relay != nil {
		return nil, nil, false
	}
	raw, closeRaw, ok := w.again(ctx)
	if !ok || w.rep.Transport == "tcp" {
		return raw, closeRaw, ok
	}
	c := raw
	if w.rep.Transport == "wss" {
		c = tls.Client(raw, &tls.Config{InsecureSkipVerify: true, ServerName: w.spot.host, NextProtos: []string{"http/1.1"}}) //nolint:gosec // evidence only, the tls stage has judged the certificate
	}
	bounded, cancel := context.WithTimeout(ctx, 2*time.Second)
	ws, _, err := w.websocket(bounded, c)
	if err != nil {
		cancel()
		closeRaw()
		return nil, nil, false
	}
	release := limit(bounded, ws) // the dialer has taken the deadline off
	return ws, func() { release(); cancel(); closeRaw() }, true
}

var errOtherKey = errors.New("the first bytes are no multistream header under this key")

// headerUnder reads the header of the remote through the swarm key. Its first 20 bytes decide: under
// another key they are noise, and nothing more needs to be waited for.
func headerUnder(c io.Reader) error {
	want := msFrame(msHeader)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errOtherKey
	}
	return nil
}

func (w *walk) pskError(ctx context.Context, t *tap, err error) *fail.Error {
	head := t.seen()
	switch s := service(head); {
	case s == "libp2p":
		return w.notPrivate()
	case s != "" || len(head) > 0 && !opaque(head):
		return w.wrongService(finding{service: s, banner: banner(head, 80)})
	case len(head) >= nonceSize:
		return w.mismatchedKey(err)
	case isTimeout(err):
		return fail.New(fail.DialSilent, "%s sent %d bytes in answer to our 24-byte nonce and encrypted header", w.who(), len(head)).
			WithHint("check that the port is the node's libp2p port").WithCause(err)
	case len(head) == 0 && isClosed(err) && w.answersPlain(ctx):
		return w.notPrivate()
	}
	return w.closedEarly(ctx, t, err)
}

func (w *walk) mismatchedKey(err error) *fail.Error {
	text := "%s is in a private network with another swarm key"
	if isTimeout(err) {
		text += ", or it hangs: it sent a nonce and nothing behind it"
	}
	return fail.New(fail.PnetMismatch, text, w.who()).
		WithHint("compare the fingerprints of both swarm keys: p2p swarmkey inspect swarm.key").WithCause(err)
}

func (w *walk) notPrivate() *fail.Error {
	return fail.New(fail.PnetNotPrivate, "%s is not in a private network: it answers in the clear", w.who()).
		WithHint("leave --swarm-key out, or start the node with the swarm key")
}
