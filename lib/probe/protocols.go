package probe

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p-kad-dht/amino"

	"p2p/lib/fail"
)

const maxWant = 64 // protocols that one probe asks for

// protocols asks for every wanted protocol on a stream of its own.
func (w *walk) protocols(ctx context.Context) *fail.Error {
	wanted := w.wanted()
	if len(wanted) == 0 {
		return nil
	}
	return w.stage(ctx, "protocol", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		var spoken []string
		for _, want := range wanted {
			_, done, err := w.open(ctx, want)
			switch {
			case err == nil:
				done()
				spoken = append(spoken, want)
			case errors.Is(err, errNotSpoken):
				w.missing = append(w.missing, want)
			case w.muxed.IsClosed() || closedByRemote(err):
				return w.connClosed(err)
			default:
				return fail.New(fail.IdentifyFailed, "%s broke off when it was asked for %q", w.who(), want).
					WithHint("the node hangs or breaks the protocol; look at its load and its log").WithCause(err)
			}
		}
		s.set("spoken", append([]string{}, spoken...))
		if len(w.missing) == 0 {
			return nil
		}
		return w.unsupported()
	})
}

func (w *walk) unsupported() *fail.Error {
	e := fail.New(fail.ProtocolUnsupported, "%s does not speak %s", w.who(), quotedList(w.missing))
	var have []string
	if w.identify != nil {
		have = w.identify.Protocols
	}
	e = e.WithDetail("missing", slices.Clone(w.missing)).WithDetail("spoken", append([]string{}, have...))
	if w.missing[0] == signalingID {
		return e.WithHint("browsers need it to go from the circuit to WebRTC: let the node listen on /webrtc, or take this address out of its announcements")
	}
	if !strings.HasSuffix(w.missing[0], "/kad/1.0.0") {
		return e.WithHint("enable the protocol on the node; what it speaks: %s", orNone(have))
	}
	if i := slices.IndexFunc(have, func(p string) bool { return strings.HasSuffix(p, "/kad/1.0.0") }); i >= 0 {
		return e.WithHint("it is a server of another DHT, %s: use its prefix", quoted(have[i]))
	}
	return e.WithHint("it is a DHT client, or runs no DHT: start it in server mode, reachable from outside")
}

// role tells what a peer does by what it speaks.
type role struct {
	name string
	is   func(protocol string) bool
}

func is(ids ...string) func(string) bool {
	return func(p string) bool { return slices.Contains(ids, p) }
}

func roleTable() []role {
	return []role{
		{"dht_server", func(p string) bool {
			return p == string(amino.ProtocolID) || strings.HasSuffix(p, "/kad/1.0.0") && !strings.Contains(p, "/lan/")
		}},
		{"lan_dht_server", func(p string) bool { return strings.HasSuffix(p, "/lan/kad/1.0.0") }},
		{"relay", is(hopID)},
		{"relay_v1", is(hopV1ID)},
		{"autonat", is("/libp2p/autonat/1.0.0")},
		{"autonat_v2", is("/libp2p/autonat/2/dial-request")},
		{"hole_punching", is("/libp2p/dcutr")},
		{"rendezvous", is("/rendezvous/1.0.0")},
		{"pubsub", func(p string) bool { return strings.HasPrefix(p, "/meshsub/") || strings.HasPrefix(p, "/floodsub/") }},
		{"bitswap", func(p string) bool { return strings.HasPrefix(p, "/ipfs/bitswap") }},
		{"webrtc_signaling", is("/webrtc-signaling/0.0.1")},
		{"perf", is("/perf/1.0.0")},
		{"http", is("/http/1.1")},
	}
}

// roles returns the names of what the peer does, in the table's order.
func roles(protocols []string) []string {
	names := []string{}
	for _, r := range roleTable() {
		if slices.ContainsFunc(protocols, r.is) {
			names = append(names, r.name)
		}
	}
	return names
}
