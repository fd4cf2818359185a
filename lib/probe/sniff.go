package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"p2p/lib/fail"
)

// service names the protocol that begins with these bytes; "" when it is not known.
func service(head []byte) string {
	has := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(head, []byte(p)) {
				return true
			}
		}
		return false
	}
	upper := strings.ToUpper(string(head[:min(len(head), 128)]))
	switch {
	case len(head) == 0:
		return ""
	case has("\x13" + msHeader[:min(len(msHeader), max(len(head)-1, 4))]):
		return "libp2p"
	case has("HTTP/"):
		return "http"
	case has("SSH-"):
		return "ssh"
	case len(head) > 2 && (head[0] == 0x15 || head[0] == 0x16) && head[1] == 3 && head[2] <= 4:
		return "tls"
	case has("220") && strings.Contains(upper, "FTP"):
		return "ftp"
	case has("220 ", "220-"):
		return "smtp"
	case has("+OK"):
		return "pop3"
	case has("* OK"):
		return "imap"
	case has("-ERR", "-DENIED", "-NOAUTH", "+PONG"):
		return "redis"
	case has("ERROR\r\n"):
		return "memcached"
	case has("RFB "):
		return "vnc"
	case len(head) > 5 && head[3] == 0 && head[4] == 0x0a && bytes.Contains(head, []byte{0}):
		return "mysql"
	case len(head) >= 9 && head[0] == 0 && head[3] == 4 && head[4]&0xfe == 0:
		return "http2"
	case has("<!DOCTYPE", "<html", "<?xml"):
		return "http"
	}
	return ""
}

// banner returns at most n bytes of what a remote said, as valid UTF-8; the writer escapes it.
func banner(head []byte, n int) string {
	b := head[:min(len(head), n)]
	for len(b) > 0 && len(b) < len(head) && !utf8.Valid(b) && len(b) > n-4 {
		b = b[:len(b)-1]
	}
	return strings.ToValidUTF8(strings.TrimRight(string(b), "\r\n\x00 "), "\ufffd")
}

// opaque tells whether the bytes look encrypted: neither text nor a known protocol.
func opaque(head []byte) bool {
	if service(head) != "" {
		return false
	}
	printable := 0
	for _, b := range head {
		if b >= 0x20 && b < 0x7f || b == '\n' || b == '\r' || b == '\t' {
			printable++
		}
	}
	return printable*4 < len(head)*3
}

// finding is what the diagnostic dials learnt of a port that did not speak as expected.
type finding struct {
	service string // "tls", "http", "websocket", "libp2p" or another service's name; "" if nothing answered
	repair  string // the transport under which libp2p lives there, such as "/tcp/443/tls/ws"
	banner  string
	tls     bool
}

// ask makes up to two diagnostic dials after a failure, within the stage's own limit: a TLS
// handshake, and an HTTP upgrade inside or outside of it.
func (w *walk) ask(ctx context.Context) finding {
	tcp := "/tcp/" + w.port()
	if f, ok := w.askTLS(ctx); ok {
		if f.service == "websocket" {
			f.repair = tcp + "/tls/ws"
		}
		return f
	}
	f := w.askHTTP(ctx)
	if f.service == "websocket" {
		f.repair = tcp + "/ws"
	}
	return f
}

// again opens a diagnostic connection, if that is still polite.
func (w *walk) again(ctx context.Context) (net.Conn, func(), bool) {
	if w.spot.relay != nil { // the port is the relay's, not that of who answered
		return nil, nil, false
	}
	end, ok := w.dials.again()
	if !ok {
		w.spared = true
		return nil, nil, false
	}
	c, err := w.dialTCP(ctx)
	if err != nil {
		end()
		return nil, nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	release := limit(ctx, c)
	return c, func() { release(); cancel(); _ = c.Close(); end() }, true
}

// oneMore asks for a diagnostic connection that lasts as long as the walk.
func (w *walk) oneMore() bool {
	end, ok := w.dials.again()
	if !ok {
		w.spared = true
		return false
	}
	w.onClose(end)
	return true
}

func (w *walk) askTLS(ctx context.Context) (finding, bool) {
	c, done, ok := w.again(ctx)
	if !ok {
		return finding{}, false
	}
	defer done()
	t := &tap{Conn: c}
	name := w.spot.host
	tc := tls.Client(t, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS10}) //nolint:gosec // evidence only, nothing is trusted
	err := tc.HandshakeContext(ctx)
	if service(t.seen()) != "tls" {
		if s := service(t.seen()); s != "" {
			return finding{service: s, banner: banner(t.seen(), 80)}, s != "http"
		}
		return finding{}, false
	}
	f := finding{service: "tls", tls: true}
	if err == nil && w.upgrades(tc) {
		f.service = "websocket"
	}
	return f, true
}

