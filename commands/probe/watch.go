package probe

import (
	"context"
	"sync"
	"time"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
	"p2p/lib/probe"
)

const (
	maxWatched = 256
	minWatch   = 200 * time.Millisecond // the ping of an unprivileged user is no faster
)

// Watched ends a watch: what it has seen of every target.
type Watched struct {
	OK      int           `json:"ok"`
	Failed  int           `json:"failed"`
	Targets []probe.Vigil `json:"targets"`
	TookMS  float64       `json:"took_ms"`
}

// Text shows two lines a target.
func (s Watched) Text(w *out.Text) {
	for _, v := range s.Targets {
		v.Text(w)
	}
}

func checkWatch(o *multiaddrOptions) *fail.Error {
	switch {
	case o.watch == 0:
		return nil
	case o.watch < minWatch:
		return fail.New(fail.UsageFlag, "--watch %s is shorter than %s", o.watch, minWatch).WithHint("such as --watch 5s")
	case o.pictures.svg != "" || o.pictures.html != "":
		return fail.New(fail.UsageFlag, "--watch has no end that --svg or --html could show").WithHint("leave one of them out")
	}
	return nil
}

// runWatch watches all targets side by side until it is stopped, or --timeout or --deadline passes.
func runWatch(ctx context.Context, c *cmd.Call, o *multiaddrOptions, po probe.Options) error {
	names, err := c.Targets(maxWatched)
	if err != nil {
		return err
	}
	if po.Timeout = 0; c.Bounded() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.TakeTimeout())
		defer cancel()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	start := time.Now()
	t := probe.NewTable(c.Out, names)
	defer t.Close()
	p := probe.New(po)
	teller := &teller{call: c, stop: stop, table: t.Shown(), good: map[string]bool{}}
	vigils := make([]probe.Vigil, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			vigils[i] = p.Watch(ctx, name, o.watch, teller.tell, func(v probe.Vigil) { t.Set(i, v) })
		})
	}
	wg.Wait()
	t.Close()
	if teller.err != nil {
		return teller.err
	}
	return endWatch(ctx, c, vigils, start)
}

// endWatch prints the summary; the last state of the targets is the exit status.
func endWatch(ctx context.Context, c *cmd.Call, vigils []probe.Vigil, start time.Time) error {
	s := Watched{Targets: vigils, TookMS: float64(time.Since(start).Microseconds()) / 1000}
	var verdicts []*fail.Error
	for _, v := range vigils {
		switch {
		case v.Dials == 0: // ended before anything was known
			verdicts = append(verdicts, fail.Of(context.Cause(ctx)))
		case v.OK:
			s.OK++
			verdicts = append(verdicts, nil)
		default:
			s.Failed++
			verdicts = append(verdicts, v.Error)
		}
	}
	if err := c.Emit("summary", s); err != nil {
		return err
	}
	return cmd.FinishAll(verdicts)
}

// change is a Report that people read because the state of its target is another now.
type change struct{ *probe.Report }

// Text shows the time and the report in brief.
func (c change) Text(w *out.Text) {
	w.Printf("%s ", w.Dim(c.Time.Local().Format(time.TimeOnly)))
	narrow := *w
	narrow.Width -= len(time.TimeOnly) + 1
	probe.Brief{Report: c.Report}.Text(&narrow)
}

// teller prints the events of a watch: all of them as JSON and in plain text, and only what changes
// above a table.
type teller struct {
	call  *cmd.Call
	stop  context.CancelFunc
	table bool

	mu   sync.Mutex
	good map[string]bool
	err  error
}

func (t *teller) tell(typ string, v any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	if !t.call.Out.JSON && !t.worthALine(&v) {
		return
	}
	if t.err = t.call.Emit(typ, v); t.err != nil {
		t.stop()
	}
}

// worthALine drops what people see in the table, and turns reports into single lines.
func (t *teller) worthALine(v *any) bool {
	switch x := (*v).(type) {
	case *probe.Report:
		was, seen := t.good[x.Target]
		t.good[x.Target] = x.OK
		*v = change{x}
		return !seen || was != x.OK
	case probe.Pulse:
		was := t.good[x.Target]
		t.good[x.Target] = x.OK
		return !t.table || was != x.OK
	}
	return true
}
