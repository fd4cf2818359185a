package probe

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	ma "github.com/multiformats/go-multiaddr"
)

var paced = netip.MustParseAddr("11.0.0.10")

// far is a default go-libp2p host as its resource manager sees us; it must run in a synctest bubble.
type far struct {
	t       *testing.T
	rm      network.ResourceManager
	mu      sync.Mutex
	refused int
}

func newFar(t *testing.T) *far {
	rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.DefaultLimits.AutoScale()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rm.Close() })
	return &far{t: t, rm: rm}
}

// accept is one connection from us that lives for d.
func (f *far) accept(d time.Duration) {
	s, err := f.rm.OpenConnection(network.DirInbound, true, ma.StringCast("/ip4/11.0.0.20/tcp/1234"))
	if err != nil {
		f.mu.Lock()
		f.refused++
		f.mu.Unlock()
		return
	}
	<-time.After(d) // the fake clock of synctest
	s.Done()
}

// dialAll walks n times, each connection living for d, every third followed by a diagnostic dial.
func dialAll(t *testing.T, p *Pacer, f *far, n int, d time.Duration) (diagnostic int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		wg.Go(func() {
			turn, err := p.wait(t.Context(), paced)
			if err != nil {
				t.Error(err)
				return
			}
			f.accept(d)
			if i%3 == 0 {
				if end, ok := turn.again(); ok {
					mu.Lock()
					diagnostic++
					mu.Unlock()
					f.accept(d)
					end()
				}
			}
			turn.end()
		})
	}
	wg.Wait()
	return diagnostic
}

// The limits of a default go-libp2p host are real here, and only the clock is not.
func TestPaceIsBelowADefaultHost(t *testing.T) {
	for name, d := range map[string]time.Duration{"fast": 50 * time.Millisecond, "slow": 12 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f, begin := newFar(t), time.Now()
			dialAll(t, NewPacer(), f, 40, d)
			if took := time.Since(begin); f.refused > 0 || took < 32*5*time.Second || took > 5*time.Minute {
				t.Errorf("%s: %d of 40 refused in %s", name, f.refused, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f, p := newFar(t), &Pacer{}
		dialAll(t, p, f, 40, 50*time.Millisecond)
		if f.refused < 20 {
			t.Errorf("without a pace only %d of 40 are refused", f.refused)
		}
	})
}

// Diagnostic dials wait for nobody, take places of the same bucket, and go without where it is empty.
func TestDiagnosticDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, begin := newFar(t), time.Now()
		if n := dialAll(t, NewPacer(), f, 3, time.Second); n != 1 || f.refused > 0 || time.Since(begin) != 2*time.Second {
			t.Errorf("%d diagnostic dials beside 3, %d refused, %s", n, f.refused, time.Since(begin))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		var turns []*turn
		for range 7 {
			turn, err := p.wait(t.Context(), paced)
			if err != nil {
				t.Fatal(err)
			}
			turns = append(turns, turn)
		}
		end, ok := turns[0].again()
		if !ok {
			t.Fatal("the eighth place is not given")
		}
		if _, ok := turns[1].again(); ok {
			t.Error("a ninth connection at once")
		}
		end()
		<-time.After(2 * linger)
		if _, ok := turns[1].again(); ok {
			t.Error("a ninth connection of a burst of eight")
		}
		if n := turns[0].dials(); n != 8 {
			t.Errorf("%d dials are counted, 8 were made", n)
		}
		<-time.After(5 * time.Second)
		if end, ok := turns[1].again(); !ok {
			t.Error("no place after five seconds")
		} else {
			end()
		}
		<-time.After(memory + time.Second)
		if n := turns[0].dials(); n != 0 {
			t.Errorf("%d dials are remembered after two minutes", n)
		}
	})
}

// Who gives up waiting gives the place back, or a caller with a short time would push all others out.
func TestPaceGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		for range 8 {
			turn, err := p.wait(t.Context(), paced)
			if err != nil {
				t.Fatal(err)
			}
			turn.end()
		}
		<-time.After(2 * linger)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if _, err := p.wait(ctx, paced); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		begin := time.Now()
		turn, err := p.wait(t.Context(), paced)
		if err != nil || time.Since(begin) > 5*time.Second {
			t.Fatalf("after %s: %v", time.Since(begin), err)
		}
		turn.end()
	})
}

func TestPaceOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		for range 50 { // loopback has no limits, neither here nor at the host
			turn, err := p.wait(t.Context(), netip.MustParseAddr("::ffff:127.0.0.1"))
			if _, ok := turn.again(); err != nil || !ok || turn.dials() != 0 {
				t.Fatal("loopback is paced", err)
			}
		}
		for i := range 8 { // the two spellings of an IPv4 address are one host
			ip := paced
			if i%2 == 0 {
				ip = netip.AddrFrom16(paced.As16())
			}
			if _, err := p.wait(t.Context(), ip); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		if _, err := p.wait(t.Context(), netip.MustParseAddr("11.0.0.11")); err != nil || time.Since(begin) != 0 {
			t.Fatal("another host waits", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := p.wait(ctx, paced); err == nil {
			t.Error("a ninth connection is open")
		}
	})
}

// A crawl over many hosts does not grow without bound.
func TestPaceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		ip := netip.MustParseAddr("12.0.0.0")
		for i := range 3 * maxHosts {
			if i%maxHosts == 0 {
				<-time.After(memory + time.Minute)
			}
			ip = ip.Next()
			turn, err := p.wait(t.Context(), ip)
			if err != nil {
				t.Fatal(err)
			}
			turn.end()
		}
		if n := len(p.hosts); n > maxHosts {
			t.Errorf("%d hosts are remembered", n)
		}
	})
}

// A default js-libp2p node (3.3.11) counts the connections from one host in windows of a second, and
// resets those beyond five; loopback is not exempt there.
func TestPaceIsBelowADefaultJSNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		var mu sync.Mutex
		var starts []time.Time
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				turn, err := p.wait(t.Context(), paced)
				if err != nil {
					t.Error(err)
					return
				}
				defer turn.end()
				note := func() {
					mu.Lock()
					defer mu.Unlock()
					starts = append(starts, time.Now())
				}
				note()
				if i%3 == 0 {
					if end, ok := turn.again(); ok {
						note()
						end()
					}
				}
			})
		}
		wg.Wait()
		for i, at := range starts {
			if i >= 5 && at.Sub(starts[i-5]) <= time.Second {
				t.Errorf("connections %d to %d within %s", i-5, i, at.Sub(starts[i-5]))
			}
		}
	})
}