func (w *walk) askHTTP(ctx context.Context) finding {
	c, done, ok := w.again(ctx)
	if !ok {
		return finding{}
	}
	defer done()
	t := &tap{Conn: c}
	f := finding{}
	if w.upgrades(t) {
		f.service = "websocket"
	} else {
		f.service = service(t.seen())
	}
	f.banner = banner(t.seen(), 80)
	return f
}

// upgrades sends one WebSocket upgrade and tells whether it is answered with 101.
func (w *walk) upgrades(c io.ReadWriter) bool {
	if _, err := io.WriteString(c, upgradeRequest(w.spot.authority(), "/")); err != nil {
		return false
	}
	resp, err := readResponse(c)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusSwitchingProtocols
}

// askLibp2p dials once more and tells whether the plain port answers multistream-select.
func (w *walk) askLibp2p(ctx context.Context) bool {
	c, done, ok := w.again(ctx)
	if !ok {
		return false
	}
	defer done()
	return msOpen(c, "/noise") == nil
}

// wrongService is the verdict on a port where something else answers.
func (w *walk) wrongService(f finding) *fail.Error {
	if f.repair != "" {
		fixed := w.spot.with(f.repair, "")
		return fail.New(fail.DialWrongService, "%s speaks libp2p, but over %s, not over %s", w.who(), f.repair, w.spot.transport).
			WithHint("p2p probe %s", fixed).WithDetail("service", "websocket").WithDetail("repaired", fixed)
	}
	name := f.service
	if name == "" {
		name = "unknown"
	}
	e := fail.New(fail.DialWrongService, "%s answers, but another protocol than libp2p: %s", w.who(), name).WithDetail("service", name)
	if f.banner != "" && !w.p.o.Discreet {
		e = e.WithDetail("banner", f.banner)
		e.Message += " (" + quoted(f.banner) + ")"
	}
	if w.spared && (name == "http" || name == "tls") {
		return e.WithHint("whether libp2p lives there under /ws or /tls/ws was not asked, to stay within --pace: probe it alone").WithDetail("not_asked", "pace")
	}
	if w.spot.relay != nil {
		return e.WithHint("the relay forwards to something that is no libp2p peer: try another relay of the target")
	}
	return e.WithHint("correct the port: %s is taken by another service", w.port())
}

// closedHello asks a port that ends the connection at our ClientHello what it speaks after all: js and
// rust do so on ports without TLS.
func (w *walk) closedHello(ctx context.Context, err error) *fail.Error {
	f := w.askHTTP(ctx)
	switch {
	case f.service == "websocket" || f.service == "http":
		return w.plainHTTP(f)
	case f.service == "libp2p" || w.askLibp2p(ctx):
		return w.notTLS(ctx, "libp2p", nil)
	}
	e := fail.New(fail.DialClosed, "%s accepted the connection and %s it when we said ClientHello", w.who(), how(err)).WithCause(err).WithDetail("how", how(err))
	if w.spared {
		return w.notAsked(e)
	}
	return e.WithHint("is port %s a TLS port, and does the proxy have a backend and a certificate for %s?", w.port(), w.serverName())
}

func (w *walk) plainHTTP(f finding) *fail.Error {
	e := fail.New(fail.TLSNotTLS, "%s speaks plain HTTP, not TLS", w.who()).WithDetail("service", "http")
	if f.service == "websocket" {
		fixed := w.spot.with("/tcp/"+w.port()+"/ws", "")
		return e.WithDetail("repaired", fixed).WithHint("without TLS: p2p probe %s\nbrowsers need TLS: put a proxy with a certificate in front", fixed)
	}
	return e.WithHint("put TLS in front of it, or probe it without: /ws in place of /tls/ws")
}
