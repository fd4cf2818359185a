// Command bench measures p2p against floors taken in the same run, and prints ratios: a table on
// stderr, JSON on stdout. Runs of what is compared take turns, so that a busy machine slows both.
//
//	go run ./testscripts/bench [-check] [-reps N] [-only REGEXP]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

const (
	batchSize = 1000
	batchRate = 150 // targets a second
	faultMS   = 500.0
)

type options struct {
	reps, jobs int
	only       *regexp.Regexp
	check      bool
}

// report is what stdout gets.
type report struct {
	Schema   string  `json:"schema"`
	CPUs     int     `json:"cpus"`
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
	OK       bool    `json:"ok"`
	Lines    []*line `json:"lines"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	var o options
	only := flag.String("only", "", "measure only the lines whose name matches")
	flag.IntVar(&o.reps, "reps", 21, "runs of each short command; the faults and the batch take fewer")
	flag.IntVar(&o.jobs, "jobs", 0, "the --jobs of the batch; 0: p2p's default")
	flag.BoolVar(&o.check, "check", false, "exit 1 if a ratio misses its target")
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	ok, err := bench(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if o.check && !ok {
		os.Exit(1)
	}
}

func bench(o options) (bool, error) {
	dir, err := os.MkdirTemp("", "p2p-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	bin, floor := filepath.Join(dir, "p2p"), filepath.Join(dir, "floor")
	for out, pkg := range map[string]string{bin: "p2p", floor: "p2p/testscripts/bench/floor"} {
		if b, err := exec.Command("go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
			return false, fmt.Errorf("build %s: %w\n%s", pkg, err, b)
		}
	}
	s, stop, err := startServers()
	if err != nil {
		return false, err
	}
	defer stop()
	r := &report{Schema: "p2p.bench/1", CPUs: runtime.NumCPU(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, OK: true}
	for _, group := range plan(o, bin, floor, s) {
		if err := measure(group, o); err != nil {
			return false, err
		}
		for _, c := range group {
			if c.limit > 0 {
				l := c.line()
				r.Lines = append(r.Lines, l)
				r.OK = r.OK && l.OK
			}
		}
	}
	table(os.Stderr, r)
	return r.OK, json.NewEncoder(os.Stdout).Encode(r)
}

// startServers runs this program again as the servers' process, which ends when its stdin does.
func startServers() (*served, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	c := exec.Command(self, "serve")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() { in.Close(); c.Wait() }
	first, err := bufio.NewReader(out).ReadBytes('\n')
	s := &served{}
	if err == nil {
		err = json.Unmarshal(first, s)
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("start the servers: %w", err)
	}
	return s, stop, nil
}

func table(w io.Writer, r *report) {
	fmt.Fprintf(w, "%-34s %9s %9s %9s %7s %7s %7s %6s\n", "", "median", "min", "floor", "ratio", "of mins", "of cpu", "limit")
	for _, l := range r.Lines {
		verdict := ""
		if !l.OK {
			verdict = "  MISSED"
		}
		fmt.Fprintf(w, "%-34s %6.1f ms %6.1f ms %6.1f ms %7.2f %7.2f %7s %6.2f%s\n", l.Name, l.MedianMS, l.MinMS, l.FloorMS, l.Ratio, l.MinRatio, short(l.CPURatio), l.Limit, verdict)
	}
}

func short(n float64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", n)
}
