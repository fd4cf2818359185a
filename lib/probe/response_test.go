package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"p2p/lib/fail"
)

// answering is a connection whose remote said all that it will ever say.
type answering struct {
	net.Conn
	r io.Reader
}

func (a *answering) Read(p []byte) (int, error)       { return a.r.Read(p) }
func (a *answering) Write(p []byte) (int, error)      { return len(p), nil }
func (a *answering) Close() error                     { return nil }
func (a *answering) SetDeadline(time.Time) error      { return nil }
func (a *answering) SetReadDeadline(time.Time) error  { return nil }
func (a *answering) SetWriteDeadline(time.Time) error { return nil }
func (a *answering) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (a *answering) LocalAddr() net.Addr              { return &net.TCPAddr{} }

// Whatever a server answers to the upgrade, the prober names one cause, in bounded text.
func FuzzHTTPAnswer(f *testing.F) {
	for _, s := range []string{
		"", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Length: 99999999999\r\n\r\nx",
		"HTTP/1.1 301 x\r\nLocation: \x1b[2J\r\n\r\n", "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 999999999999999999999 \r\n\r\n", "SSH-2.0-x\r\n", "\x15\x03\x01\x00\x02\x02\x46",
		"\x13/multistream/1.0.0\n", "HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", "HTTP/0.9\r\n",
		"HTTP/1.1 200 OK\r\nServer: " + strings.Repeat("\xff", 300) + "\r\n\r\n\x00\x01", strings.Repeat("\x00", 44),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if resp, err := readResponse(bytes.NewReader(answer)); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
			_ = resp.Body.Close()
		}
		p := New(Options{StageTimeout: time.Second})
		s, bad := newSpot(mustMA("/ip4/127.0.0.1/tcp/1/ws"), "", "")
		if bad != nil {
			t.Fatal(bad)
		}
		w := p.newWalk(s, nil, time.Now())
		head := &tap{Conn: &answering{r: bytes.NewReader(answer)}}
		resp, err := readResponse(head)
		if err != nil {
			resp = nil
		} else if resp.StatusCode == http.StatusSwitchingProtocols {
			return
		}
		if sv := service(head.seen()); sv != "http" || resp == nil {
			return // those answers ask the port again, which is not this target's matter
		}
		e := w.statusError(context.Background(), head, resp, io.EOF)
		if !e.Code.Known() || e.Kind() == fail.KindOK || len(e.Message) > 1100 || len(e.Hint) > 1100 || strings.ContainsAny(e.Message, "\x1b\x00\x07") {
			t.Errorf("%+v", e)
		}
	})
}
