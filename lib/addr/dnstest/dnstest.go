// Package dnstest is a real DNS server on loopback, UDP and TCP, that is right or faulty name by name.
// Its rule: it is imported by tests only.
package dnstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The faults that a line "name FAULT word" gives a name, for every type of question.
const (
	Servfail  = "servfail"
	Refused   = "refused"
	NotImp    = "notimp"
	NXDomain  = "nxdomain"  // also for a name that has names below it
	Silent    = "silent"    // no answer at all
	Garbage   = "garbage"   // text instead of a message
	Short     = "short"     // the message ends in its middle
	WrongID   = "wrongid"   // the answer to another question
	Lame      = "lame"      // empty, from a server that does not recurse
	NoEDNS    = "noedns"    // FORMERR to questions with EDNS, as old servers
	Truncated = "truncated" // TC over UDP; over TCP all is well
	TCPClosed = "tcpclosed" // TC over UDP, and TCP is closed after the question
	TCPSilent = "tcpsilent" // TC over UDP, and no answer over TCP
	OneAlias  = "onealias"  // only the name's own CNAME, which is not followed
	Duplicate = "duplicate" // a wrong answer first, the right one at once behind it
)

type entry struct {
	a, aaaa []netip.Addr
	txt     []string
	cname   string
	fault   string
}

// Server is a running DNS server.
type Server struct {
	Addr netip.AddrPort

	udp  net.PacketConn
	tcp  net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	zone map[string]*entry
	log  []string
	open map[net.Conn]bool
}

// Start runs a server for a zone until the test ends.
func Start(t testing.TB, zone string) *Server {
	t.Helper()
	s, err := New(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// New runs a server on a free port of 127.0.0.1. A zone has one record a line, "name TYPE value" with
// the types A, AAAA, TXT, CNAME and FAULT; a TXT value is the rest of the line, in Go quotes if it must be.
// A name that is not in it does not exist.
func New(zone string) (*Server, error) {
	s := &Server{open: map[net.Conn]bool{}}
	if err := s.Set(zone); err != nil {
		return nil, err
	}
	var err error
	for range 20 { // the UDP port may be taken for TCP
		if s.udp, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		if s.tcp, err = net.Listen("tcp4", s.udp.LocalAddr().String()); err == nil {
			break
		}
		s.udp.Close()
	}
	if err != nil {
		return nil, err
	}
	s.Addr = netip.MustParseAddrPort(s.udp.LocalAddr().String())
	s.wg.Go(s.serveUDP)
	s.wg.Go(s.serveTCP)
	return s, nil
}

// Close stops the server and waits for it.
func (s *Server) Close() {
	s.udp.Close()
	s.tcp.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Set replaces the zone.
func (s *Server) Set(zone string) error {
	z := map[string]*entry{}
	for line := range strings.Lines(zone) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if f[0] == "" || f[0][0] == '#' {
			continue
		}
		if len(f) != 3 {
			return fmt.Errorf("zone line %q: want name TYPE value", line)
		}
		name := strings.ToLower(f[0])
		if z[name] == nil {
			z[name] = &entry{}
		}
		if err := z[name].add(f[1], strings.TrimSpace(f[2])); err != nil {
			return fmt.Errorf("zone line %q: %w", line, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = z
	return nil
}

func (e *entry) add(typ, value string) (err error) {
	var ip netip.Addr
	switch typ {
	case "A":
		ip, err = netip.ParseAddr(value)
		e.a = append(e.a, ip)
	case "AAAA":
		ip, err = netip.ParseAddr(value)
		e.aaaa = append(e.aaaa, ip)
	case "TXT":
		if strings.HasPrefix(value, "`") || strings.HasPrefix(value, `"`) {
			value, err = unquote(value)
		}
		e.txt = append(e.txt, value)
	case "CNAME":
		e.cname = value
	case "FAULT":
		e.fault = value
	default:
		err = errors.New("unknown type")
	}
	return err
}

// Asked returns every question so far as "name TYPE udp|tcp".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

func (s *Server) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, b := range s.answer(buf[:n], false) {
			s.udp.WriteTo(b, from)
		}
	}
}

func (s *Server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		s.mu.Unlock()
		s.wg.Go(func() { s.stream(c) })
	}
}

func (s *Server) stream(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	c.SetDeadline(time.Now().Add(time.Minute))
	for {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		if s.faultOf(b) == TCPClosed {
			return
		}
		for _, m := range s.answer(b, true) {
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
		}
	}
}

func (s *Server) faultOf(b []byte) string {
	var p dnsmessage.Parser
	if _, err := p.Start(b); err != nil {
		return ""
	}
	q, err := p.Question()
	if err != nil {
		return ""
	}
	e, _ := s.find(q.Name)
	return e.fault
}

// find returns what the zone has for a name, and whether it exists.
func (s *Server) find(n dnsmessage.Name) (entry, bool) {
	name := strings.ToLower(strings.TrimSuffix(n.String(), "."))
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.zone[name]; e != nil {
		return *e, true
	}
	for other := range s.zone {
		if strings.HasSuffix(other, "."+name) {
			return entry{}, true
		}
	}
	return entry{}, false
}
