package probe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"p2p/lib/fail"
)

// Bounds of an HTTP answer.
const (
	maxHead = 32 << 10 // bytes of status line and headers
	maxBody = 4 << 10  // bytes of body that are read at all
	maxShow = 80       // bytes of body that are shown
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455, section 1.3; a nonce, not a secret

// upgradeRequest is the request of a diagnostic dial.
func upgradeRequest(host, path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + agent + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + sampleKey + "\r\nSec-WebSocket-Version: 13\r\n\r\n"
}

// readResponse reads an HTTP answer, at most maxHead bytes of it.
func readResponse(r io.Reader) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(io.LimitReader(r, maxHead)), nil)
}

// capped is a connection of which only so many bytes can be read until it is opened up. Until then
// Close does nothing, because gorilla closes after a failed handshake whose answer is still to be read.
type capped struct {
	net.Conn
	left int64
	open bool
}

var errTooLarge = errors.New("the HTTP answer is larger than 32 KiB")

func (c *capped) Read(p []byte) (int, error) {
	if c.open {
		return c.Conn.Read(p)
	}
	if c.left <= 0 {
		return 0, errTooLarge
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func (c *capped) Close() error {
	if c.open {
		return c.Conn.Close()
	}
	return nil
}

// SetWriteDeadline: gorilla sets one before each write, from a field that it does not guard against
// those who set it meanwhile; behind the upgrade wsConn's own holds.
func (c *capped) SetWriteDeadline(t time.Time) error {
	if c.open {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// http sends the WebSocket upgrade and names what answers it.
func (w *walk) http(ctx context.Context) *fail.Error {
	return w.stage(ctx, "http", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		t := &tap{Conn: w.conn}
		defer limit(ctx, t)()
		ws, resp, err := w.websocket(ctx, t)
		if resp != nil {
			w.describeHTTP(s, resp)
		}
		if err != nil {
			return w.httpError(ctx, t, resp, err)
		}
		w.conn = ws
		return nil
	})
}

func (w *walk) websocket(ctx context.Context, conn net.Conn) (*wsConn, *http.Response, error) {
	c := &capped{Conn: conn, left: maxHead}
	d := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	u := url.URL{Scheme: "ws", Host: w.spot.authority(), Path: "/"}
	ws, resp, err := d.DialContext(ctx, u.String(), http.Header{"User-Agent": {agent}})
	if err != nil {
		return nil, resp, err
	}
	c.open = true
	ws.SetReadLimit(1 << 20)
	return &wsConn{Conn: ws, raw: conn}, resp, nil
}

func (w *walk) describeHTTP(s *Stage, resp *http.Response) {
	s.set("status", resp.StatusCode)
	if server := resp.Header.Get("Server"); server != "" {
		s.set("server", bounded(server, maxShow))
	}
	if l := resp.Header.Get("Location"); l != "" {
		s.set("location", bounded(l, 256))
	}
}

func (w *walk) httpError(ctx context.Context, t *tap, resp *http.Response, err error) *fail.Error {
	head := t.seen()
	switch sv := service(head); {
	case sv == "http" && resp != nil:
		return w.statusError(ctx, t, resp, err)
	case sv == "libp2p":
		return w.rawOrProxied(ctx)
	case sv == "tls":
		return w.tlsPort()
	case sv == "http":
		return w.brokenHTTP(err)
	case sv != "":
		return w.wrongService(finding{service: sv, banner: banner(head, maxShow)})
	case len(head) == 0 && isTimeout(err):
		return fail.New(fail.WSTimeout, "%s accepted the connection and does not answer the HTTP upgrade", w.who()).
			WithHint("is port %s the node's WebSocket port, and does the proxy's backend answer?", w.port()).WithCause(err)
	case len(head) == 0 && w.rep.Transport == "ws":
		return w.askWhy(ctx, err)
	case len(head) == 0:
		return fail.New(fail.WSClosed, "%s %s the connection when it was asked to upgrade", w.who(), how(err)).WithCause(err).
			WithHint("look at the proxy's log: it may have no backend")
	case opaque(head) && (len(head) == 24 || len(head) == 44) && w.p.o.PSK == nil:
		return fail.New(fail.PnetRequired, "%s is in a private network, and its port is raw TCP, not WebSocket", w.who()).
			WithHint("p2p probe --swarm-key swarm.key %s", w.spot.with("/tcp/"+w.port(), ""))
	}
	return w.brokenHTTP(err)
}

func (w *walk) brokenHTTP(err error) *fail.Error {
	return fail.New(fail.WSMalformed, "%s answers the HTTP upgrade with broken HTTP", w.who()).
		WithHint("look at what listens on port %s; a proxy in between may be broken", w.port()).WithCause(err)
}

// askWhy finds out why a port says nothing to HTTP: it may speak TLS, or libp2p without WebSocket.
func (w *walk) askWhy(ctx context.Context, err error) *fail.Error {
	if f, ok := w.askTLS(ctx); ok && f.tls {
		return w.tlsPort()
	}
	if w.askLibp2p(ctx) {
		return w.rawLibp2p()
	}
	e := fail.New(fail.DialClosed, "%s accepted the connection and %s it when it was asked to upgrade", w.who(), how(err)).WithCause(err).WithDetail("how", how(err))
	if w.spared {
		return w.notAsked(e)
	}
	return e.WithDetail("tls_answered", false).WithDetail("libp2p_answered", false).
		WithHint("neither TLS nor libp2p is answered there: look for a limit per address, a connection gater, or a proxy without backend")
}

func (w *walk) tlsPort() *fail.Error {
	fixed := w.spot.with("/tcp/"+w.port()+"/tls/ws", "")
	return fail.New(fail.WSTLSPort, "%s is a TLS port, /ws is WebSocket without TLS", w.who()).
		WithDetail("repaired", fixed).WithHint("p2p probe %s", fixed)
}

// rawOrProxied tells a raw libp2p port from a proxy in front of one: nginx hands a backend's answer
// without HTTP headers on as it is.
func (w *walk) rawOrProxied(ctx context.Context) *fail.Error {
	if w.askLibp2p(ctx) || w.spared {
		return w.rawLibp2p()
	}
	return fail.New(fail.WSRawLibp2p, "%s is a proxy whose backend speaks libp2p over raw TCP, not over WebSocket", w.who()).
		WithHint("let the proxy's backend be the node's /ws port, not its raw TCP port; such as nginx: proxy_pass http://127.0.0.1:WS-PORT;")
}

func (w *walk) rawLibp2p() *fail.Error {
	fixed := w.spot.with("/tcp/"+w.port(), "")
	return fail.New(fail.WSRawLibp2p, "%s speaks libp2p over raw TCP, not over WebSocket", w.who()).
		WithDetail("repaired", fixed).WithHint("p2p probe %s", fixed)
}

func (w *walk) otherApplication(err error) *fail.Error {
	return fail.New(fail.WSOtherApplication, "%s upgraded to WebSocket, but another program than libp2p answers", w.who()).
		WithHint("correct the port or the path of the proxy: this WebSocket belongs to another application").WithCause(err)
}

func (w *walk) viaWebSocket() bool {
	_, ok := w.conn.(*wsConn)
	if t, isTap := w.conn.(*tap); isTap && !ok {
		_, ok = t.Conn.(*wsConn)
	}
	return ok
}

// wsClosed judges a WebSocket that ended after its upgrade.
func (w *walk) wsClosed(err error) *fail.Error {
	e := fail.New(fail.WSClosed, "%s upgraded to WebSocket, then %s it", w.who(), how(err)).WithCause(err)
	var ce *websocket.CloseError
	if errors.As(err, &ce) {
		reason := ""
		if ce.Text != "" && !w.p.o.Discreet {
			reason = " (" + quoted(ce.Text) + ")"
		}
		e = fail.New(fail.WSClosed, "%s upgraded to WebSocket, then closed it with code %d%s", w.who(), ce.Code, reason).WithCause(err).
			WithDetail("close_code", ce.Code)
	}
	return e.WithHint("look at the node's log: a limit, its resource manager or its connection gater; or the proxy's read timeout")
}

// wsConn makes a stream of bytes of binary messages (libp2p specs, websockets).
type wsConn struct {
	*websocket.Conn
	raw net.Conn
	r   io.Reader
}

var errNotBinary = errors.New("a text message, where libp2p sends binary ones")

func (c *wsConn) Read(p []byte) (int, error) {
	for {
		if c.r == nil {
			kind, r, err := c.NextReader()
			if err != nil {
				return 0, closeToEOF(err)
			}
			if kind != websocket.BinaryMessage {
				return 0, errNotBinary
			}
			c.r = r
		}
		n, err := c.r.Read(p)
		if err == io.EOF {
			c.r, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func closeToEOF(err error) error {
	var ce *websocket.CloseError
	if errors.As(err, &ce) {
		return errors.Join(io.EOF, err)
	}
	return err
}

func (c *wsConn) Write(p []byte) (int, error) {
	if err := c.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *wsConn) SetDeadline(t time.Time) error      { return c.raw.SetDeadline(t) }
func (c *wsConn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }
