package explain

import (
	"sort"
	"strings"

	"p2p/lib/fail"
	"p2p/lib/out"
)

const (
	placeholder = "<multiaddr>"
	maxText     = 1 << 20 // bytes of one text or line that are looked at
	maxSegments = 4096    // of one text
	maxMatches  = 64      // of one text
	near        = 25      // a wording this much weaker than the best of its segment adds nothing
)

// Cause is one code that a text can stand for.
type Cause struct {
	Code           fail.Code `json:"code"`
	Kind           string    `json:"kind"`
	Short          string    `json:"short"`
	Why            string    `json:"why"`
	Address        string    `json:"address,omitempty"` // that the text blames
	ConfirmCommand string    `json:"confirm_command"`
	Line           int       `json:"line,omitempty"` // of the log, from 1
	Excerpt        string    `json:"excerpt"`        // of the text, escaped

	score int
}

// Matches is what a text can stand for, likeliest first, and the multiaddrs that it names.
type Matches struct {
	Found     []Cause  `json:"matches"`
	Addresses []string `json:"addresses"`
}

// Match returns the codes that an error text of go-, js- or rust-libp2p, kubo, a browser or of p2p
// itself can stand for. The text may come from a stranger: it is bounded, and nothing of it reaches
// a command line but valid multiaddrs and protocol names.
func Match(text string) Matches {
	var c scanner
	return c.match(text)
}

// scanner is what earlier lines of an error say about later ones: go-libp2p names the peer once
// and then one address a line.
type scanner struct {
	peer    string // of "failed to dial PEER:"
	relay   string // the relay's own address and id, when the dial of a circuit failed at the relay
	relayID string
}

func (c *scanner) match(text string) Matches {
	text = text[:min(len(text), maxText)]
	res := Matches{Found: []Cause{}, Addresses: []string{}}
	rules, _ := loadRules()
	var list []Cause
	last := "" // the address of the segment before
	for _, segment := range segments(text) {
		listed := c.header(segment)
		found := addresses(segment)
		for i, a := range found {
			if listed {
				found[i] = withPeer(a, c.peerOf(a))
			}
			res.Addresses = appendNew(res.Addresses, found[i])
		}
		if len(found) > 0 {
			last = found[0]
		}
		if len(list) < 4*maxMatches {
			list = append(list, matchSegment(rules, segment, last)...)
		}
	}
	if len(res.Addresses) > 0 {
		for i := range list {
			if list[i].Address == "" {
				list[i].setAddress(res.Addresses[0])
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].score > list[j].score })
	seen := map[[2]string]bool{}
	for _, m := range list {
		key := [2]string{string(m.Code), m.Address}
		if seen[key] || len(res.Found) >= maxMatches || m.score < near && list[0].score > 2*near {
			continue
		}
		seen[key] = true
		res.Found = append(res.Found, m)
	}
	return res
}

// segments splits a text into what speaks of one address: lines, and the entries of an error list
// that a log has put on one line.
func segments(text string) []string {
	if strings.Contains(text, "\x1b[") {
		text = patterns().colour.ReplaceAllString(text, "")
	}
	text = strings.ReplaceAll(text, `\n`, "\n")
	text = strings.ReplaceAll(text, " * [/", "\n * [/")
	list := strings.SplitN(text, "\n", maxSegments)
	kept := list[:0]
	for _, s := range list {
		if len(strings.TrimSpace(s)) > 4 {
			kept = append(kept, s)
		}
	}
	return kept
}

// header remembers the peer that a list of dial errors is about, and tells whether the segment
// belongs to such a list.
func (c *scanner) header(segment string) bool {
	const head = "failed to dial "
	i := strings.LastIndex(segment, head)
	id := ""
	if i >= 0 {
		rest := segment[i+len(head):]
		if id = patterns().peer.FindString(rest[:min(len(rest), 70)]); !strings.HasPrefix(rest, id) {
			id = ""
		}
	}
	listed := strings.Contains(segment, " * [/")
	switch {
	case id == "" && !listed:
		*c = scanner{}
	case id != "":
		if circuit := strings.Index(segment, "/p2p-circuit]"); listed && circuit >= 0 && circuit < i {
			if found := addresses(segment[:circuit]); len(found) > 0 {
				c.relay, c.relayID = found[0], id
				return true
			}
		}
		*c = scanner{peer: id}
	}
	return listed || id != ""
}

func (c *scanner) peerOf(addr string) string {
	if c.relay != "" && !strings.Contains(addr, "/p2p-circuit") && strings.HasPrefix(c.relay, addr) {
		return c.relayID
	}
	return c.peer
}

func matchSegment(rules []rule, segment, addr string) []Cause {
	lower := lowerASCII(segment)
	type hit struct {
		r  *rule
		at int
	}
	var hits []hit
	best := 0
	for i := range rules {
		if at := rules[i].at(lower); at >= 0 {
			hits = append(hits, hit{&rules[i], at})
			best = max(best, rules[i].weight)
		}
	}
	list := own(segment, addr)
	if len(list) > 0 {
		best = 100
	}
	for _, h := range hits {
		if h.r.weight < best-near {
			continue
		}
		for i, can := range h.r.can {
			m := newMatch(can, segment, h.at, addr)
			m.score = h.r.weight - 4*i
			list = append(list, m)
		}
	}
	return list
}

// own finds the program's own codes in its own output: "[dial.refused]" or "code":"dial.refused".
func own(segment, addr string) []Cause {
	for _, lead := range []string{`"code":"`, "["} {
		for rest := segment; len(rest) > 0; {
			i := strings.Index(rest, lead)
			if i < 0 {
				break
			}
			rest = rest[i+len(lead):]
			end := strings.IndexAny(rest, `"]`)
			if end < 0 || end > 64 {
				continue
			}
			if code := fail.Code(rest[:end]); code.Known() && strings.Contains(string(code), ".") {
				m := newMatch(candidate{code: code, why: "the text is p2p's own and names the code"}, segment, 0, addr)
				m.score = 100
				return []Cause{m}
			}
		}
	}
	return nil
}

func newMatch(can candidate, segment string, at int, addr string) Cause {
	page, _ := Page(can.code)
	start := max(0, at-60)
	m := Cause{Code: can.code, Kind: can.code.Kind().String(), Short: page.Short, Why: can.why,
		Excerpt: out.Clean(strings.TrimSpace(segment[start:min(len(segment), start+400)]), 240)}
	m.ConfirmCommand = "p2p probe " + placeholder + flagsFor(can.flags, segment)
	if addr != "" {
		m.setAddress(addr)
		if c, ok := corrected(addr, segment); ok {
			m.ConfirmCommand = strings.Replace(m.ConfirmCommand, addr, c, 1)
			m.Why += "; the command has the address with what the remote showed"
		}
	}
	return m
}

func (m *Cause) setAddress(addr string) {
	m.Address = addr
	m.ConfirmCommand = strings.Replace(m.ConfirmCommand, placeholder, addr, 1)
}

func flagsFor(flags, segment string) string {
	if flags == "" {
		return ""
	}
	if strings.Contains(flags, "{proto}") {
		found := patterns().proto.FindStringSubmatch(segment)
		if found == nil {
			return ""
		}
		flags = strings.ReplaceAll(flags, "{proto}", found[1])
	}
	return " " + flags
}

// lowerASCII keeps every byte's place, which strings.ToLower does not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
