package probe

import (
	"errors"
	"fmt"
	"strconv"

	pb "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"

	"p2p/lib/fail"
)

func statusName(s pb.Status) string {
	if name, ok := pb.Status_name[int32(s)]; ok {
		return name
	}
	return strconv.Itoa(int(s))
}

// hopStatus turns the relay's no into its cause. Statuses that stand for several causes name them all.
func (w *walk) hopStatus(status pb.Status) *fail.Error {
	relay, target := w.spot.hostPort(), w.spot.peer
	e := func(code fail.Code, format string, args ...any) *fail.Error {
		return fail.New(code, "the relay "+relay+" answered %s (%d): "+format, append([]any{statusName(status), int(status)}, args...)...).
			WithDetail("status", statusName(status)).WithDetail("status_code", int(status))
	}
	switch status {
	case pb.Status_NO_RESERVATION:
		return e(fail.RelayNoReservation, "%s has no reservation there, so it is not connected to this relay now", target).
			WithHint("look at the target: is it up, which relays does it use now? Its current addresses are in its identify or the DHT")
	case pb.Status_PERMISSION_DENIED:
		return e(fail.RelayDenied, "it does not let us connect to %s", target).
			WithHint("the relay's access list denies it, or the relay is shutting down, or it takes our connection for one over a relay; its log says which. An allowed key is given with --identity")
	case pb.Status_RESERVATION_REFUSED:
		return e(fail.RelayFull, "it has no room for reservations").
			WithHint("the relay's limit of reservations in all, per IP address or per network (ASN) is reached, which look alike: raise it there or use another relay")
	case pb.Status_RESOURCE_LIMIT_EXCEEDED:
		return e(fail.RelayFull, "a limit is reached").
			WithHint("too many circuits from us or to the target (go-libp2p allows 16 for each), or the relay's memory limit: come back later, raise MaxCircuits, or use another relay")
	case pb.Status_CONNECTION_FAILED:
		return e(fail.RelayTargetUnreachable, "%s has a reservation but did not take the circuit", target).
			WithHint("the target is gone without notice, or it refused: restart or update it, and look at its log")
	case pb.Status_MALFORMED_MESSAGE, pb.Status_UNEXPECTED_MESSAGE:
		return e(fail.RelayFailed, "it did not understand our request").
			WithHint("the relay does not follow the circuit v2 specification: look at its version")
	}
	return e(fail.RelayFailed, "a status that the protocol does not know").
		WithHint("the relay does not follow the circuit v2 specification: look at its version")
}

// hopError judges a hop that gave no status. alive tells whether the relay answered a ping meanwhile.
func (w *walk) hopError(h *walk, err error, alive *bool) *fail.Error {
	if known := (*fail.Error)(nil); errors.As(err, &known) {
		return known
	}
	relay := w.spot.hostPort()
	switch {
	case isTimeout(err):
		return w.hopSilent(relay, err, alive)
	case errors.Is(err, errHopAnswer), errors.Is(err, errMultistream):
		return fail.New(fail.RelayFailed, "the relay %s answers garbage at the hop protocol", relay).
			WithHint("the relay does not follow the circuit v2 specification: look at its version").WithCause(err)
	case h.muxed.IsClosed(), closedByRemote(err):
		return w.hopFailed(h.connClosed(err))
	}
	return fail.New(fail.RelayFailed, "the relay %s ended the stream (%s) when it was asked for the circuit", relay, how(err)).
		WithHint("the relay is at a limit of streams or memory, or shutting down: look at its log, or use another relay").WithCause(err)
}

func (w *walk) hopSilent(relay string, err error, alive *bool) *fail.Error {
	e := fail.New(fail.RelayFailed, "the relay %s took our request for the circuit and gave no answer", relay).WithCause(err)
	if alive == nil {
		return e.WithHint("the relay hangs, or waits for the target: probe again with --stage-timeout 60s")
	}
	e = e.WithDetail("relay_alive", *alive)
	if *alive {
		e.Message += fmt.Sprintf("; it answers pings, so it waits for %s, which is gone without notice, or its relay service hangs", w.spot.peer)
		return e.WithHint("a relay gives up on a dead target after 30 s or more: --stage-timeout 100s shows its verdict; look at the target first")
	}
	e.Message += "; it does not answer pings any more"
	return e.WithHint("the relay hangs: restart it, or use another relay")
}
