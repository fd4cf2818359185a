package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"p2p/lib/fail"
)

// The two protocols that show a connection to be alive (libp2p specs, identify and ping).
const (
	identifyID = "/ipfs/id/1.0.0"
	pingID     = "/ipfs/ping/1.0.0"
	pingSize   = 32 // bytes
)

// errNotSpoken: the remote answered that it does not speak the protocol, which also shows it to be alive.
var errNotSpoken = errors.New("protocol not spoken")

// errGarbage marks an answer that is not what the protocol says.
var errGarbage = errors.New("garbage")

// alive ends every walk: a connection counts only when the remote answers on it.
func (w *walk) alive(ctx context.Context) *fail.Error {
	w.serve()
	return w.stage(ctx, "alive", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		watched := w.watchPath(ctx, true)
		pinged := make(chan error, 1)
		go func() { pinged <- w.echo(ctx) }()
		identified := w.readIdentify(ctx)
		echoed := <-pinged
		s.set("identify", outcome(identified))
		s.set("ping", outcome(echoed))
		if e := w.vanished(watched(), "what follows the handshake", identified); e != nil && isTimeout(identified) && isTimeout(echoed) {
			return e
		}
		return w.aliveVerdict(identified, echoed)
	})
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errNotSpoken):
		return "not_spoken"
	case isTimeout(err):
		return "silent"
	case errors.Is(err, errGarbage):
		return "garbage"
	}
	return "failed"
}

func (w *walk) aliveVerdict(identified, echoed error) *fail.Error {
	bad := func(err error) bool { return err != nil && !errors.Is(err, errNotSpoken) }
	if !bad(identified) && !bad(echoed) {
		w.notSpoken("identify", identified)
		w.notSpoken("ping", echoed)
		return nil
	}
	err := identified
	if !bad(err) {
		err = echoed
	}
	if w.muxed.IsClosed() || closedByRemote(err) {
		return w.connClosed(err)
	}
	say := "identify: " + outcome(identified) + ", ping: " + outcome(echoed)
	return fail.New(fail.IdentifyFailed, "%s is connected but not healthy: %s", w.who(), say).
		WithHint("the node hangs or breaks the protocol; look at its load, its log and its version").WithCause(err)
}

func (w *walk) notSpoken(what string, err error) {
	if errors.Is(err, errNotSpoken) {
		w.warn(fail.New(fail.IdentifyFailed, "%s is alive, but does not speak %s", w.who(), what).
			WithHint("other libp2p nodes expect it: enable %s on the node", what))
	}
}

// closedByRemote tells the end of the whole connection from the end of one stream.
func closedByRemote(err error) bool {
	var ce *network.ConnError
	return errors.As(err, &ce) || errors.Is(err, io.ErrClosedPipe) || rtcClosed(err)
}

// open starts one protocol on a stream of its own.
func (w *walk) open(ctx context.Context, id string) (network.MuxedStream, func(), error) {
	s, err := w.muxed.OpenStream(ctx)
	if err != nil {
		return nil, nil, err
	}
	release := limit(ctx, s)
	done := func() { release(); _ = s.Reset() }
	chosen, err := msSelect(s, id)
	switch {
	case err == nil && chosen == "":
		err = errNotSpoken
	case errors.Is(err, errMultistream):
		err = errors.Join(errGarbage, err)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return s, done, nil
}

// echo sends the pings and times them; it fails when none comes back.
func (w *walk) echo(ctx context.Context) error {
	n := w.p.o.Pings
	if n <= 0 {
		n = 1
	}
	s, done, err := w.open(ctx, pingID)
	if err != nil {
		return err
	}
	defer done()
	p := &Ping{}
	sum := 0.0
	for p.Sent < n {
		p.Sent++
		var took time.Duration
		if took, err = once(s); err != nil {
			p.Lost++
			break
		}
		t := ms(took)
		sum += t
		if p.Sent == 1 || t < p.MinMS {
			p.MinMS = t
		}
		p.MaxMS = max(p.MaxMS, t)
	}
	if ok := p.Sent - p.Lost; ok > 0 {
		p.AvgMS = sum / float64(ok)
		w.ping = p
		return nil
	}
	return err
}

func once(s io.ReadWriter) (time.Duration, error) {
	var out, in [pingSize]byte
	if _, err := rand.Read(out[:]); err != nil {
		return 0, err
	}
	begin := time.Now()
	if _, err := s.Write(out[:]); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(s, in[:]); err != nil {
		return 0, err
	}
	if !bytes.Equal(out[:], in[:]) {
		return 0, errGarbage
	}
	return time.Since(begin), nil
}
