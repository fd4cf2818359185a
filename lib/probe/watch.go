package probe

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

const (
	redialEvery = time.Minute // a held connection does not show that new ones are admitted
	redialAfter = 3           // pings lost in a row
)

// Pulse is one ping of a watch, or the dial that took its place and failed.
type Pulse struct {
	OK     bool        `json:"ok"`
	Target string      `json:"target"`
	Addr   string      `json:"addr,omitempty"`
	Time   time.Time   `json:"time"`
	Seq    int         `json:"seq"`
	RTTMS  float64     `json:"rtt_ms,omitempty"`
	Error  *fail.Error `json:"error,omitempty"`
}

// Text shows a ping in one line.
func (p Pulse) Text(w *out.Text) {
	text := span(p.RTTMS)
	if p.Error != nil {
		text = w.Bad(string(p.Error.Code))
	}
	w.Printf("%s %s %s  %s\n", w.Dim(p.Time.Local().Format(time.TimeOnly)), w.Mark(p.OK), padLeft(text, timeWidth), out.Clean(p.Target, whole))
}

// Vigil is what a watch of one target has seen so far. A failed dial counts as a lost ping.
type Vigil struct {
	OK       bool        `json:"ok"` // the last state
	Target   string      `json:"target"`
	Sent     int         `json:"sent"`
	Lost     int         `json:"lost"`
	LastMS   float64     `json:"last_ms"`
	MinMS    float64     `json:"min_ms"`
	AvgMS    float64     `json:"avg_ms"`
	MaxMS    float64     `json:"max_ms"`
	JitterMS float64     `json:"jitter_ms"` // mean difference of pings that follow each other
	Dials    int         `json:"dials"`
	Drops    int         `json:"drops"` // connections that were lost
	Error    *fail.Error `json:"error,omitempty"`

	sum, jumps float64
}

func (v *Vigil) hit(took time.Duration) {
	t := ms(took)
	got := v.Sent - v.Lost // without this one
	v.Sent++
	if got > 0 {
		v.jumps += math.Abs(t - v.LastMS)
		v.JitterMS = round(v.jumps / float64(got))
	}
	if got == 0 || t < v.MinMS {
		v.MinMS = t
	}
	v.sum += t
	v.LastMS, v.MaxMS, v.AvgMS = t, max(v.MaxMS, t), round(v.sum/float64(got+1))
	v.OK, v.Error = true, nil
}

func (v *Vigil) miss(e *fail.Error) {
	v.Sent++
	v.Lost++
	v.OK, v.Error = false, e
}

func round(ms float64) float64 { return math.Round(ms*1000) / 1000 }

// Text shows the target and its statistics in two lines.
func (v Vigil) Text(w *out.Text) {
	in := "    "
	mark := w.Mark(v.OK)
	if v.Sent == 0 {
		mark = w.Warn(pick(w, "·", "."))
	}
	w.Printf("%s %s\n", pad(mark, 3), w.Bold(out.Clean(v.Target, whole)))
	if v.Sent == 0 {
		w.Printf("%sno answer yet\n", in)
	}
	if v.Sent > 0 {
		text := fmt.Sprintf("%d sent, %d lost (%.1f%%)", v.Sent, v.Lost, 100*float64(v.Lost)/float64(v.Sent))
		if v.Sent > v.Lost {
			text += fmt.Sprintf(", last %s, min %s, avg %s, max %s, jitter %s", span(v.LastMS), span(v.MinMS), span(v.AvgMS), span(v.MaxMS), span(v.JitterMS))
		}
		w.Printf("%s\n", out.Flow(in, strings.Fields(text), w.Width-1, in))
	}
	if v.Error != nil {
		w.Printf("%s\n", out.Flow(in+w.Bad(string(v.Error.Code))+"  ", strings.Fields(out.Clean(v.Error.Message, whole)), w.Width-1, in))
	}
}

// watch is the state of one watched target.
type watch struct {
	p      *Prober
	tell   func(typ string, v any)
	v      *Vigil
	held   *Held
	dialed time.Time
	missed int // pings in a row
}

// Watch holds a connection to the target and pings it every so often, until ctx ends. It dials again
// where the connection is lost, and once a minute. tell gets a "dial" with each Report and a "ping"
// with each Pulse; snap gets the state behind each. It returns the last state.
func (p *Prober) Watch(ctx context.Context, target string, every time.Duration, tell func(typ string, v any), snap func(Vigil)) Vigil {
	w := &watch{p: p, tell: tell, v: &Vigil{Target: target}}
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer w.drop()
	for ctx.Err() == nil {
		w.round(ctx)
		snap(*w.v)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return *w.v
}

func (w *watch) round(ctx context.Context) {
	if w.held == nil || time.Since(w.dialed) >= redialEvery {
		w.drop()
		if !w.dial(ctx) {
			return
		}
	}
	at := time.Now().UTC()
	took, err := w.held.Ping(ctx)
	if err != nil && over(ctx) {
		return // cut, not lost
	}
	addr := w.held.Addr()
	if err == nil {
		w.missed = 0
		w.v.hit(took)
	} else {
		w.missed++
		w.v.miss(err)
		if w.held.Lost() || w.missed >= redialAfter {
			w.v.Drops++
			w.drop()
		}
	}
	w.tell("ping", Pulse{OK: err == nil, Target: w.v.Target, Addr: addr, Time: at, Seq: w.v.Sent, RTTMS: ms(took), Error: err})
}

func (w *watch) dial(ctx context.Context) bool {
	at := time.Now()
	held, r := w.p.Hold(ctx, w.v.Target)
	if r.Error != nil && over(ctx) {
		return false // cut, not a finding
	}
	w.held, w.dialed, w.missed = held, at, 0
	w.v.Dials++
	w.tell("dial", r)
	if held == nil || r.Error != nil {
		w.drop()
		w.v.miss(r.Error)
		w.tell("ping", Pulse{Target: w.v.Target, Time: at.UTC(), Seq: w.v.Sent, Error: r.Error})
		return false
	}
	w.v.OK, w.v.Error = true, nil
	return true
}

func (w *watch) drop() {
	if w.held != nil {
		w.held.Close()
		w.held = nil
	}
}
