package addr

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/fail"
)

// txtRecords asks for TXT, by own messages or, without servers, by the system.
func (u *run) txtRecords(ctx context.Context, name string) found {
	if len(u.conf.servers) == 0 {
		return u.r.bySystem(ctx, "TXT", "", name)
	}
	return u.r.query(ctx, u.conf.servers, name, dnsmessage.TypeTXT)
}

// dnsaddr looks up the TXT records of _dnsaddr.NAME. If there are none it looks at NAME itself,
// where they are put by mistake.
func (u *run) dnsaddr(ctx context.Context, name string, l *looked) {
	l.found = u.txtRecords(ctx, "_dnsaddr."+name)
	all := len(l.txt)
	if l.err != nil && !l.failed(fail.DNSNXDomain, fail.DNSNoData) {
		return
	}
	l.txt = slices.DeleteFunc(l.txt, func(t string) bool { return !isDnsaddr(t) })
	if len(l.txt) > 0 {
		return
	}
	apex := u.txtRecords(ctx, name)
	l.queries = append(l.queries, apex.queries...)
	if apex.failed(fail.DNSNXDomain) && l.err != nil {
		l.err = fail.New(fail.DNSNXDomain, "resolve %s: neither _dnsaddr.%s nor the name itself exists; server %s", quote("/dnsaddr/"+name), clip(name, 256), l.queries[0].Server).
			WithStage("dns").WithDetail("name", clip(name, 256)).WithHint("%s", dnsHint(fail.DNSNXDomain, name))
		return
	}
	e := fail.New(fail.DNSNoDnsaddr, "resolve %s: _dnsaddr.%s has no dnsaddr record%s; server %s", quote("/dnsaddr/"+name), clip(name, 256), others(all), l.queries[0].Server).
		WithStage("dns").WithDetail("name", clip(name, 256))
	switch n := count(apex.txt, isDnsaddr); {
	case strings.HasPrefix(name, "_dnsaddr."):
		e = e.WithHint("_dnsaddr. is put in front by itself: write /dnsaddr/%s", strings.TrimPrefix(name, "_dnsaddr."))
	case n > 0:
		e = e.WithDetail("misplaced", n).WithHint("%d dnsaddr records are on %s itself: move them to _dnsaddr.%s", n, clip(name, 200), clip(name, 200))
	default:
		e = e.WithHint("print the records that belong there: p2p addr dnsaddr --name %s MULTIADDR", clip(name, 200))
	}
	l.err = e
}

// read parses the records of a name, as far as the bounds of the whole resolution allow.
func (u *run) read(name string, l *looked) {
	texts := l.txt
	l.txt = nil
	for i, txt := range texts {
		if u.recordsLeft--; u.recordsLeft < 0 || len(txt) > u.bytesLeft {
			u.out.Omitted += len(texts) - i
			if i == 0 {
				l.err = tooMuch(name, "records of names would have to be read", maxRecords)
			}
			return
		}
		u.bytesLeft -= len(txt)
		m, why := readRecord(txt)
		l.records = append(l.records, record{txt: txt, ma: m, why: why})
	}
}

func tooMuch(name, what string, n int) *fail.Error {
	return fail.New(fail.DNSDnsaddrLoop, "resolve %s: more than %d %s", quote(name), n, what).
		WithStage("dns").WithHint("a zone whose dnsaddr records lead to so many others cannot be used; give the address of one peer")
}

func others(txt int) string {
	if txt == 0 {
		return ""
	}
	return fmt.Sprintf(" among its %d TXT records", txt)
}

func count(txt []string, is func(string) bool) (n int) {
	for _, t := range txt {
		if is(t) {
			n++
		}
	}
	return n
}

// isDnsaddr tells a dnsaddr record, also a badly written one, from SPF and other TXT records.
func isDnsaddr(txt string) bool {
	s := strings.ToLower(strings.TrimLeft(txt, " \t\"'"))
	if strings.HasPrefix(s, "dnsaddr") {
		return true
	}
	rest, slash := strings.CutPrefix(s, "/")
	return slash && knownName(firstWord(rest))
}

// record is one dnsaddr record, or why it is none.
type record struct {
	txt string
	ma  ma.Multiaddr
	why string
}

// readRecord returns the multiaddr of a dnsaddr record, or why it has none. It is as strict as the
// clients that read it (specs/addressing, dnsaddr): no blank, no quote, the exact prefix.
func readRecord(txt string) (ma.Multiaddr, string) {
	value, ok := strings.CutPrefix(txt, "dnsaddr=")
	if !ok {
		return nil, `it does not begin with "dnsaddr="`
	}
	a, f := parse(value)
	if f != nil {
		return nil, f.what
	}
	if strings.TrimFunc(value, blank) != value {
		return nil, "there are blanks around the address"
	}
	return a.MA, ""
}

