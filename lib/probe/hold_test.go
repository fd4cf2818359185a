package probe_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

func TestHold(t *testing.T) {
	h := faulttest.Host(t)
	held, r := probe.New(quick()).Hold(context.Background(), faulttest.Addr(t, h, ma.P_TCP))
	if held == nil {
		t.Fatalf("%+v", r.Error)
	}
	defer held.Close()
	for range 3 {
		if took, err := held.Ping(context.Background()); err != nil || took <= 0 {
			t.Fatalf("%v %v", took, err)
		}
	}
	if n := len(h.Network().Conns()); n != 1 {
		t.Errorf("%d connections", n)
	}
	_ = h.Close()
	if _, err := held.Ping(context.Background()); err == nil || err.Code != fail.ConnClosed {
		t.Errorf("a ping of a closed host: %v", err)
	}
	if !held.Lost() {
		t.Error("the connection is not lost")
	}
}

// A remote that does not speak ping is still measured.
func TestHoldWithoutPing(t *testing.T) {
	h := faulttest.Host(t, libp2p.Ping(false))
	held, r := probe.New(quick()).Hold(context.Background(), faulttest.Addr(t, h, ma.P_TCP))
	if held == nil {
		t.Fatalf("%+v", r.Error)
	}
	defer held.Close()
	if took, err := held.Ping(context.Background()); err != nil || took <= 0 {
		t.Errorf("%v %v", took, err)
	}
}

func TestHoldNothing(t *testing.T) {
	held, r := probe.New(quick()).Hold(context.Background(), faulttest.ClosedPort(t))
	if held != nil || r.Error == nil || r.Error.Code != fail.DialRefused {
		t.Errorf("%v %+v", held, r.Error)
	}
}

// A watch counts, sees the loss, and dials again.
func TestWatch(t *testing.T) {
	h := faulttest.Host(t)
	addr := faulttest.Addr(t, h, ma.P_TCP)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var mu sync.Mutex
	events := map[string]int{}
	last := probe.New(quick()).Watch(ctx, addr, 20*time.Millisecond, func(typ string, _ any) {
		mu.Lock()
		defer mu.Unlock()
		events[typ]++
	}, func(v probe.Vigil) {
		switch {
		case v.Sent-v.Lost == 3 && v.OK:
			_ = h.Close()
		case v.Lost == 3:
			stop()
		}
	})
	if last.OK || last.Drops != 1 || last.Lost < 3 || last.Dials < 3 || last.Error == nil || last.MinMS <= 0 || last.MaxMS < last.AvgMS || last.AvgMS < last.MinMS {
		t.Errorf("%+v", last)
	}
	if events["ping"] != last.Sent || events["dial"] != last.Dials {
		t.Errorf("%v of %+v", events, last)
	}
}
