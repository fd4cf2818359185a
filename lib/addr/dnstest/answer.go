package dnstest

import (
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

func unquote(s string) (string, error) { return strconv.Unquote(s) }

// answer returns the messages to send for a question: none, one, or a wrong one and the right one.
func (s *Server) answer(b []byte, tcp bool) [][]byte {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	p.SkipAllQuestions()
	p.SkipAllAnswers()
	p.SkipAllAuthorities()
	limit, edns := 512, false
	if a, err := p.AdditionalHeader(); err == nil && a.Type == dnsmessage.TypeOPT {
		limit, edns = int(a.Class), true
	}
	s.mu.Lock()
	s.log = append(s.log, strings.TrimSuffix(q.Name.String(), ".")+" "+strings.TrimPrefix(q.Type.String(), "Type")+" "+map[bool]string{true: "tcp", false: "udp"}[tcp])
	s.mu.Unlock()
	e, exists := s.find(q.Name)
	head := dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: true, RecursionAvailable: true}
	if !exists || e.fault == NXDomain {
		head.RCode = dnsmessage.RCodeNameError
	}
	wrong := head
	wrong.ID++
	switch e.fault {
	case Silent:
		return nil
	case Garbage:
		return [][]byte{[]byte("HTTP/1.1 400 Bad Request\r\n\r\n")}
	case WrongID:
		return [][]byte{s.build(wrong, q)}
	case Duplicate:
		return [][]byte{s.build(wrong, q), s.build(head, q)}
	case Short:
		m := s.build(head, q)
		return [][]byte{m[:len(m)-3]}
	case Servfail:
		head.RCode = dnsmessage.RCodeServerFailure
	case Refused:
		head.RCode = dnsmessage.RCodeRefused
	case NotImp:
		head.RCode = dnsmessage.RCodeNotImplemented
	case Lame:
		head.RecursionAvailable = false
	case NoEDNS:
		if edns {
			head.RCode = dnsmessage.RCodeFormatError
		}
	case Truncated, TCPClosed, TCPSilent:
		if tcp && e.fault == TCPSilent {
			return nil
		}
		head.Truncated = !tcp
	}
	m := s.build(head, q)
	if !tcp && len(m) > limit {
		head.Truncated = true
		m = s.build(head, q)
	}
	return [][]byte{m}
}

// build makes an answer; one that is truncated or fails has no records. Records beyond what a
// message can hold are dropped.
func (s *Server) build(h dnsmessage.Header, q dnsmessage.Question) []byte {
	b := dnsmessage.NewBuilder(nil, h)
	b.EnableCompression()
	b.StartQuestions()
	b.Question(q)
	b.StartAnswers()
	if !h.Truncated && h.RCode == dnsmessage.RCodeSuccess {
		s.records(&b, q)
	}
	m, err := b.Finish()
	if err != nil {
		return nil
	}
	return m
}

func (s *Server) records(b *dnsmessage.Builder, q dnsmessage.Question) {
	name := q.Name
	for range 8 { // aliases, also in a circle
		e, _ := s.find(name)
		rh := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}
		if e.cname != "" {
			next := dnsmessage.MustNewName(strings.TrimSuffix(e.cname, ".") + ".")
			b.CNAMEResource(rh, dnsmessage.CNAMEResource{CNAME: next})
			if name = next; e.fault == OneAlias {
				return
			}
			continue
		}
		size := 0
		switch q.Type {
		case dnsmessage.TypeA:
			for _, ip := range e.a {
				b.AResource(rh, dnsmessage.AResource{A: ip.As4()})
			}
		case dnsmessage.TypeAAAA:
			for _, ip := range e.aaaa {
				b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: ip.As16()})
			}
		case dnsmessage.TypeTXT:
			for _, t := range e.txt {
				if size += len(t) + len(t)/255 + 13; size > 64000 {
					return
				}
				b.TXTResource(rh, dnsmessage.TXTResource{TXT: pieces(t)})
			}
		}
		return
	}
}

// pieces cuts a text into the strings of at most 255 bytes that a TXT record consists of.
func pieces(t string) []string {
	var out []string
	for len(t) > 255 {
		out, t = append(out, t[:255]), t[255:]
	}
	return append(out, t)
}
