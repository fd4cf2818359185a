package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	"google.golang.org/protobuf/proto"

	"p2p/lib/fail"
)

// The protocols of circuit relays (libp2p specs, relay).
const (
	hopID       = "/libp2p/circuit/relay/0.2.0/hop"
	hopV1ID     = "/libp2p/circuit/relay/0.1.0"
	signalingID = "/webrtc-signaling/0.0.1"

	maxHopAnswer = 4096 // bytes, as in the specs
)

// errHopAnswer marks an answer at the hop protocol that the specs do not know.
var errHopAnswer = errors.New("not an answer of the hop protocol")

// circuit walks to the relay, lets it connect to the target, and upgrades the stream as if it were a TCP connection.
func (w *walk) circuit(ctx context.Context) *fail.Error {
	h := w.newHop()
	w.onClose(h.close)
	w.relay = &Relay{PeerID: w.spot.relay.peer.String(), Addr: w.spot.relay.ma.String()}
	err := h.establish(ctx)
	w.rep.Stages = append(w.rep.Stages, h.rep.Stages...)
	w.warnings = append(w.warnings, h.warnings...)
	if err != nil {
		return w.hopFailed(err)
	}
	w.relay.PeerID = h.remote.String()
	h.serve()
	if err := w.connectHop(ctx, h); err != nil {
		return err
	}
	return w.upgrade(ctx)
}

// newHop is the walk to the relay: a walk of its own, so that its faults are named as those of any address.
func (w *walk) newHop() *walk {
	s := w.spot.relay
	h := &walk{p: w.p, spot: s, start: w.start, key: w.key, dials: w.dials, circuitOf: w}
	h.rep = &Address{Addr: s.ma.String(), Transport: s.transport, Stages: []*Stage{}, Offered: noOffer()}
	return h
}

// hopFailed says that the relay itself cannot be used, with its own code as the cause.
func (w *walk) hopFailed(err *fail.Error) *fail.Error {
	if c := *err; err.Kind() == fail.KindTimeout || err.Kind() == fail.KindInterrupted {
		c.Stage = "relay"
		return &c
	}
	e := fail.New(fail.RelayUnreachable, "the relay cannot be used: %s", err.Message).WithCause(err)
	e.Cause, e.Hint = string(err.Code), err.Hint
	for k, v := range err.Detail {
		e = e.WithDetail(k, v)
	}
	if fixed, ok := err.Detail["repaired"].(string); ok {
		whole := fixed + w.behindRelay()
		e = e.WithDetail("repaired", whole)
		e.Hint = strings.ReplaceAll(err.Hint, fixed, whole)
	}
	return e.WithDetail("relay_code", string(err.Code)).WithDetail("relay_stage", err.Stage).WithStage("relay")
}

// behindRelay returns the address from /p2p-circuit on.
func (w *walk) behindRelay() string {
	text := w.spot.ma.String()
	return text[strings.Index(text, "/p2p-circuit"):]
}

// connectHop asks the relay for the circuit by hand: the library folds the status into a text.
func (w *walk) connectHop(ctx context.Context, h *walk) *fail.Error {
	return w.stage(ctx, "relay", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		s.set("stage", "hop")
		pulse := h.pulse(ctx)
		line, answer, err := w.askHop(ctx, h)
		alive := pulse()
		if err != nil {
			return w.hopError(h, err, alive)
		}
		status := answer.GetStatus()
		s.set("status", statusName(status))
		s.set("status_code", int(status))
		if status != pb.Status_OK {
			_ = line.Reset()
			return w.hopStatus(status)
		}
		w.line = &circuitConn{MuxedStream: line, hop: h, since: time.Now()}
		w.conn = w.line
		w.onClose(func() { _ = w.line.Close() })
		w.noteLimit(answer.GetLimit())
		return nil
	})
}

