package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// one is a command that is run many times.
type one struct {
	name  string
	args  []string
	stdin string
	reps  int
	want  func(stdout []byte) error // what a right run prints
	floor *one                      // what it is compared with, or
	bound float64                   // the time that it is compared with, in ms
	limit float64                   // the ratio that it must not pass; 0: itself a floor

	took, cpu []float64 // ms
}

// line is one line of the report. Ratio is of the medians; the CPU time is user's and system's.
type line struct {
	Name     string  `json:"name"`
	Runs     int     `json:"runs"`
	MedianMS float64 `json:"median_ms"`
	MinMS    float64 `json:"min_ms"`
	MaxMS    float64 `json:"max_ms"`
	CPUMS    float64 `json:"cpu_ms"`
	FloorMS  float64 `json:"floor_ms"`
	Ratio    float64 `json:"ratio"`
	MinRatio float64 `json:"min_ratio"`
	CPURatio float64 `json:"cpu_ratio,omitempty"`
	Limit    float64 `json:"limit"`
	OK       bool    `json:"ok"`
}

// plan is what is measured, in groups whose members take turns.
func plan(o options, bin, floor string, s *served) [][]*one {
	empty := &one{name: "floor", args: []string{floor}, reps: o.reps}
	ping := &one{name: "floor ping", args: []string{floor, s.Healthy[0]}, reps: o.reps}
	start := []*one{empty,
		{name: "p2p version", args: []string{bin, "version"}, reps: o.reps, floor: empty, limit: 2.5},
		{name: "p2p keygen", args: []string{bin, "keygen"}, reps: o.reps, floor: empty, limit: 2.5},
	}
	healthy := []*one{ping,
		{name: "p2p probe, healthy tcp", args: []string{bin, "probe", s.Healthy[0]}, reps: o.reps, want: wantCode(""), floor: ping, limit: 1.5},
	}
	var faults []*one
	for _, f := range s.Faults {
		args := append([]string{bin, "probe"}, f.Args...)
		faults = append(faults, &one{name: "fault: " + f.Name, args: args, reps: max(o.reps/4, 1), want: wantCode(f.Code), bound: faultMS, limit: 1})
	}
	var in strings.Builder
	for i := range batchSize {
		fmt.Fprintln(&in, s.Healthy[i%len(s.Healthy)])
	}
	args := []string{bin, "probe", "-"}
	if o.jobs > 0 {
		args = append(args, "--jobs", strconv.Itoa(o.jobs))
	}
	batch := &one{name: fmt.Sprintf("%d healthy, %d a second", batchSize, batchRate), args: args, stdin: in.String(), reps: max(o.reps/7, 1),
		want: wantSummary, bound: 1000 * batchSize / batchRate, limit: 1}
	return [][]*one{start, healthy, faults, {batch}}
}

// wantCode: the report has that error code, or is good when the code is "".
func wantCode(code string) func([]byte) error {
	return func(b []byte) error {
		var r struct {
			OK    bool                  `json:"ok"`
			Error struct{ Code string } `json:"error"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		if r.Error.Code != code || r.OK != (code == "") {
			return fmt.Errorf("the code is %q, want %q", r.Error.Code, code)
		}
		return nil
	}
}

// wantSummary: every address of the batch has its line, is good, and is in the summary.
func wantSummary(b []byte) error {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	var s struct{ Targets, OK int }
	if err := json.Unmarshal(lines[len(lines)-1], &s); err != nil {
		return err
	}
	if s.Targets != batchSize || s.OK != batchSize || len(lines) != batchSize+1 {
		return fmt.Errorf("%d lines, summary %s", len(lines), lines[len(lines)-1])
	}
	return nil
}

// measure runs the members of a group in turns: A B C A B C ….
func measure(group []*one, o options) error {
	wanted := func(c *one) bool { return c.limit > 0 && o.only.MatchString(c.name) }
	if !slices.ContainsFunc(group, wanted) {
		for _, c := range group {
			c.limit = 0
		}
		return nil
	}
	for i := 0; ; i++ {
		ran := false
		for _, c := range group {
			if i > c.reps || c.limit > 0 && !wanted(c) {
				continue
			}
			ran = true
			if err := c.run(i > 0); err != nil { // the first run fills the caches
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if !ran {
			break
		}
	}
	for _, c := range group {
		if len(c.took) == 0 {
			c.limit = 0
		}
	}
	return nil
}

func (c *one) run(counts bool) error {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Stdin = strings.NewReader(c.stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	var status *exec.ExitError
	if err != nil && (c.want == nil || !errors.As(err, &status)) {
		return fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	if c.want != nil {
		if err := c.want(out.Bytes()); err != nil {
			return fmt.Errorf("%w\n%s%s", err, out.Bytes(), errs.Bytes())
		}
	}
	if counts {
		c.took = append(c.took, float64(took.Microseconds())/1000)
		c.cpu = append(c.cpu, float64((cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()).Microseconds())/1000)
	}
	return nil
}

func (c *one) line() *line {
	l := &line{Name: c.name, Runs: len(c.took), MedianMS: median(c.took), MinMS: slices.Min(c.took), MaxMS: slices.Max(c.took),
		CPUMS: median(c.cpu), FloorMS: c.bound, Limit: c.limit}
	l.Ratio, l.MinRatio = l.MedianMS/c.bound, l.MinMS/c.bound
	if f := c.floor; f != nil {
		l.FloorMS = median(f.took)
		l.Ratio, l.MinRatio, l.CPURatio = l.MedianMS/l.FloorMS, l.MinMS/slices.Min(f.took), l.CPUMS/median(f.cpu)
	}
	l.OK = l.Ratio <= l.Limit
	for _, n := range []*float64{&l.MedianMS, &l.MinMS, &l.MaxMS, &l.CPUMS, &l.FloorMS, &l.Ratio, &l.MinRatio, &l.CPURatio} {
		*n = math.Round(*n*1000) / 1000
	}
	return l
}

func median(l []float64) float64 {
	l = slices.Sorted(slices.Values(l))
	return (l[(len(l)-1)/2] + l[len(l)/2]) / 2
}
