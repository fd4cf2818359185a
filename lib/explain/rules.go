package explain

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"

	"p2p/lib/fail"
)

//go:embed texts/*.txt
var ruleFiles embed.FS

// rule says what one wording can stand for.
type rule struct {
	any    [][]string // one of these; its parts all occur in the segment, in this order, in lower case
	weight int        // 90: the wording names the cause; 60: it narrows it down; 20: a mere envelope
	can    []candidate
}

// candidate is one code that a wording can stand for, likeliest first.
type candidate struct {
	code  fail.Code
	flags string // appended to the command that confirms it; "{proto}" is the protocol that the text names
	why   string
}

var loadRules = sync.OnceValues(func() ([]rule, error) {
	var all []rule
	names, err := fs.Glob(ruleFiles, "texts/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := ruleFiles.ReadFile(name)
		if err != nil {
			return all, err
		}
		rules, err := parseRules(string(text))
		if err != nil {
			return all, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		all = append(all, rules...)
	}
	return all, nil
})

// parseRules reads a file of rules. "//" begins a comment line. Each rule is one or more wordings,
// a weight if it is not 60, and the codes, likeliest first:
//
//	? part of the text | later part
//	= 90
//	code [--flags of the command]: why the text can mean this code
func parseRules(text string) ([]rule, error) {
	var rules []rule
	cur := rule{weight: 60}
	flush := func() error {
		if len(cur.any) > 0 && len(cur.can) == 0 {
			return fmt.Errorf("the rule %q has no code", cur.any[0])
		}
		if len(cur.any) > 0 {
			rules = append(rules, cur)
		}
		cur = rule{weight: 60}
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		if strings.HasPrefix(line, "? ") && len(cur.can) > 0 {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		if err := cur.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return rules, flush()
}

func (r *rule) line(line string) error {
	if wording, ok := strings.CutPrefix(line, "? "); ok {
		var parts []string
		for _, p := range strings.Split(wording, " | ") {
			if p = strings.ToLower(strings.TrimSpace(p)); p == "" {
				return fmt.Errorf("%q has an empty part", line)
			}
			parts = append(parts, p)
		}
		r.any = append(r.any, parts)
		return nil
	}
	if len(r.any) == 0 {
		return fmt.Errorf("%q stands before a wording", line)
	}
	if weight, ok := strings.CutPrefix(line, "= "); ok {
		var err error
		r.weight, err = strconv.Atoi(weight)
		return err
	}
	head, why, ok := strings.Cut(line, ": ")
	if !ok {
		return fmt.Errorf("%q has no reason", line)
	}
	c := candidate{code: fail.Code(head), why: why}
	if code, flags, ok := strings.Cut(head, " ["); ok {
		c.code, c.flags = fail.Code(code), strings.TrimSuffix(flags, "]")
	}
	if !c.code.Known() {
		return fmt.Errorf("%q is no code", c.code)
	}
	r.can = append(r.can, c)
	return nil
}

// at returns where in the lower-case segment one of the rule's wordings begins, or -1.
func (r *rule) at(segment string) int {
	for _, parts := range r.any {
		first, rest := -1, segment
		for _, p := range parts {
			i := strings.Index(rest, p)
			if i < 0 {
				first = -1
				break
			}
			if first < 0 {
				first = i
			}
			rest = rest[i+len(p):]
		}
		if first >= 0 {
			return first
		}
	}
	return -1
}
