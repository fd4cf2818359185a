package addr

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/fail"
)

const (
	maxAnswers = 64   // kept in a Query, which is for people; nothing is dropped from the resolution by it
	maxShown   = 1024 // bytes of one answer in a Query
	maxServers = 3    // of resolv.conf, as libc
)

// Query is one question that was asked and what came back.
type Query struct {
	Query   string    `json:"query"`
	Type    string    `json:"type"`
	Server  string    `json:"server,omitempty"` // "IP:port", the hosts file, or "system"
	TCP     bool      `json:"tcp,omitempty"`    // the answer did not fit into UDP
	Aliases []string  `json:"aliases,omitempty"`
	Answers []string  `json:"answers"`
	Omitted int       `json:"omitted,omitempty"` // answers that are not listed here
	TookMS  float64   `json:"took_ms"`
	Code    fail.Code `json:"code,omitempty"`
}

// found is what a query is worth to the resolver.
type found struct {
	queries []Query
	ips     []netip.Addr
	txt     []string
	err     *fail.Error
}

func (f *found) failed(codes ...fail.Code) bool {
	for _, c := range codes {
		if f.err != nil && f.err.Code == c {
			return true
		}
	}
	return false
}

// query asks for the records of name, following aliases that the server does not follow itself.
func (r *Resolver) query(ctx context.Context, servers []netip.AddrPort, name string, typ dnsmessage.Type) found {
	var f found
	seen := map[string]bool{}
	for at := name; ; {
		n, err := dnsmessage.NewName(strings.TrimSuffix(at, ".") + ".")
		if err != nil || badName(at) != "" {
			f.err = fail.New(fail.AddrBadValue, "resolve %s: it is no DNS name", quote(at)).WithHint("a DNS name has at most 253 characters, a label at most 63")
			return f
		}
		seen[strings.ToLower(at)] = true
		start := time.Now()
		rep, server := r.servers(ctx, servers, dnsmessage.Question{Name: n, Type: typ, Class: dnsmessage.ClassINET})
		q := Query{Query: at, Type: strings.TrimPrefix(typ.String(), "Type"), Server: server.String(), TCP: rep.tcp, Answers: []string{}, TookMS: since(start)}
		if a := rep.answer; a != nil {
			f.ips, f.txt = a.ips, a.txt
			q.Aliases = a.aliases
			q.show(a)
		}
		next := ""
		if a := rep.answer; a != nil && a.code() == fail.DNSNoData && a.end() != "" && len(seen) <= maxAliases {
			next = a.end()
		}
		switch {
		case ctx.Err() != nil && rep.answer == nil:
			f.err = cut(ctx, "resolve %s", quote(name))
		case next != "" && seen[strings.ToLower(next)]:
			f.err = r.explain(fail.DNSMalformed, "its CNAMEs run in a circle", name, typ, server)
		case next == "":
			f.err = r.verdict(rep, name, typ, server)
		}
		if f.err != nil {
			q.Code = f.err.Code
		}
		f.queries = append(f.queries, q)
		if next == "" || f.err != nil {
			return f
		}
		at = next
	}
}

// show lists the answers, valid UTF-8 and bounded.
func (q *Query) show(a *answer) {
	add := func(text string) {
		if len(q.Answers) == maxAnswers {
			q.Omitted++
			return
		}
		q.Answers = append(q.Answers, text)
	}
	for _, ip := range a.ips {
		add(ip.String())
	}
	for _, t := range a.txt {
		add(strings.ToValidUTF8(clip(t, maxShown), "\uFFFD"))
	}
}

// servers asks one server after the other, all of them Tries times, until one answers with or without
// records. Only silence is worth another try. Of several failures the one that says most is returned.
func (r *Resolver) servers(ctx context.Context, servers []netip.AddrPort, q dnsmessage.Question) (reply, netip.AddrPort) {
	var best reply
	var from netip.AddrPort
	silent := servers
	for range r.tries() {
		var again []netip.AddrPort
		for _, s := range silent {
			if ctx.Err() != nil {
				return best, from
			}
			rep := r.ask(ctx, s, q)
			if rep.answer != nil {
				rep.code = rep.answer.code()
			}
			if rep.answer != nil && (rep.code == "" || rep.code == fail.DNSNXDomain || rep.code == fail.DNSNoData) {
				return rep, s
			}
			if rep.code == fail.DNSTimeout {
				again = append(again, s)
			}
			if best.code == "" || weight(rep.code) > weight(best.code) {
				best, from = rep, s
			}
		}
		silent = again
	}
	return best, from
}

func weight(c fail.Code) int {
	switch c {
	case fail.DNSServfail, fail.DNSRefused:
		return 3
	case fail.DNSMalformed:
		return 2
	case fail.DNSTimeout:
		return 1
	}
	return 0
}

// verdict turns the last reply into the query's error, nil if there are records.
func (r *Resolver) verdict(rep reply, name string, typ dnsmessage.Type, server netip.AddrPort) *fail.Error {
	a := rep.answer
	if a == nil {
		return r.explain(rep.code, rep.why, name, typ, server)
	}
	switch c := a.code(); c {
	case "":
		return nil
	case fail.DNSNXDomain:
		return r.explain(c, "the name does not exist", name, typ, server)
	case fail.DNSRefused:
		return r.explain(c, "the server refuses the question", name, typ, server)
	case fail.DNSNoData:
		if a.lame {
			return r.explain(c, "the server knows nothing of the name and asks nobody else (it is no recursive resolver)", name, typ, server)
		}
		return r.explain(c, "the name exists, but has no such record", name, typ, server)
	default:
		return r.explain(c, fmt.Sprintf("the server fails (%s)", strings.TrimPrefix(a.rcode.String(), "RCode")), name, typ, server)
	}
}

func (r *Resolver) explain(code fail.Code, why, name string, typ dnsmessage.Type, server netip.AddrPort) *fail.Error {
	e := fail.New(code, "resolve %s (%s): %s; server %s", quote(name), strings.TrimPrefix(typ.String(), "Type"), why, server).
		WithStage("dns").WithDetail("name", clip(name, 256)).WithDetail("server", server.String())
	return e.WithHint("%s", dnsHint(code, name))
}

func dnsHint(code fail.Code, name string) string {
	switch code {
	case fail.DNSNXDomain:
		return "check the spelling, and whether the domain is still registered; a fresh record can take its zone's negative TTL to appear"
	case fail.DNSServfail:
		return "the zone's own servers may be down or its DNSSEC broken: compare with --dns 1.1.1.1:53"
	case fail.DNSRefused:
		return "the server does not serve this machine: ask another one with --dns IP:PORT"
	case fail.DNSTimeout:
		return "a firewall may drop port 53, or the server is down: ask another one with --dns IP:PORT"
	case fail.DNSNoServer:
		return "nothing answers at the DNS server's address: see /etc/resolv.conf, or ask another one with --dns IP:PORT"
	case fail.DNSMalformed:
		return "what answers is no working DNS server: ask another one with --dns IP:PORT"
	}
	return fmt.Sprintf("look at what the zone has for %s", clip(name, 256))
}

// cut is the error of a resolution that ran out of time or was interrupted.
func cut(ctx context.Context, format string, args ...any) *fail.Error {
	e := fail.Of(ctx.Err())
	return fail.New(e.Code, format+": %w", append(args, ctx.Err())...).WithStage("dns").WithHint("give it more time with --timeout")
}

func since(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }
