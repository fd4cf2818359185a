package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2p/lib/fail"
)

// walk is the way along one exact address, with everything that it opens.
type walk struct {
	p         *Prober
	spot      *spot
	rep       *Address
	start     time.Time // of the target's probe
	key       crypto.PrivKey
	circuitOf *walk // the circuit that this walk is the hop of, nil for all others

	raw      *tap          // the TCP connection
	conn     net.Conn      // the innermost connection so far
	opened   bool          // the multistream header was already exchanged, by the psk stage
	answered bool          // the remote has sent its header
	remote   peer.ID       // who answered
	remotePK crypto.PubKey // its key
	udp      udpState      // what a walk over QUIC or WebRTC has so far
	muxed    network.MuxedConn
	ready    time.Time     // when the connection was up
	dials    *turn         // its place in the pace of the remote IP
	spared   bool          // a diagnostic dial was left out, because the pace had no room for it
	left     time.Duration // of the target's time, after DNS; 0: no bound
	limited  bool          // a relayed connection with limits
	line     *circuitConn  // the stream through the relay
	flooded  atomic.Bool   // the remote opened streams without end, so we left
	closers  []func()

	identify *Identify
	ping     *Ping
	relay    *Relay
	missing  []string
	warnings []*fail.Error
}

func (p *Prober) newWalk(s *spot, dns *Stage, start time.Time) *walk {
	w := &walk{p: p, spot: s, start: start, key: p.o.Identity}
	if p.o.Timeout > 0 {
		w.left = max(p.o.Timeout-time.Since(start), time.Nanosecond)
	}
	w.rep = &Address{Addr: s.ma.String(), ResolvedFrom: s.from, Transport: s.transport, Stages: []*Stage{}, Offered: noOffer()}
	if dns != nil {
		w.rep.Stages = append(w.rep.Stages, dns)
	}
	return w
}

// run walks the address to its end or to its first failure; what it opened stays open until close.
func (w *walk) run(ctx context.Context) {
	if w.rep.Error != nil {
		return
	}
	release, err := w.turn(ctx)
	if err != nil {
		w.rep.Error = err
		return
	}
	w.onClose(release)
	w.p.under <- struct{}{}
	defer func() { <-w.p.under }()
	ctx, cancel := within(ctx, w.left)
	defer cancel()
	begin := time.Now()
	w.rep.Error = w.steps(ctx)
	w.webrtcWarning()
	w.rep.OK = w.rep.Error == nil
	w.rep.TookMS = ms(time.Since(begin))
}

// turn waits until one more connection to this IP is polite, and asks the guard.
func (w *walk) turn(ctx context.Context) (func(), *fail.Error) {
	if err := w.guard(w.spot.ip); err != nil {
		return nil, err.WithStage("plan")
	}
	t, err := w.p.o.Pacer.wait(ctx, w.spot.ip)
	if err != nil {
		return nil, cut(ctx, "plan", fail.Of(err)).WithStage("plan")
	}
	w.dials = t
	if w.key == nil {
		key, _, err := crypto.GenerateEd25519Key(rand.Reader)
		if err != nil {
			t.end()
			return nil, fail.New(fail.Internal, "make a throw-away key: %w", err)
		}
		w.key = key
	}
	return t.end, nil
}

func (w *walk) guard(ip netip.Addr) *fail.Error {
	if w.p.o.Guard == nil {
		return nil
	}
	return w.p.o.Guard(ip)
}

func (w *walk) steps(ctx context.Context) *fail.Error {
	if err := w.establish(ctx); err != nil {
		return err
	}
	if err := w.alive(ctx); err != nil {
		return err
	}
	return w.protocols(ctx)
}

// establish brings up the multiplexed connection that all transports end in.
func (w *walk) establish(ctx context.Context) *fail.Error {
	switch w.spot.transport {
	case "tcp":
		return first(ctx, w.connect, w.upgrade)
	case "ws":
		return first(ctx, w.connect, w.http, w.upgrade)
	case "wss":
		return first(ctx, w.connect, w.tls, w.http, w.upgrade)
	case "quic-v1":
		return w.quic(ctx)
	case "webtransport":
		return w.webtransport(ctx)
	case "webrtc-direct":
		return w.webrtc(ctx)
	case "p2p-circuit", "webrtc":
		return w.circuit(ctx)
	}
	return fail.New(fail.AddrNoTransport, "the transport %q cannot be probed", w.spot.transport).WithStage("plan")
}

