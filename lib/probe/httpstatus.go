package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// The proxy lines that mend a lost upgrade.
const upgradeLines = "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";\n" +
	"Caddy: reverse_proxy passes it by itself; look for a header rule that removes it"

// statusError names an HTTP answer that is no upgrade.
func (w *walk) statusError(ctx context.Context, conn net.Conn, resp *http.Response, err error) *fail.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	show := banner(bytes.TrimSpace(body), maxShow)
	e := w.statusCode(ctx, conn, resp, string(body)).WithCause(err).WithDetail("status", resp.StatusCode)
	if show != "" && !w.p.o.Discreet {
		e = e.WithDetail("body", show)
	}
	if s := resp.Header.Get("Server"); s != "" && !w.p.o.Discreet {
		e = e.WithDetail("server", bounded(s, maxShow))
	}
	return e
}

func (w *walk) statusCode(ctx context.Context, conn net.Conn, resp *http.Response, body string) *fail.Error {
	status := resp.StatusCode
	switch {
	case status == http.StatusSwitchingProtocols:
		return fail.New(fail.WSMalformed, "%s answers 101, but breaks the WebSocket handshake (RFC 6455): Upgrade, Connection or Sec-WebSocket-Accept is wrong", w.who()).
			WithHint("a proxy in between answers in place of the node: let it pass the upgrade on")
	case status == http.StatusBadRequest && speaksOfTLS(body):
		return w.httpToTLS(ctx, status)
	case status >= 300 && status < 400:
		return w.redirects(resp)
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return fail.New(fail.WSBadGateway, "%s answers %d: the proxy is up, and has no answer from the libp2p node behind it", w.who(), status).
			WithHint("start the node, or correct the proxy's backend (the node's /ws port): nginx: proxy_pass http://127.0.0.1:PORT; Caddy: reverse_proxy 127.0.0.1:PORT\n" +
				"a rust-libp2p node is silent also when the proxy does not pass the Upgrade header on")
	case saysUpgradeLost(resp, body):
		return fail.New(fail.WSProxyNoUpgrade, "%s answers %d: the node behind the proxy got our request without its Upgrade header", w.who(), status).WithHint(upgradeLines)
	case isGoNotFound(resp, body):
		return w.goNotFound(conn, resp)
	}
	return w.plainStatus(status).WithHint("does the proxy pass this host and path on to the node? 401, 403 and 429 come from the proxy's own rules")
}

func (w *walk) plainStatus(status int) *fail.Error {
	return fail.New(fail.WSStatus, "%s answers %d %s to the WebSocket upgrade, not 101", w.who(), status, http.StatusText(status))
}

// saysUpgradeLost recognises WebSocket servers that say that a request asks for no upgrade, though ours
// does: any that answers 426, js-libp2p with its own words, and older go-libp2p (gorilla's
// upgrader, which adds the version that it speaks).
func saysUpgradeLost(resp *http.Response, body string) bool {
	switch resp.StatusCode {
	case http.StatusUpgradeRequired:
		wanted := resp.Header.Get("Upgrade")
		return wanted == "" || strings.Contains(strings.ToLower(wanted), "websocket")
	case http.StatusBadRequest:
		return strings.TrimSpace(body) == "Only WebSocket connections are supported" || resp.Header.Get("Sec-WebSocket-Version") != ""
	}
	return false
}

// isGoNotFound recognises the 404 of Go's net/http, byte for byte; go-libp2p gives it to a request without Upgrade.
func isGoNotFound(resp *http.Response, body string) bool {
	h := resp.Header
	return resp.StatusCode == http.StatusNotFound && body == "404 page not found\n" &&
		h.Get("Content-Type") == "text/plain; charset=utf-8" && h.Get("X-Content-Type-Options") == "nosniff"
}

