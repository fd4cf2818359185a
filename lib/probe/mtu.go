package probe

import (
	"context"
	"sync"
	"time"

	"p2p/lib/fail"
)

// path is what the kernel knows of the packets of a connection.
type path struct {
	waits bool // something of ours is not acknowledged
	lost  bool // it was sent again, and again in vain
	gap   bool // something came that stands behind what never comes
	small bool // small packets pass
}

// smallWords is the head of a TLS record: no server answers it before the rest has come.
const smallWords = "\x16\x03\x01\x02\x00"

// watchPath looks at the TCP connection while a stage waits, because the handshakes close it when their
// time is up. small says that small packets were already seen to pass; else half of the time without
// an acknowledgement is reason enough to ask by one more connection.
func (w *walk) watchPath(ctx context.Context, small bool) (stop func() path) {
	if w.raw == nil {
		return func() path { return path{} }
	}
	d, _ := ctx.Deadline()
	every := max(time.Until(d)/10, time.Millisecond)
	ctx, cancel := context.WithCancel(ctx)
	last := path{small: small}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		asked := small
		for n := 1; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if now, ok := pathOf(w.raw.Conn); ok {
				now.small = last.small
				last = now
			}
			if n >= 5 && last.lost && !asked {
				asked = true
				last.small = w.smallPasses(ctx)
			}
		}
	})
	return func() path {
		cancel()
		wg.Wait()
		return last
	}
}

// smallPasses tells whether a few bytes on a connection of their own are acknowledged.
func (w *walk) smallPasses(ctx context.Context) bool {
	c, done, ok := w.again(ctx)
	if !ok {
		return false
	}
	defer done()
	if _, err := c.Write([]byte(smallWords)); err != nil {
		return false
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second / 2))
	var b [1]byte
	n, err := c.Read(b[:])
	if n > 0 || isClosed(err) {
		return true
	}
	p, ok := pathOf(c)
	return ok && !p.waits
}

// vanished explains a silence by the path: nil where there is no evidence of that.
func (w *walk) vanished(p path, what string, err error) *fail.Error {
	e := fail.New(fail.DialMTU, "%s is reached by small packets, but %s is sent again and again and never acknowledged: large packets vanish on the way", w.who(), what)
	switch {
	case p.lost && p.small:
		e = e.WithDetail("direction", "to_peer")
	case p.gap:
		e = fail.New(fail.DialMTU, "the large packets of %s never arrive, only smaller ones behind them: large packets vanish on the way", w.who()).
			WithDetail("direction", "from_peer")
	default:
		return nil
	}
	return e.WithCause(err).WithHint("find the size that passes: ping -M do -s 1400 %s; then lower the MTU of the interface, or clamp the MSS on the path (VPN, PPPoE, tunnel): nft add rule … tcp option maxseg size set rt mtu",
		w.spot.ip.WithZone(""))
}
