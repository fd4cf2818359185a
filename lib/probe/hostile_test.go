package probe_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// bounded runs f and fails when it lasts longer than the stages may, or makes the process grow by 64 MiB.
func bounded(t *testing.T, f func()) {
	t.Helper()
	stop, peak := make(chan struct{}), atomic.Uint64{}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	begin := time.Now()
	f()
	took := time.Since(begin)
	close(stop)
	<-done
	grown := int64(peak.Load()) - int64(before.HeapAlloc)
	t.Logf("%.2f s, heap grew by %.1f MiB", took.Seconds(), float64(grown)/(1<<20))
	if took > 4*time.Second {
		t.Errorf("it took %s, the stages' limit is 1.5 s", took)
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}
