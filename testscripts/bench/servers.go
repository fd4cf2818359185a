package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

const hosts = 8 // healthy ones, which the batch takes in turn

// served is what the servers' process tells: the healthy addresses, and one fault each.
type served struct {
	Healthy []string
	Faults  []fault
}

type fault struct {
	Name string
	Args []string // of p2p probe
	Code string
}

// server lets the faulty servers of the tests run in a program: what fails ends it.
type server struct {
	testing.TB
	cleanups []func()
}

// Helper has nothing to hide from: there is no test.
func (s *server) Helper() {}

// Cleanup keeps f for the end of the process.
func (s *server) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Fatal ends the process.
func (s *server) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"bench serve:"}, args...)...)
	os.Exit(1)
}

// Fatalf ends the process.
func (s *server) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

// serve runs all servers, tells their addresses in one line, and ends when stdin does.
func serve() {
	s := &server{}
	var out served
	for range hosts {
		out.Healthy = append(out.Healthy, faulttest.Addr(s, faulttest.Host(s), ma.P_TCP))
	}
	out.Faults = faults(s, out.Healthy)
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		s.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}

func faults(s *server, healthy []string) []fault {
	base, id, _ := strings.Cut(healthy[0], "/p2p/")
	_, other, _ := strings.Cut(healthy[1], "/p2p/")
	id, other = "/p2p/"+id, "/p2p/"+other
	ws := faulttest.Addr(s, faulttest.Host(s, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws")), ma.P_WS)
	wsPort := strings.Split(ws, "/")[4]
	dns, err := dnstest.New("broken.test FAULT servfail\n")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(dns.Close)
	ca := faulttest.NewCA(s, "an authority of the bench")
	expired := ca.Leaf(s, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-72*time.Hour), time.Now().Add(-48*time.Hour)
	})
	onTLS := func(c tls.Certificate) string {
		return faulttest.TLS(s, &tls.Config{Certificates: []tls.Certificate{c}}, func(net.Conn) {}) + "/tls/ws" + id
	}
	closedUDP := fmt.Sprintf("/ip4/127.0.0.1/udp/%d", faulttest.FreeUDP(s, "127.0.0.1"))
	hash := "/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ" // of any certificate
	at := func(name string, code fail.Code, args ...string) fault { return fault{name, args, string(code)} }
	return []fault{
		at("refused", fail.DialRefused, faulttest.ClosedPort(s)+id),
		at("reset", fail.DialClosed, faulttest.Raw(s, faulttest.Reset)+id),
		at("closed", fail.DialClosed, faulttest.Raw(s, func(net.Conn) {})+id),
		at("ssh", fail.DialWrongService, faulttest.Raw(s, faulttest.Say("SSH-2.0-OpenSSH_9.6\r\n"))+id),
		at("UDP closed, quic-v1", fail.DialRefused, closedUDP+"/quic-v1"+id),
		at("UDP closed, webtransport", fail.DialRefused, closedUDP+"/quic-v1/webtransport"+hash+id),
		at("UDP closed, webrtc-direct", fail.DialRefused, closedUDP+"/webrtc-direct"+hash+id),
		at("certificate expired", fail.TLSExpired, onTLS(expired)),
		at("certificate self-signed", fail.TLSSelfSigned, onTLS(faulttest.SelfSigned(s))),
		at("certificate unknown", fail.TLSUnknownAuthority, onTLS(ca.Leaf(s, nil))),
		at("no TLS", fail.TLSNotTLS, strings.Replace(ws, "/ws", "/tls/ws", 1)),
		at("HTTP 404", fail.WSStatus, faulttest.HTTP(s, faulttest.Status(404, "not here"))+"/ws"+id),
		at("HTTP 502", fail.WSBadGateway, faulttest.HTTP(s, faulttest.Status(502, ""))+"/ws"+id),
		at("HTTP, Upgrade stripped", fail.WSProxyNoUpgrade, faulttest.HTTP(s, faulttest.Stripping(s, "http://127.0.0.1:"+wsPort))+"/ws"+id),
		at("DNS, no such name", fail.DNSNXDomain, "--dns", dns.Addr.String(), "/dns4/missing.test/tcp/4001"+id),
		at("DNS, server failure", fail.DNSServfail, "--dns", dns.Addr.String(), "/dns4/broken.test/tcp/4001"+id),
		at("another identity", fail.SecurityPeerIDMismatch, base+other),
		at("no common security", fail.SecurityNoCommon, faulttest.Raw(s, faulttest.Multistream("/plaintext/2.0.0"))+id),
	}
}