// first runs the steps in order until one fails.
func first(ctx context.Context, steps ...func(context.Context) *fail.Error) *fail.Error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stage runs one step within its limit, times it, and tells the observer.
func (w *walk) stage(ctx context.Context, name string, bound time.Duration, f func(context.Context, *Stage) *fail.Error) *fail.Error {
	s := &Stage{Stage: name, StartMS: ms(time.Since(w.start))}
	if w.circuitOf != nil {
		s.Stage = "relay"
		s.set("stage", name)
	}
	w.observe(*s, false, nil)
	inner, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	begin := time.Now()
	err := f(inner, s)
	s.TookMS, s.OK = ms(time.Since(begin)), err == nil
	if err != nil {
		err = w.cutShort(err)
	}
	if err != nil && over(ctx) {
		err = cut(ctx, name, err)
	}
	if err != nil {
		err = w.ownDials(err.WithStage(name))
	}
	w.rep.Stages = append(w.rep.Stages, s)
	w.observe(*s, true, err)
	return err
}

// over tells that ctx has ended. A socket with its deadline may time out a moment before ctx says so.
func over(ctx context.Context) bool {
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

var errTargetTime = errors.New("the target's time is up")

// within bounds ctx by a target's time; 0 is no bound.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, errTargetTime)
}

// cut says that the target's or the whole command's time, not the stage's, ran out.
func cut(ctx context.Context, stage string, err *fail.Error) *fail.Error {
	e := fail.Of(ctx.Err())
	switch {
	case e.Code == fail.Timeout && errors.Is(context.Cause(ctx), errTargetTime):
		return fail.New(fail.Timeout, "--timeout passed in the stage %s", stage).WithHint("give it longer: --timeout 60s").WithCause(err)
	case e.Code == fail.Timeout:
		return fail.New(fail.Timeout, "the deadline of the whole run passed in the stage %s", stage).WithHint("give it longer, or leave --deadline out").WithCause(err)
	}
	return e.WithHint("it was in the stage %s", stage)
}

// politeDials is how many connections at once a default go-libp2p host takes from one IP.
const politeDials = 8

// ownDials says of a refusal how many connections of ours came before it: they may be its reason.
func (w *walk) ownDials(err *fail.Error) *fail.Error {
	n := w.dials.dials()
	switch err.Code {
	case fail.DialClosed, fail.ConnClosed, fail.ConnResourceLimit, fail.WSClosed, fail.SecurityFailed, fail.MuxerFailed:
	default:
		return err
	}
	if n < 2 {
		return err
	}
	err = err.WithDetail("own_dials", n)
	if n > politeDials {
		err = err.WithHint("%s\nor wait: this prober opened %d connections to %s within two minutes, and a default node admits 16 from one IP, then one every 5 s, 8 at a time", err.Hint, n, w.spot.ip)
	}
	return err
}

func (w *walk) observe(s Stage, done bool, err *fail.Error) {
	rep := w.rep
	if w.circuitOf != nil {
		rep = w.circuitOf.rep
	}
	if w.p.o.Observe != nil {
		w.p.o.Observe(Event{Addr: rep.Addr, Transport: rep.Transport, Stage: s, Done: done, Err: err})
	}
}

func (w *walk) warn(e *fail.Error) { w.warnings = append(w.warnings, e) }

// onClose adds what must be closed at the end of the walk, in reverse order.
func (w *walk) onClose(f func()) { w.closers = append(w.closers, f) }

func (w *walk) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}

// who quotes the place for messages: the remote's address and port. Behind a relay those are not the remote's.
func (w *walk) who() string {
	if w.spot.relay != nil {
		return "the target behind the relay " + w.spot.hostPort()
	}
	return w.spot.hostPort()
}

func (w *walk) port() string { return strconv.Itoa(int(w.spot.port)) }
