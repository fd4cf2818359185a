package addr

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/fail"
)

const maxAliases = 16 // CNAMEs followed, within an answer and over several

// answer is what one DNS message said about one question.
type answer struct {
	rcode     dnsmessage.RCode
	truncated bool
	lame      bool // an empty answer of a server that does not recurse
	ips       []netip.Addr
	txt       []string // each record's strings joined
	aliases   []string // the CNAMEs in their order
}

func (a *answer) empty() bool { return len(a.ips) == 0 && len(a.txt) == 0 }

// end is the name at the end of the aliases, "" if there are none.
func (a *answer) end() string {
	if len(a.aliases) == 0 {
		return ""
	}
	return a.aliases[len(a.aliases)-1]
}

// flaw is why bytes are no answer to the question.
type flaw string

func (f flaw) Error() string { return string(f) }

// readAnswer reads one DNS message (RFC 1035) as the answer to the question of that id.
func readAnswer(b []byte, id uint16, q dnsmessage.Question) (*answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	switch {
	case err != nil:
		return nil, flaw(fmt.Sprintf("%d bytes that are no DNS message", len(b)))
	case !h.Response && h.ID == id:
		return nil, flaw("the question came back instead of an answer")
	}
	asked, err := p.AllQuestions()
	switch {
	case err != nil:
		return nil, flaw(fmt.Sprintf("%d bytes that are no DNS message", len(b)))
	case h.ID != id || !h.Response:
		return nil, flaw("the answer has the id of another question")
	}
	if len(asked) > 1 || len(asked) == 1 && (asked[0].Type != q.Type || asked[0].Class != q.Class || !same(asked[0].Name, q.Name)) {
		return nil, flaw("it answers another question")
	}
	a := &answer{rcode: h.RCode, truncated: h.Truncated}
	if len(asked) == 0 && h.RCode == dnsmessage.RCodeSuccess {
		return nil, flaw("it answers no question")
	}
	if h.Truncated || h.RCode != dnsmessage.RCodeSuccess && h.RCode != dnsmessage.RCodeNameError {
		return a, nil
	}
	if err := a.read(&p, q); err != nil {
		return nil, err
	}
	a.lame = a.empty() && len(a.aliases) == 0 && !h.RecursionAvailable && !h.Authoritative
	return a, nil
}

// read takes the records of the name and of its aliases. A server may put them in any order, so
// the records are collected by owner before the chain is followed.
func (a *answer) read(p *dnsmessage.Parser, q dnsmessage.Question) error {
	alias := map[string]string{}
	ips, txt := map[string][]netip.Addr{}, map[string][]string{}
	for {
		h, err := p.AnswerHeader()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err == nil {
			err = take(p, h, q.Type, alias, ips, txt)
		}
		if err != nil {
			return flaw("the answer section is broken: " + err.Error())
		}
	}
	name := key(q.Name)
	seen := map[string]bool{name: true}
	for alias[name] != "" && len(ips[name]) == 0 && len(txt[name]) == 0 {
		name = alias[name]
		if seen[name] || len(seen) > maxAliases {
			return flaw("its CNAMEs run in a circle")
		}
		seen[name] = true
		a.aliases = append(a.aliases, strings.TrimSuffix(name, "."))
	}
	a.ips, a.txt = ips[name], txt[name]
	return nil
}

func take(p *dnsmessage.Parser, h dnsmessage.ResourceHeader, want dnsmessage.Type, alias map[string]string, ips map[string][]netip.Addr, txt map[string][]string) error {
	owner := key(h.Name)
	switch {
	case h.Class != dnsmessage.ClassINET:
		return p.SkipAnswer()
	case h.Type == dnsmessage.TypeCNAME:
		r, err := p.CNAMEResource()
		if err == nil {
			alias[owner] = key(r.CNAME)
		}
		return err
	case h.Type != want:
		return p.SkipAnswer()
	case want == dnsmessage.TypeA:
		r, err := p.AResource()
		ips[owner] = append(ips[owner], netip.AddrFrom4(r.A))
		return err
	case want == dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		ips[owner] = append(ips[owner], netip.AddrFrom16(r.AAAA))
		return err
	}
	r, err := p.TXTResource()
	txt[owner] = append(txt[owner], strings.Join(r.TXT, ""))
	return err
}

func key(n dnsmessage.Name) string { return strings.ToLower(n.String()) }

func same(a, b dnsmessage.Name) bool { return key(a) == key(b) }

// code returns the fault that the answer itself reports, "" if it has records.
func (a *answer) code() fail.Code {
	switch {
	case a.rcode == dnsmessage.RCodeNameError:
		return fail.DNSNXDomain
	case a.rcode == dnsmessage.RCodeRefused:
		return fail.DNSRefused
	case a.rcode != dnsmessage.RCodeSuccess:
		return fail.DNSServfail
	case a.empty():
		return fail.DNSNoData
	}
	return ""
}