// goNotFound judges Go's 404, which go-libp2p shares with every other web server written in Go. A proxy
// that is seen makes a lost upgrade the likely cause; a server that cleans paths is not go-libp2p's.
func (w *walk) goNotFound(conn net.Conn, resp *http.Response) *fail.Error {
	const both = "the answer of go-libp2p to a request that lost its Upgrade header, and of any web server written in Go that does not know the path"
	lost, other := upgradeLines, "correct the port, or let the proxy pass this host and path on to the node"
	if !resp.Close && w.cleansPaths(conn) {
		return w.plainStatus(resp.StatusCode).WithHint("it is another web server: %s", other)
	}
	if !proxied(resp.Header) {
		e := w.plainStatus(resp.StatusCode)
		e.Message += "; that is " + both
		return e.WithHint("%s; or, where a proxy in between removes the header:\n%s", other, lost)
	}
	return fail.New(fail.WSProxyNoUpgrade, "%s answers 404: the proxy does not pass the Upgrade header on to the node (that is %s)", w.who(), both).
		WithHint("%s\nor the backend is another web server: %s", lost, other)
}

// proxied tells whether the headers of a Go server's answer show another server in front of it;
// net/http itself adds none of these.
func proxied(h http.Header) bool {
	for _, name := range []string{"Server", "Via", "X-Cache", "X-Served-By", "Cf-Ray"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return strings.EqualFold(h.Get("Connection"), "keep-alive")
}

// cleansPaths asks on the same connection for a path with two slashes: Go's ServeMux and most routers
// redirect to the clean path, go-libp2p's listener does not look at paths.
func (w *walk) cleansPaths(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "GET //p2p-probe HTTP/1.1\r\nHost: "+w.spot.authority()+"\r\nUser-Agent: "+agent+"\r\n\r\n"); err != nil {
		return false
	}
	resp, err := readResponse(conn)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode != http.StatusNotFound && resp.StatusCode < 500
}

func speaksOfTLS(body string) bool {
	text := strings.ToLower(body)
	return strings.Contains(text, "https") || strings.Contains(text, "tls") || strings.Contains(text, "ssl")
}

// httpToTLS judges a 400 whose text speaks of HTTPS: the port is a TLS port only if it answers a ClientHello.
func (w *walk) httpToTLS(ctx context.Context, status int) *fail.Error {
	if w.rep.Transport == "wss" {
		return w.plainStatus(status).WithHint("the proxy ends TLS and speaks plain HTTP to a backend that wants TLS: nginx: proxy_pass https://127.0.0.1:PORT; or let the backend be the node's /ws port")
	}
	if f, ok := w.askTLS(ctx); ok && f.tls || w.spared {
		return w.tlsPort()
	}
	return w.plainStatus(status).WithHint("the text of the answer speaks of HTTPS, but this port does not: use the address that has /tls/ws")
}

// redirects names the place, and the address of it where it is one that can be dialed.
func (w *walk) redirects(resp *http.Response) *fail.Error {
	to := resp.Header.Get("Location")
	e := fail.New(fail.WSRedirect, "%s redirects (%d) to %s; a WebSocket client does not follow", w.who(), resp.StatusCode, quoted(to)).
		WithDetail("location", bounded(to, 256))
	if fixed := w.locationMA(to); fixed != "" {
		return e.WithDetail("repaired", fixed).WithHint("p2p probe %s\nor let the proxy pass the WebSocket path on to the node without a redirect", fixed)
	}
	return e.WithHint("dial the place that it redirects to, or let the proxy pass / on to the node")
}

// locationMA returns the multiaddr of a redirect's target, "" where the URL has none.
func (w *walk) locationMA(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Hostname() == "" || len(location) > 256 {
		return ""
	}
	transport, port := "/ws", "80"
	if u.Scheme == "https" || u.Scheme == "wss" {
		transport, port = "/tls/ws", "443"
	}
	if u.Port() != "" {
		port = u.Port()
	}
	host := "/dns/" + u.Hostname()
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.Is4() {
		host = "/ip4/" + ip.String()
	} else if err == nil {
		host = "/ip6/" + ip.WithZone("").String()
	}
	if w.spot.host == u.Hostname() && w.spot.hostMA() != "" {
		host = w.spot.hostMA()
	}
	a, bad := addr.Parse(host + "/tcp/" + port + transport)
	if bad != nil || strings.Contains(u.Hostname(), "/") {
		return ""
	}
	text := a.MA.String()
	if w.spot.peer != "" {
		text += "/p2p/" + w.spot.peer.String()
	}
	if text == w.rep.Addr || text == w.spot.from { // only the path differs, and a multiaddr has none
		return ""
	}
	return text
}
