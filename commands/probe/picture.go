package probe

import (
	"slices"
	"sync"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
	"p2p/lib/probe"
)

const maxPictures = 1000 // targets in one picture: they are held until the end

// pictures are the files that show what was found.
type pictures struct {
	svg, html string

	mu      sync.Mutex
	reports []*probe.Report
	left    int
}

// check refuses files that could not be written, before anything is sent.
func (p *pictures) check() *fail.Error {
	for _, path := range []string{p.svg, p.html} {
		if path == "" {
			continue
		}
		if err := out.CheckFile(path); err != nil {
			return err
		}
	}
	return nil
}

func (p *pictures) add(r *probe.Report) {
	if p.svg == "" && p.html == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reports) == maxPictures {
		p.left++
		return
	}
	p.reports = append(p.reports, r)
}

// write makes the files; what the targets are is no reason not to.
func (p *pictures) write(c *cmd.Call) *fail.Error {
	if p.left > 0 {
		c.Warn("the picture has the first %d targets; %d more are left out", maxPictures, p.left)
	}
	slices.SortStableFunc(p.reports, func(a, b *probe.Report) int {
		return slices.Index(c.Args, a.Target) - slices.Index(c.Args, b.Target)
	})
	if p.svg != "" {
		if err := out.WriteFile(p.svg, probe.SVG(p.reports)); err != nil {
			return err
		}
	}
	if p.html != "" {
		return out.WriteFile(p.html, probe.HTML(p.reports))
	}
	return nil
}
