package faulttest

import (
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/gorilla/websocket"
)

// HTTP serves requests with handle on loopback and returns /ip4/127.0.0.1/tcp/PORT.
func HTTP(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return "/ip4/127.0.0.1/tcp/" + portOf(t, s.URL)
}

func portOf(t testing.TB, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// Status answers every request with that status, headers and body.
func Status(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// Stripping is a reverse proxy that names itself and does not pass the Upgrade header on to the backend.
func Stripping(t testing.TB, backend string) http.HandlerFunc {
	t.Helper()
	u, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(u)
	p.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Via", "1.1 stripping")
		return nil
	}
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Upgrade")
		r.Header.Del("Connection")
		p.ServeHTTP(w, r)
	}
}

// Upgraded accepts WebSockets and hands them to handle.
func Upgraded(handle func(*websocket.Conn)) http.HandlerFunc {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		handle(c)
	}
}

// Endless writes first, then the filler again and again until the client goes.
func Endless(first, filler string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		if _, err := c.Read(b); err != nil {
			return
		}
		_, err := c.Write([]byte(first))
		for err == nil {
			_, err = c.Write([]byte(filler))
		}
	}
}

// Accept is the Sec-WebSocket-Accept that answers a key (RFC 6455, 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // the RFC's
	return base64.StdEncoding.EncodeToString(sum[:])
}
