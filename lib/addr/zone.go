package addr

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

const (
	zoneTTL  = 300 // seconds; short, since addresses move
	maxTexts = 255 // bytes of one string in a TXT record (RFC 1035, 3.3.14)
)

// Record is one dnsaddr record: its value and its line in a zone file.
type Record struct {
	Value string `json:"value"`
	Line  string `json:"line"`
}

// Records returns the TXT records that publish addresses as /dnsaddr/NAME, each once.
func Records(name string, addrs []ma.Multiaddr) []Record {
	out := []Record{}
	for _, m := range addrs {
		value := "dnsaddr=" + m.String()
		if slices.ContainsFunc(out, func(r Record) bool { return r.Value == value }) {
			continue
		}
		out = append(out, Record{Value: value, Line: fmt.Sprintf("_dnsaddr.%s. %d IN TXT %s", name, zoneTTL, zoneText(value))})
	}
	return out
}

// zoneText writes a value as the quoted strings of a zone file (RFC 1035, 5.1).
func zoneText(s string) string {
	var parts []string
	for {
		n := min(len(s), maxTexts)
		var b strings.Builder
		for _, c := range []byte(s[:n]) {
			switch {
			case c == '"' || c == '\\':
				b.WriteString(`\` + string(c))
			case c < 0x20 || c > 0x7e:
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		parts = append(parts, `"`+b.String()+`"`)
		if s = s[n:]; s == "" {
			return strings.Join(parts, " ")
		}
	}
}

// AnswerBytes is the size of a DNS answer that holds the records; above 1232 it goes over TCP.
func AnswerBytes(name string, records []Record) int {
	n := 12 + len("_dnsaddr.") + len(name) + 2 + 4 + 11 // header, question, EDNS
	for _, r := range records {
		n += 2 + 10 + len(r.Value) + (len(r.Value)+maxTexts-1)/maxTexts
	}
	return n
}

// Published is how the dnsaddr records of a name differ from those wanted.
type Published struct {
	Present int      `json:"present"`
	Missing []string `json:"missing"`
	Extra   []string `json:"extra"`
	Chain   []Query  `json:"chain"`
}

// Published compares the dnsaddr records that DNS has for a name now with those wanted. The error
// says that records are missing, or why DNS could not be asked; records beyond those wanted are none.
func (r *Resolver) Published(ctx context.Context, name string, want []Record) (*Published, *fail.Error) {
	u := r.newRun()
	l := &looked{}
	u.dnsaddr(ctx, name, l)
	u.read("/dnsaddr/"+name, l)
	p := &Published{Missing: []string{}, Extra: []string{}, Chain: l.queries}
	var have []string
	for _, rec := range l.records {
		value := strings.ToValidUTF8(clip(rec.txt, maxShown), "\uFFFD")
		if rec.why == "" {
			value = "dnsaddr=" + rec.ma.String()
		}
		have = append(have, value)
		if !slices.ContainsFunc(want, func(w Record) bool { return w.Value == value }) && len(p.Extra) < maxAnswers {
			p.Extra = append(p.Extra, value)
		}
	}
	for _, w := range want {
		if slices.Contains(have, w.Value) {
			p.Present++
		} else {
			p.Missing = append(p.Missing, w.Value)
		}
	}
	switch {
	case l.err != nil:
		return p, l.err
	case len(p.Missing) > 0:
		return p, fail.New(fail.DNSNoDnsaddr, "check %s: %d of %d records are missing; server %s", quote("/dnsaddr/"+name), len(p.Missing), len(want), l.queries[0].Server).
			WithStage("dns").WithHint("put the lines into the zone and raise its serial; resolvers show the old state until its TTL has passed")
	}
	return p, nil
}