// askHop proposes the hop protocol, sends CONNECT, and reads the answer byte-exactly: what follows is the target's.
func (w *walk) askHop(ctx context.Context, h *walk) (network.MuxedStream, *pb.HopMessage, error) {
	line, err := h.muxed.OpenStream(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer limit(ctx, line)()
	answer, err := w.converse(line)
	if err != nil {
		_ = line.Reset()
		return nil, nil, err
	}
	return line, answer, nil
}

func (w *walk) converse(line network.MuxedStream) (*pb.HopMessage, error) {
	chosen, err := msSelect(line, hopID, hopV1ID)
	switch {
	case err != nil:
		return nil, err
	case chosen == "":
		return nil, fail.New(fail.RelayNotARelay, "the relay %s is alive but does not relay: it does not speak %s", w.spot.hostPort(), hopID).
			WithHint("its relay service is off, or the relay believes that it is private: enable the service there, and with go-libp2p force its reachability to public")
	case chosen == hopV1ID:
		return nil, fail.New(fail.RelayV1Only, "the relay %s speaks only the first version of the relay protocol, %s", w.spot.hostPort(), hopV1ID).
			WithHint("update the relay: go-libp2p since v0.26 and js-libp2p since v0.43 dial %s only", hopID)
	}
	ask := &pb.HopMessage{Type: pb.HopMessage_CONNECT.Enum(), Peer: &pb.Peer{Id: []byte(w.spot.peer)}}
	b, err := proto.Marshal(ask)
	if err != nil {
		return nil, err
	}
	if _, err := line.Write(append(uvarint(len(b)), b...)); err != nil {
		return nil, err
	}
	return readHop(line)
}

// readHop reads one answer of the hop protocol, and not a byte behind it.
func readHop(r io.Reader) (*pb.HopMessage, error) {
	n, err := readUvarint(r)
	switch {
	case errors.Is(err, errMultistream), err == nil && n > maxHopAnswer:
		return nil, fmt.Errorf("%w: a length of more than %d bytes", errHopAnswer, maxHopAnswer)
	case err != nil:
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	m := &pb.HopMessage{}
	if err := proto.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%w: %w", errHopAnswer, err)
	}
	if m.GetType() != pb.HopMessage_STATUS || m.Status == nil {
		return nil, fmt.Errorf("%w: it holds no status", errHopAnswer)
	}
	return m, nil
}

// pulse pings the relay when half of the stage has passed without an answer: a relay that is alive waits for
// the target. The returned function says whether it answered; nil: it was not asked.
func (w *walk) pulse(ctx context.Context) func() *bool {
	end, _ := ctx.Deadline()
	answered := make(chan bool, 1)
	t := time.AfterFunc(time.Until(end)/2, func() {
		s, done, err := w.open(ctx, pingID)
		if err == nil {
			_, err = once(s)
			done()
		}
		answered <- err == nil || errors.Is(err, errNotSpoken)
	})
	return func() *bool {
		if t.Stop() {
			return nil
		}
		b := <-answered
		return &b
	}
}

func (w *walk) noteLimit(l *pb.Limit) {
	if l == nil {
		return
	}
	w.limited, w.relay.Limited = true, true
	w.line.data, w.line.span = l.GetData(), time.Duration(l.GetDuration())*time.Second
	w.relay.LimitDataByte, w.relay.LimitMS = w.line.data, ms(w.line.span)
	data, span := "no limit of data", "none of time"
	if w.line.data > 0 {
		data = fmt.Sprintf("%d bytes each way", w.line.data)
	}
	if w.line.span > 0 {
		span = w.line.span.String()
	}
	w.warn(fail.New(fail.RelayLimited, "the connection through the relay %s is a limited one: %s, %s", w.spot.hostPort(), data, span).
		WithHint("enough to set up a direct connection: give the target a public port, or let both ends punch holes (DCUtR)").
		WithDetail("limit_data_bytes", w.line.data).WithDetail("limit_duration_ms", w.relay.LimitMS))
}

// webrtcWarning says how far a /webrtc address was tried, with what the remote was seen to speak.
func (w *walk) webrtcWarning() {
	if w.spot.transport != "webrtc" {
		return
	}
	e := fail.New(fail.AddrWebRTCViaRelay, "address %q: the circuit is probed; WebRTC itself is negotiated over it (ICE) and is not tried", w.rep.Addr).
		WithHint("good means that signalling works: whether the two browsers then find a direct path depends on their networks")
	if w.identify != nil {
		e = e.WithDetail("signaling", contains(w.identify.Protocols, signalingID))
	}
	w.warn(e)
}

// wanted are the protocols to ask for. A /webrtc address is of use only to those who can signal over the circuit.
func (w *walk) wanted() []string {
	want := w.p.o.Want[:min(len(w.p.o.Want), maxWant)]
	if w.spot.transport == "webrtc" && !contains(want, signalingID) {
		want = append(want[:len(want):len(want)], signalingID)
	}
	return want
}
