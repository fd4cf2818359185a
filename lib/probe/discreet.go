package probe

import (
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// hush takes out of a report what a public exporter must not repeat: words of the remote, and every IP
// address that the guard refuses, because it tells of the network that the exporter stands in: what its
// names resolve to, its DNS server, its own address.
func hush(r *Report, guard func(netip.Addr) *fail.Error) {
	v := veil{guard}
	errs := append([]*fail.Error{r.Error}, r.Warnings...)
	for _, a := range r.Addresses {
		for _, s := range a.Stages {
			quiet(s.Detail)
			v.facts(s.Detail)
		}
		if a.Error != nil && a.Error.Code == fail.ServeForbidden && a.ResolvedFrom != "" {
			a.Addr, a.ResolvedFrom = a.ResolvedFrom, ""
		}
		errs = append(errs, a.Error)
	}
	for _, e := range errs {
		if e == nil {
			continue
		}
		e.Cause = ""
		quiet(e.Detail)
		v.facts(e.Detail)
		e.Message, e.Hint = v.text(e.Message), v.text(e.Hint)
	}
}

func quiet(facts map[string]any) {
	for _, k := range []string{"body", "server", "banner"} {
		delete(facts, k)
	}
}

// veil hides the addresses that a guard refuses; without a guard it hides nothing.
type veil struct {
	guard func(netip.Addr) *fail.Error
}

var ipLike = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*`) })

func (v veil) text(s string) string {
	if v.guard == nil {
		return s
	}
	return ipLike().ReplaceAllStringFunc(s, func(word string) string {
		text := strings.TrimRight(word, ".:")
		ip, err := netip.ParseAddr(text)
		if err != nil && strings.HasSuffix(word, "::") {
			text = word
			ip, err = netip.ParseAddr(text)
		}
		if at, bad := netip.ParseAddrPort(text); bad == nil {
			ip, err = at.Addr(), nil
		}
		if err != nil || v.guard(ip) == nil {
			return word
		}
		return "(not public)" + word[len(text):]
	})
}

func (v veil) facts(facts map[string]any) {
	for k, fact := range facts {
		switch f := fact.(type) {
		case string:
			facts[k] = v.text(f)
		case []string:
			facts[k] = v.texts(f)
		case []addr.Query:
			chain := make([]addr.Query, len(f))
			for i, q := range f {
				q.Server, q.Answers = v.text(q.Server), v.texts(q.Answers)
				chain[i] = q
			}
			facts[k] = chain
		}
	}
}

func (v veil) texts(list []string) []string {
	veiled := make([]string, len(list))
	for i, s := range list {
		veiled[i] = v.text(s)
	}
	return veiled
}
