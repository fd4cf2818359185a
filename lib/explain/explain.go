// Package explain knows what every code of the program means, and which codes a raw error text of
// another program can stand for. Pages and texts are embedded files: one page file a family of codes,
// one text file a program. Its rule: a page tells how to confirm a cause before how to mend it.
package explain

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"

	"p2p/lib/fail"
)

//go:embed pages/*.txt
var pageFiles embed.FS

const maxShort = 72 // characters; Short is a column of the README's table

// Entry is the page of one code. Items of Causes and Mend may hold further lines, which are file
// content or configuration to be copied as it stands.
type Entry struct {
	Code    fail.Code `json:"code"`
	Exit    int       `json:"exit"`
	Kind    string    `json:"kind"`
	Short   string    `json:"short"`
	Means   string    `json:"means"`
	Causes  []string  `json:"causes"`
	Confirm []string  `json:"confirm"` // one command line each
	Mend    []string  `json:"mend"`
}

// Page returns the page of the code.
func Page(code fail.Code) (Entry, bool) {
	all, _ := loadPages()
	e, ok := all[code]
	return e, ok
}

// Pages returns every page, sorted by code.
func Pages() []Entry {
	all, _ := loadPages()
	list := make([]Entry, 0, len(all))
	for _, e := range all {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Code < list[j].Code })
	return list
}

// Table returns the pages of what can end a dial, in the order of the stages: the README's
// "my dial fails" table. Warnings and the program's own trouble are left out.
func Table() []Entry {
	var table []Entry
	for _, family := range []string{"addr", "dns", "dial", "quic", "tls", "ws", "pnet", "security", "muxer",
		"webtransport", "webrtc", "conn", "identify", "protocol", "relay"} {
		for _, e := range Pages() {
			if f, _, _ := strings.Cut(string(e.Code), "."); f == family && e.Code.Kind() != fail.KindOK {
				table = append(table, e)
			}
		}
	}
	return table
}

var loadPages = sync.OnceValues(func() (map[fail.Code]Entry, error) {
	all := map[fail.Code]Entry{}
	names, err := fs.Glob(pageFiles, "pages/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := pageFiles.ReadFile(name)
		if err != nil {
			return all, err
		}
		entries, err := parsePages(string(text))
		if err != nil {
			return all, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		for _, e := range entries {
			if _, twice := all[e.Code]; twice {
				return all, fmt.Errorf("%s: %s has two pages", path.Base(name), e.Code)
			}
			all[e.Code] = e
		}
	}
	return all, nil
})

// parsePages reads a file of pages. Each page is, in this order:
//
//	# code
//	short: one line of at most 72 characters
//	means: running text, which may
//	  go on in lines indented by two blanks
//	causes:
//	- running text, continued as above
//	confirm:
//	    one command a line, indented by four blanks
//	mend:
//	- running text; lines indented by six blanks are kept as they are
func parsePages(text string) ([]Entry, error) {
	var entries []Entry
	p := pageParser{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " ")
		if code, ok := strings.CutPrefix(line, "# "); ok {
			if err := p.finish(&entries); err != nil {
				return nil, err
			}
			c := fail.Code(code)
			if !c.Known() {
				return nil, fmt.Errorf("line %d: %q is no code", i+1, code)
			}
			p = pageParser{e: &Entry{Code: c, Exit: int(c.Kind()), Kind: c.Kind().String()}}
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return entries, p.finish(&entries)
}

type pageParser struct {
	e       *Entry
	section string
}

func (p *pageParser) line(line string) error {
	if line == "" {
		return nil
	}
	if p.e == nil {
		return fmt.Errorf("%q stands before the first page", line)
	}
	if line[0] != ' ' && line[0] != '-' {
		return p.open(line)
	}
	list := map[string]*[]string{"causes": &p.e.Causes, "mend": &p.e.Mend}[p.section]
	switch text := strings.TrimLeft(line, " "); {
	case p.section == "confirm" && strings.HasPrefix(line, "    ") && len(line)-len(text) == 4:
		p.e.Confirm = append(p.e.Confirm, text)
	case p.section == "means" && strings.HasPrefix(line, "  "):
		p.e.Means += " " + text
	case list != nil && strings.HasPrefix(line, "- "):
		*list = append(*list, line[2:])
	case list != nil && len(*list) > 0 && strings.HasPrefix(line, "      "):
		(*list)[len(*list)-1] += "\n" + line[6:]
	case list != nil && len(*list) > 0 && strings.HasPrefix(line, "  "):
		(*list)[len(*list)-1] += " " + text
	default:
		return fmt.Errorf("%q does not belong into %q", line, p.section)
	}
	return nil
}

// open starts the section that the line names.
func (p *pageParser) open(line string) error {
	name, rest, ok := strings.Cut(line, ":")
	rest = strings.TrimSpace(rest)
	after := map[string]string{"short": "", "means": "short", "causes": "means", "confirm": "causes", "mend": "confirm"}
	want, known := after[name]
	switch {
	case !ok || !known:
		return fmt.Errorf("%q is no section", line)
	case p.section != want:
		return fmt.Errorf("%q comes after %q", name, p.section)
	}
	p.section = name
	switch name {
	case "short":
		p.e.Short = rest
	case "means":
		p.e.Means = rest
	default:
		if rest != "" {
			return fmt.Errorf("%q has text on its own line", name)
		}
	}
	return nil
}

func (p *pageParser) finish(entries *[]Entry) error {
	e := p.e
	if e == nil {
		return nil
	}
	switch {
	case e.Short == "" || len([]rune(e.Short)) > maxShort:
		return fmt.Errorf("%s: short has %d characters, of at most %d", e.Code, len([]rune(e.Short)), maxShort)
	case e.Means == "" || len(e.Causes) == 0 || len(e.Confirm) == 0 || len(e.Mend) == 0:
		return fmt.Errorf("%s: a section is missing or empty", e.Code)
	}
	*entries = append(*entries, *e)
	return nil
}