// records replaces /dnsaddr/NAME at component i of an item by its records. What follows it, up to
// a circuit, selects the records that end in the same.
func (u *run) records(it item, i int, l *looked) []item {
	name := strings.ToLower(strings.TrimSuffix(it.MA[i].Value(), "."))
	if slices.Contains(it.path, name) || len(it.path) >= maxDepth {
		u.fail(loop(it, name), it.MA.String())
		return nil
	}
	path := append(slices.Clone(it.path), name)
	rest := it.MA[i+1:]
	var circuit ma.Multiaddr
	if c := index(rest, ma.P_CIRCUIT); c >= 0 {
		rest, circuit = rest[:c], rest[c:]
	}
	var t tally
	var out []item
	from := it.MA.String()
	for _, rec := range l.records {
		if !t.take(rec, rest) {
			continue
		}
		if len(out) == MaxLeaves {
			u.out.Omitted++
			continue
		}
		out = append(out, item{Leaf: Leaf{MA: join(it.MA[:i], rec.ma, circuit), From: from}, path: path})
	}
	e := t.malformed(it.MA[i].Value())
	switch {
	case e == nil:
	case len(out)+t.other+t.nobody > 0:
		u.warnOnce(e)
	default:
		u.fail(e, it.MA.String())
	}
	if len(out) == 0 && t.other+t.nobody > 0 {
		u.fail(t.otherPeer(it.MA[i].Value(), rest), it.MA.String())
	}
	return out
}

func (u *run) warnOnce(e *fail.Error) {
	same := func(w *fail.Error) bool { return w.Code == e.Code && w.Message == e.Message }
	if !slices.ContainsFunc(u.out.Warnings, same) {
		u.out.Warnings = append(u.out.Warnings, e)
	}
}

func loop(it item, name string) *fail.Error {
	chain := strings.Join(append(slices.Clone(it.path), name), " → ")
	what := "its dnsaddr records lead back to themselves"
	if !slices.Contains(it.path, name) {
		what = fmt.Sprintf("its dnsaddr records are nested deeper than %d", maxDepth)
	}
	return fail.New(fail.DNSDnsaddrLoop, "resolve %s: %s: %s", quote(it.MA.String()), what, clip(chain, 400)).WithStage("dns").
		WithDetail("chain", append(slices.Clone(it.path), name)).WithHint("remove the record that points back; each name should lead to addresses")
}

// tally sorts the records of one name.
type tally struct {
	bad    []string // record and reason
	malf   int
	other  int // good, for other peers
	nobody int // good, without the id that was asked for or any
	ids    []string
}

const maxListed = 16 // bad records and other peers' ids in an error

// take tells whether a record is a good one that ends in rest; the others are counted.
func (t *tally) take(r record, rest ma.Multiaddr) bool {
	switch {
	case r.why != "":
		t.malf++
		if len(t.bad) < maxListed {
			t.bad = append(t.bad, fmt.Sprintf("%s: %s", quote(clip(r.txt, 200)), r.why))
		}
		return false
	case len(r.ma) >= len(rest) && r.ma[len(r.ma)-len(rest):].Equal(rest):
		return true
	}
	id := lastID(r.ma)
	if id == "" {
		t.nobody++
		return false
	}
	t.other++
	if s := id.String(); len(t.ids) < maxListed && !slices.Contains(t.ids, s) {
		t.ids = append(t.ids, s)
	}
	return false
}

func (t *tally) malformed(name string) *fail.Error {
	if t.malf == 0 {
		return nil
	}
	return fail.New(fail.DNSDnsaddrMalformed, "resolve %s: %d malformed dnsaddr record(s): %s", quote("/dnsaddr/"+name), t.malf, strings.Join(t.bad[:min(len(t.bad), 3)], "; ")).
		WithStage("dns").WithDetail("records", t.bad).WithHint(`a record is "dnsaddr=" and a multiaddr, without blanks or quotes inside: p2p addr dnsaddr --name %s MULTIADDR`, clip(name, 200))
}

func (t *tally) otherPeer(name string, rest ma.Multiaddr) *fail.Error {
	e := fail.New(fail.DNSDnsaddrOtherPeer, "resolve %s: none of its %d dnsaddr records ends in %s", quote("/dnsaddr/"+name), t.other+t.nobody, rest).WithStage("dns")
	if t.nobody > 0 {
		e = e.WithDetail("without_peer_id", t.nobody)
	}
	if len(t.ids) == 0 {
		return e.WithHint("the records name no peer: append /p2p/ID to each")
	}
	return e.WithDetail("peer_ids", t.ids).WithHint("its records are for %s; was the identity regenerated?", strings.Join(t.ids[:min(len(t.ids), 4)], ", "))
}
