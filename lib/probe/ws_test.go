package probe_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libp2p/go-libp2p"
	libp2pws "github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

const someID = "/p2p/12D3KooWGRUaq6XUFVSzMkWZAYGDEmyB2yTrWJvnwAsvg9aVjwWT"

func TestHealthyWS(t *testing.T) {
	h := faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws"))
	r := run(t, quick(), faulttest.Addr(t, h, ma.P_WS))
	if !r.OK || r.Addresses[0].Transport != "ws" || r.PeerID != h.ID().String() {
		t.Fatalf("%+v", r.Error)
	}
}

func TestHealthyWSS(t *testing.T) {
	ca := faulttest.NewCA(t, "our CA")
	soon := ca.Leaf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(50 * time.Hour) })
	h := faulttest.Host(t, libp2p.NoTransports, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/tls/ws"),
		libp2p.Transport(libp2pws.New, libp2pws.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{soon}})))
	o := quick()
	o.Roots, o.Browser = ca.Pool(), true
	r := run(t, o, faulttest.Addr(t, h, ma.P_WS))
	if !r.OK || r.Addresses[0].Transport != "wss" || !r.Browser.Dialable {
		t.Fatalf("%+v", r.Error)
	}
	found := false
	for _, w := range r.Warnings {
		found = found || w.Code == fail.TLSExpiresSoon && w.Detail["days_left"] == 2
	}
	if !found {
		t.Errorf("no tls.expires_soon in %v", r.Warnings)
	}
}

// A browser's limits are told, and do not make a good address bad.
func TestBrowserCannot(t *testing.T) {
	o := quick()
	o.Browser = true
	r := run(t, o, faulttest.Addr(t, faulttest.Host(t), ma.P_TCP))
	if !r.OK || r.Browser.Dialable || len(r.Browser.WhyNot) != 1 || !strings.Contains(r.Browser.WhyNot[0], "raw TCP") {
		t.Errorf("%+v %+v", r.Browser, r.Error)
	}
	r = run(t, o, faulttest.ClosedPort(t)+"/tls/ws"+someID)
	if r.Browser.Dialable || !strings.Contains(r.Browser.WhyNot[0], "dial.refused") {
		t.Errorf("%+v", r.Browser)
	}
}

func TestWSFaults(t *testing.T) {
	libp2pWS := faulttest.Addr(t, faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws")), ma.P_WS)
	port := strings.Split(libp2pWS, "/")[4]
	raw := faulttest.Addr(t, faulttest.Host(t), ma.P_TCP)
	ca := faulttest.NewCA(t, "our CA")
	onTLS := faulttest.TLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf(t, nil)}}, faulttest.Silent)
	for _, c := range []struct {
		name, target string
		code         fail.Code
		hint         string
	}{
		{"404", faulttest.HTTP(t, faulttest.Status(404, "<html>\x1b[31mnot here")), fail.WSStatus, "host and path"},
		{"403", faulttest.HTTP(t, faulttest.Status(403, "no")), fail.WSStatus, "own rules"},
		{"429", faulttest.HTTP(t, faulttest.Status(429, "slow down")), fail.WSStatus, "429"},
		{"stripped", faulttest.HTTP(t, faulttest.Stripping(t, "http://127.0.0.1:"+port)), fail.WSProxyNoUpgrade, "proxy_set_header Upgrade"},
		{"502", faulttest.HTTP(t, faulttest.Status(502, "bad gateway", "Server", "nginx")), fail.WSBadGateway, "proxy_pass"},
		{"504", faulttest.HTTP(t, faulttest.Status(504, "")), fail.WSBadGateway, "reverse_proxy"},
		{"redirect", faulttest.HTTP(t, faulttest.Status(301, "", "Location", "https://elsewhere.example/")), fail.WSRedirect, "p2p probe /dns/elsewhere.example/tcp/443/tls/ws/p2p/12D3"},
		{"raw libp2p", strings.Split(raw, "/p2p/")[0], fail.WSRawLibp2p, strings.Split(raw, "/p2p/")[0]},
		{"raw, waits for the dialer", faulttest.Raw(t, faulttest.Patient("")), fail.WSRawLibp2p, "p2p probe"},
		{"tls port", onTLS, fail.WSTLSPort, "/tls/ws"},
		{"silent", faulttest.Raw(t, faulttest.Silent), fail.WSTimeout, "backend"},
		{"reset", faulttest.Raw(t, faulttest.Reset), fail.DialClosed, "limit per address"},
		{"ssh", faulttest.Raw(t, faulttest.Say("SSH-2.0-x\r\n")), fail.DialWrongService, "another service"},
		{"wrong accept", faulttest.Raw(t, faulttest.Answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n")), fail.WSMalformed, "pass the upgrade"},
		{"broken", faulttest.Raw(t, faulttest.Answer("HTTP/1.1 xx\r\n\r\n")), fail.WSMalformed, "what listens"},
		{"endless headers", faulttest.Raw(t, faulttest.Endless("HTTP/1.1 404 Not Found\r\n", "X-Header: "+strings.Repeat("x", 1000)+"\r\n")), fail.WSMalformed, "what listens"},
		{"endless body", faulttest.Raw(t, faulttest.Endless("HTTP/1.1 404 Not Found\r\nContent-Length: 99999999999\r\n\r\n", strings.Repeat("x", 4096))), fail.WSStatus, "host and path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, quick(), c.target+"/ws"+someID, c.code, "http", c.hint)
		})
	}
}

