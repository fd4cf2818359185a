package cmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

const maxLine = 8 << 10 // bytes of one target on stdin; what is longer is no address and is cut

// Finding is the report about one target of a diagnosing command; Failure is nil when all is well.
type Finding interface{ Failure() *fail.Error }

// Summary closes a stream of findings, so that a cut stream can be told from a finished one.
type Summary struct {
	Targets int               `json:"targets"`
	OK      int               `json:"ok"`
	Failed  int               `json:"failed"`
	Codes   map[fail.Code]int `json:"codes"`
	TookMS  float64           `json:"took_ms"`
}

// Text shows the summary in one line.
func (s Summary) Text(w *out.Text) {
	w.Printf("%d targets: %d ok, %d failed (%.1f s)\n", s.Targets, s.OK, s.Failed, s.TookMS/1000)
}

// found ends a command whose findings are already on stdout.
type found struct {
	show *fail.Error
	kind fail.Kind
}

func (f *found) Error() string { return "finding" }

// Finish ends a command whose report is on stdout: nil when e is nil, else e's line on stderr and its exit status.
func Finish(e *fail.Error) error {
	if e == nil {
		return nil
	}
	return &found{show: e, kind: e.Kind()}
}

// said tells that a finding's Text, which ends in its failure and hint, is on the screen already.
func (c *Call) said(f Finding) bool {
	_, tells := f.(interface{ TellsFailure() })
	return tells && c.Out.OneScreen()
}

// Diagnose runs probe once per target, at most jobs at a time: one target given as an argument makes
// one object, several or "-" (one a line on stdin) a stream that ends in a Summary. A bad target
// is a line on stderr and counts into the exit status; the others go on.
func (c *Call) Diagnose(ctx context.Context, jobs int, probe func(context.Context, string) Finding) error {
	if err := CheckJobs(jobs); err != nil {
		return err
	}
	if !c.Streaming() {
		f := c.one(ctx, c.Args[0], probe)
		if err := c.Print(f); err != nil {
			return err
		}
		if e := f.Failure(); e != nil && ctx.Err() != nil && e.Kind() != fail.Of(ctx.Err()).Kind() {
			return Finish(fail.Of(ctx.Err()))
		}
		if e := f.Failure(); e != nil && c.said(f) {
			return &found{kind: e.Kind()}
		}
		return Finish(f.Failure())
	}
	b := &batch{call: c, start: time.Now(), sum: Summary{Codes: map[fail.Code]int{}}, kinds: map[fail.Kind]int{}}
	b.ctx, b.stop = context.WithCancel(ctx)
	defer b.stop()
	b.run(jobs, probe)
	return b.end(ctx)
}

// CheckJobs refuses a --jobs that is no number of workers, for a command that must know before Diagnose.
func CheckJobs(jobs int) *fail.Error {
	if jobs < 1 {
		return fail.New(fail.UsageFlag, "bad value %d for --jobs", jobs).WithHint("write 1 or more")
	}
	return nil
}

func (c *Call) one(ctx context.Context, target string, probe func(context.Context, string) Finding) Finding {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	return probe(ctx, target)
}

type batch struct {
	call  *Call
	ctx   context.Context
	stop  context.CancelFunc
	start time.Time

	mu    sync.Mutex
	sum   Summary
	kinds map[fail.Kind]int
	err   error // of the reader or the writer
}

func (b *batch) run(jobs int, probe func(context.Context, string) Finding) {
	targets := make(chan string)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for t := range targets {
				b.finished(t, b.call.one(b.ctx, t, probe))
			}
		})
	}
	err := b.call.eachTarget(func(t string) bool {
		select {
		case targets <- t:
			return true
		case <-b.ctx.Done():
			return false
		}
	})
	close(targets)
	wg.Wait()
	b.setErr(err)
}

func (b *batch) setErr(err error) {
	if b.err == nil && err != nil {
		b.err = err
		b.stop()
	}
}

func (b *batch) finished(target string, f Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := f.Failure()
	if b.ctx.Err() != nil && e != nil {
		return // cut by the deadline or Ctrl-C: not a result
	}
	b.sum.Targets++
	if e == nil {
		b.sum.OK++
	} else {
		b.sum.Failed++
		b.sum.Codes[e.Code]++
		b.kinds[e.Kind()]++
	}
	b.setErr(b.call.Emit("target", f))
	if e != nil && !b.call.said(f) {
		line := *e
		line.Hint = "" // in the report; among many targets one line each is enough
		if !strings.Contains(e.Message, strconv.Quote(target)) && !strings.HasPrefix(e.Message, target+": ") {
			line.Message = out.Clean(target, 1024) + ": " + e.Message
		}
		b.call.Out.Fail(&line, false)
	}
}

func (b *batch) end(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	b.sum.TookMS = float64(time.Since(b.start).Microseconds()) / 1000
	if err := b.call.Emit("summary", b.sum); err != nil {
		return err
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && b.sum.Targets > 0:
		return Finish(fail.New(fail.Partial, "--deadline passed after %d targets", b.sum.Targets))
	case ctx.Err() != nil:
		return Finish(fail.Of(ctx.Err()))
	}
	return common(b.sum.OK, b.kinds)
}

// common is the status of several targets: all good 0, mixed 8, all bad the common kind, else 1.
func common(ok int, kinds map[fail.Kind]int) error {
	switch {
	case len(kinds) == 0:
		return nil
	case ok > 0:
		return &found{kind: fail.KindPartial}
	case len(kinds) == 1:
		for k := range kinds {
			return &found{kind: k}
		}
	}
	return &found{kind: fail.KindFailed}
}

// FinishAll ends a command whose findings about several targets are on stdout; nil is a good one.
// A single bad one is told on stderr as well.
func FinishAll(all []*fail.Error) error {
	if len(all) == 1 {
		return Finish(all[0])
	}
	ok, kinds := 0, map[fail.Kind]int{}
	for _, e := range all {
		if e == nil {
			ok++
		} else {
			kinds[e.Kind()]++
		}
	}
	return common(ok, kinds)
}

// Targets reads all targets, for a command that keeps them; more than max are a usage error.
func (c *Call) Targets(max int) ([]string, error) {
	var all []string
	err := c.eachTarget(func(t string) bool {
		all = append(all, t)
		return len(all) <= max
	})
	switch {
	case err != nil:
		return nil, err
	case len(all) > max:
		return nil, fail.New(fail.UsageArgument, "more than %d targets", max).WithHint("give fewer, or run it several times")
	case len(all) == 0:
		return nil, fail.New(fail.UsageArgument, "there is no target on stdin")
	}
	return all, nil
}

// eachTarget calls f for every argument, and for every line of stdin in place of "-", until f
// returns false. Blank lines and lines that begin with # are no targets.
func (c *Call) eachTarget(f func(string) bool) error {
	stdin := false
	for _, a := range c.Args {
		if a != "-" {
			if !f(a) {
				return nil
			}
			continue
		}
		if stdin {
			return fail.New(fail.UsageArgument, `"-" is given twice, but there is one stdin`)
		}
		stdin = true
		if more, err := eachLine(c.Stdin, f); err != nil || !more {
			return err
		}
	}
	return nil
}

func eachLine(r io.Reader, f func(string) bool) (more bool, err error) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, long, err := br.ReadLine()
		text := strings.TrimSpace(string(line))
		for long && err == nil {
			_, long, err = br.ReadLine()
		}
		if text != "" && text[0] != '#' && !f(text) {
			return false, nil
		}
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, fail.New(fail.FileUnreadable, "read stdin: %w", err)
		}
	}
}
