package probe

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"p2p/lib/fail"
)

// Held is a connection that a good probe left open. It keeps its place in the pace of its remote IP.
type Held struct{ w *walk }

// Hold probes a target as Probe does and keeps the first good connection. Held is nil where there is none.
func (p *Prober) Hold(ctx context.Context, target string) (*Held, *Report) {
	var kept atomic.Pointer[walk]
	r := p.probe(ctx, target, func(w *walk) {
		// The others end at once: their place in the pace of the remote IP may be waited for.
		if !w.rep.OK || !kept.CompareAndSwap(nil, w) {
			w.close()
		}
	})
	if w := kept.Load(); w != nil {
		return &Held{w}, r
	}
	return nil, r
}

// Addr returns the exact address of the connection.
func (h *Held) Addr() string { return h.w.rep.Addr }

// Lost tells that the connection is over.
func (h *Held) Lost() bool { return h.w.muxed.IsClosed() }

// Ping measures one round trip, at most Options.StageTimeout long. A remote that does not speak ping
// is measured by its answer that it does not.
func (h *Held) Ping(ctx context.Context) (time.Duration, *fail.Error) {
	inner, cancel := context.WithTimeout(ctx, h.w.p.o.StageTimeout)
	defer cancel()
	begin := time.Now()
	s, done, err := h.w.open(inner, pingID)
	if errors.Is(err, errNotSpoken) {
		return time.Since(begin), nil
	}
	var took time.Duration
	if err == nil {
		took, err = once(s)
		done()
	}
	switch {
	case err == nil:
		return took, nil
	case over(ctx):
		return 0, fail.Of(ctx.Err())
	case h.Lost() || closedByRemote(err):
		return 0, h.w.cutShort(h.w.connClosed(err)).WithStage("alive")
	}
	return 0, fail.New(fail.IdentifyFailed, "%s is connected, but a ping is %s", h.w.who(), outcome(err)).WithStage("alive").
		WithHint("the node or the path to it hangs; look at its load, or at what changed on the path").WithCause(err)
}

// Close ends the connection.
func (h *Held) Close() { h.w.close() }