func TestWSAfterUpgrade(t *testing.T) {
	bye := func(c *websocket.Conn) {
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1008, "\x1b[2Jgo away"), time.Now().Add(time.Second))
		_, _, _ = c.ReadMessage()
	}
	chat := func(c *websocket.Conn) {
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"hello":"chat"}`))
		_, _, _ = c.ReadMessage()
		_, _, _ = c.ReadMessage()
	}
	binary := func(c *websocket.Conn) {
		_ = c.WriteMessage(websocket.BinaryMessage, []byte("another protocol altogether"))
		_, _, _ = c.ReadMessage()
		_, _, _ = c.ReadMessage()
	}
	for _, c := range []struct {
		name   string
		handle func(*websocket.Conn)
		code   fail.Code
		hint   string
	}{
		{"close frame", bye, fail.WSClosed, "log"},
		{"dropped", func(*websocket.Conn) {}, fail.WSClosed, "log"},
		{"text messages", chat, fail.WSOtherApplication, "another application"},
		{"binary messages", binary, fail.WSOtherApplication, "another application"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := expect(t, quick(), faulttest.HTTP(t, faulttest.Upgraded(c.handle))+"/ws"+someID, c.code, "security", c.hint)
			if c.name == "close frame" && (r.Error.Detail["close_code"] != 1008 || strings.Contains(r.Error.Message, "\x1b")) {
				t.Errorf("%+v", r.Error)
			}
		})
	}
}

func TestTLSFaults(t *testing.T) {
	root := faulttest.NewCA(t, "our CA")
	sub := root.Sub(t, "our intermediate")
	page := faulttest.Status(404, "nothing")
	serve := func(c tls.Certificate, change func(*tls.Config)) string {
		cfg := &tls.Config{Certificates: []tls.Certificate{c}}
		if change != nil {
			change(cfg)
		}
		return faulttest.TLS(t, cfg, func(conn net.Conn) { serveOnce(conn, page) })
	}
	leaf := root.Leaf(t, nil)
	expired := root.Leaf(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = ago(72), ago(48) })
	early := root.Leaf(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = ago(-48), ago(-480) })
	noIP := root.Leaf(t, func(c *x509.Certificate) { c.IPAddresses = nil })
	cut := sub.Leaf(t, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/sub.der"} })
	cut.Certificate = cut.Certificate[:1]
	huge := leaf
	for len(huge.Certificate) < 1000 {
		huge.Certificate = append(huge.Certificate, leaf.Certificate[0])
	}
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	mutual := func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }
	mutual12 := func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }
	unknown := func(c *tls.Config) {
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errNoName }
		c.Certificates = nil
	}
	plainWS := faulttest.Addr(t, faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws")), ma.P_WS)
	plainWS = plainWS[:strings.Index(plainWS, "/ws/")]
	for _, c := range []struct {
		name, target, suffix string
		code                 fail.Code
		hint                 string
	}{
		{"expired", serve(expired, nil), "/tls/ws", fail.TLSExpired, "renew"},
		{"not yet", serve(early, nil), "/tls/ws", fail.TLSNotYetValid, "clocks"},
		{"wrong host", serve(leaf, nil), "/tls/sni/other.example/ws", fail.TLSWrongHost, "other.example"},
		{"no ip san", serve(noIP, nil), "/tls/ws", fail.TLSNoIPSAN, "/dns4/localhost/tcp/"},
		{"self signed", serve(faulttest.SelfSigned(t), nil), "/tls/ws", fail.TLSSelfSigned, "--ca"},
		{"unknown authority", serve(faulttest.NewCA(t, "a stranger").Leaf(t, nil), nil), "/tls/ws", fail.TLSUnknownAuthority, "--ca ca.pem"},
		{"incomplete chain", serve(cut, nil), "/tls/ws", fail.TLSIncompleteChain, "fullchain"},
		{"plain http", faulttest.HTTP(t, page), "/tls/ws", fail.TLSNotTLS, "TLS in front"},
		{"plain ws", plainWS, "/wss", fail.TLSNotTLS, "/ws/p2p/"},
		{"old version", serve(leaf, old), "/tls/ws", fail.TLSVersion, "1.3"},
		{"client certificate", serve(leaf, mutual), "/tls/ws", fail.TLSClientCert, "client certificates off"},
		{"client certificate 1.2", serve(leaf, mutual12), "/tls/ws", fail.TLSClientCert, "client certificates off"},
		{"alert", serve(leaf, unknown), "/tls/ws", fail.TLSAlert, "certificate for"},
		{"silent", faulttest.Raw(t, faulttest.Silent), "/tls/ws", fail.TLSTimeout, "backend"},
		{"garbage", faulttest.Raw(t, faulttest.Answer(strings.Repeat("\xff\xfe", 100))), "/tls/ws", fail.TLSMalformed, "what listens"},
		{"huge chain", serve(huge, nil), "/tls/ws", fail.TLSMalformed, ""},
		{"closed", faulttest.Raw(t, func(net.Conn) {}), "/tls/ws", fail.DialClosed, "backend"},
		{"raw libp2p", strings.Split(faulttest.Addr(t, faulttest.Host(t), ma.P_TCP), "/p2p/")[0], "/tls/ws", fail.DialWrongService, "p2p probe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := quick()
			o.Roots = root.Pool()
			expect(t, o, c.target+c.suffix+someID, c.code, "tls", c.hint)
		})
	}
}

// A certificate that the server's own clock calls valid makes this machine's clock the suspect.
func TestClockSkew(t *testing.T) {
	root := faulttest.NewCA(t, "our CA")
	expired := root.Leaf(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = ago(72), ago(48) })
	page := faulttest.Status(404, "", "Date", ago(60).UTC().Format(http.TimeFormat))
	target := faulttest.TLS(t, &tls.Config{Certificates: []tls.Certificate{expired}}, func(c net.Conn) { serveOnce(c, page) })
	o := quick()
	o.Roots = root.Pool()
	r := expect(t, o, target+"/tls/ws"+someID, fail.TLSExpired, "tls", "renew")
	if len(r.Warnings) == 0 || r.Warnings[len(r.Warnings)-1].Code != fail.ClockSkew {
		t.Errorf("no local.clock_skew in %v", r.Warnings)
	}
}

func ago(hours int) time.Time { return time.Now().Add(-time.Duration(hours) * time.Hour) }

type noName struct{}

func (noName) Error() string { return "no certificate for this name" }

var errNoName = noName{}

// serveOnce answers HTTP requests on one connection until it ends.
func serveOnce(c net.Conn, h http.Handler) {
	one := make(chan net.Conn, 1)
	one <- c
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	s.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateClosed {
			close(ended)
		}
	}
	l := &oneConn{one: one, addr: c.LocalAddr(), done: ended}
	_ = s.Serve(l)
}

type oneConn struct {
	one  chan net.Conn
	addr net.Addr
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.one:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.addr }
