package explain

import (
	"bufio"
	"io"

	"p2p/lib/fail"
)

const maxDistinct = 4096 // findings of one log that are remembered, so as to show each once

// Summary closes the findings of a log.
type Summary struct {
	Lines int               `json:"lines"`
	Count int               `json:"count"`
	Codes map[fail.Code]int `json:"codes"` // how often each code was possible, repetitions included
}

// Log matches a log line by line and hands each distinct finding to emit as soon as it is met. Of a
// line, the first MiB counts. An error of emit ends it.
func Log(r io.Reader, emit func(Cause) error) (Summary, error) {
	sum := Summary{Codes: map[fail.Code]int{}}
	seen := map[[2]string]bool{}
	var c scanner
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := boundedLine(br)
		if err == io.EOF && len(line) == 0 {
			return sum, nil
		}
		if err != nil && err != io.EOF {
			return sum, fail.New(fail.FileUnreadable, "read stdin: %w", err)
		}
		sum.Lines++
		for _, m := range c.match(string(line)).Found {
			sum.Codes[m.Code]++
			key := [2]string{string(m.Code), m.Address}
			if seen[key] || len(seen) >= maxDistinct {
				continue
			}
			seen[key] = true
			sum.Count++
			m.Line = sum.Lines
			if err := emit(m); err != nil {
				return sum, err
			}
		}
	}
}

// boundedLine reads one line and drops what passes the bound.
func boundedLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, more, err := br.ReadLine()
		line = append(line, part[:min(len(part), maxText-len(line))]...)
		if err != nil || !more {
			return line, err
		}
	}
}
