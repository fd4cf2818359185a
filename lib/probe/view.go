package probe

import (
	"fmt"
	"sync"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// redraw is how often a View is drawn; what ends sooner than one is not worth a flicker.
const redraw = 100 * time.Millisecond

// View shows on stderr, where that is a terminal, how probes go while they run: the waterfall of one
// target, or the count of many. Close wipes it.
type View struct {
	film
	total int // targets, 0 where nobody knows yet
	start time.Time

	mu             sync.Mutex
	addrs          []*viewed
	at             map[string]*viewed
	began          int
	done, failures int
}

// viewed is one address while it is walked.
type viewed struct {
	addr, transport string
	rows            []row
	since           time.Time // when the running row began
	err             *fail.Error
}

// NewView starts a view of so many targets; 0 means that their number is not known.
func NewView(o *out.Out, total int) *View {
	v := &View{total: total, start: time.Now(), at: map[string]*viewed{}}
	v.begin(o, v.draw)
	return v
}

// film draws a live view again and again until it is closed.
type film struct {
	live *out.Live
	stop chan struct{}
	once sync.Once
	gone sync.WaitGroup
}

func (f *film) begin(o *out.Out, draw func(*out.Text)) {
	f.stop = make(chan struct{})
	if f.live = o.Live(draw); f.live == nil {
		return
	}
	f.gone.Go(func() {
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.live.Redraw()
			case <-f.stop:
				return
			}
		}
	})
}

// Close ends the view and wipes it from the screen; a second Close does nothing.
func (f *film) Close() {
	f.once.Do(func() {
		close(f.stop)
		f.gone.Wait()
		f.live.Close()
	})
}

// Shown tells that there is a screen to see it.
func (f *film) Shown() bool { return f.live != nil }

// Observer returns what Options.Observe is to be: nil where nobody looks.
func (v *View) Observer() func(Event) {
	if v.live == nil || v.total != 1 {
		return nil
	}
	return v.observe
}

func (v *View) observe(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.at[e.Addr]
	if a == nil {
		a = &viewed{addr: e.Addr, transport: e.Transport}
		v.at[e.Addr] = a
		v.addrs = append(v.addrs, a)
	}
	if !e.Done {
		a.rows = append(a.rows, row{name: e.Stage.Stage, start: e.Stage.StartMS, running: true, ok: true})
		a.since = time.Now()
		return
	}
	code := fail.Code("")
	if e.Err != nil {
		a.err, code = e.Err, e.Err.Code
	}
	if n := len(a.rows); n > 0 {
		a.rows[n-1] = row{name: e.Stage.Stage, start: e.Stage.StartMS, took: e.Stage.TookMS, ok: e.Err == nil, note: note(e.Stage, code)}
	}
}

// Begin counts a target as begun.
func (v *View) Begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.began++
}

// End counts a target as done; the view of a single one closes before its report is printed.
func (v *View) End(ok bool) {
	if v.total == 1 {
		v.Close()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done++
	if !ok {
		v.failures++
	}
}

// draw is called by lib/out; it must not write anything itself.
func (v *View) draw(w *out.Text) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.total != 1 {
		v.tally(w)
		return
	}
	lines, end := 0, 0.0
	for _, a := range v.addrs {
		a.grow()
		lines += len(a.rows) + 1
		for _, r := range a.rows {
			end = max(end, r.start+r.took)
		}
	}
	for _, a := range v.addrs {
		w.Printf("%s\n", w.Bold(out.Cut(out.Clean(a.addr, whole), w.Width-1, w.UTF8)))
		shown := a.rows
		if lines >= w.Height {
			shown = a.rows[max(len(a.rows)-1, 0):]
		}
		newGrid(a.rows, w.Width).draw(w, shown, end)
	}
}

// grow lets the running row's time go on.
func (a *viewed) grow() {
	if n := len(a.rows); n > 0 && a.rows[n-1].running {
		a.rows[n-1].took = ms(time.Since(a.since))
	}
}

// tally is the one line of a batch.
func (v *View) tally(w *out.Text) {
	done := fmt.Sprint(v.done)
	if v.total > 0 {
		done += fmt.Sprintf(" of %d", v.total)
	}
	text := fmt.Sprintf("%s done, %d failed, %d running", done, v.failures, v.began-v.done)
	if s := time.Since(v.start).Seconds(); s > 0 {
		text += fmt.Sprintf(", %.0f/s", float64(v.done)/s)
	}
	w.Printf("%s\n", w.Dim(text))
}
