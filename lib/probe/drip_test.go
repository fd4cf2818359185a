package probe_test

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

// trickle says first at once, then rest byte by byte, again and again, until the prober goes.
func trickle(first, rest string) func(net.Conn) {
	return func(c net.Conn) {
		go faulttest.Silent(c)
		if _, err := io.WriteString(c, first); err != nil {
			return
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			<-tick.C
			if _, err := c.Write([]byte{rest[i%len(rest)]}); err != nil {
				return
			}
		}
	}
}

// pour says first, then rest without end and as fast as it goes.
func pour(first, rest string) func(net.Conn) {
	return func(c net.Conn) {
		go faulttest.Silent(c)
		if _, err := io.WriteString(c, first); err != nil {
			return
		}
		b := []byte(strings.Repeat(rest, 1+65536/len(rest)))
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

// upgraded finishes the WebSocket upgrade by hand and leaves the rest to f.
func upgraded(headers string, f func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			return
		}
		_, key, _ := strings.Cut(string(b[:n]), "Sec-WebSocket-Key: ")
		key, _, _ = strings.Cut(key, "\r\n")
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n", faulttest.Accept(key), headers)
		f(c)
	}
}

func frame(op byte, body []byte) string {
	b := binary.BigEndian.AppendUint64([]byte{op, 127}, uint64(len(body)))
	return string(append(b, body...))
}

func TestDripsAndFloods(t *testing.T) {
	ca := faulttest.NewCA(t, "our CA")
	o := quick()
	o.Roots = ca.Pool()
	leaf := ca.Leaf(t, nil)
	tlsConf := &tls.Config{Certificates: []tls.Certificate{leaf}}
	var names []string
	for i := range 10000 {
		names = append(names, fmt.Sprintf("n%d.example", i))
	}
	manyNames := &tls.Config{Certificates: []tls.Certificate{ca.Leaf(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = names, nil })}}
	longChain := leaf
	for range 200 {
		longChain.Certificate = append(longChain.Certificate, faulttest.SelfSigned(t).Certificate[0])
	}
	var zip bytes.Buffer
	z, _ := flate.NewWriter(&zip, 9)
	for range 256 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Flush()
	bomb := bytes.TrimSuffix(zip.Bytes(), []byte{0, 0, 0xff, 0xff})
	for _, c := range []struct {
		name, target string
		code         fail.Code // "": any
	}{
		{"multistream drip", faulttest.Raw(t, trickle("", faulttest.Header)), ""},
		{"multistream drip behind the header", faulttest.Raw(t, trickle(faulttest.Header+"\xf0\x07", "a")), fail.SecurityTimeout},
		{"na without end", faulttest.Raw(t, pour(faulttest.Header, "\x03na\n")), ""},
		{"ls without end", faulttest.Raw(t, trickle(faulttest.Header+"\x03na\n\x03na\n\xff\xff\x03", "a")), fail.SecurityNoCommon},
		{"zeros", faulttest.Raw(t, pour("", "\x00")), ""},
		{"text without a line end", faulttest.Raw(t, pour("", "x")), fail.DialWrongService},
		{"text drip", faulttest.Raw(t, trickle("", "x")), fail.DialWrongService},
		{"opaque drip", faulttest.Raw(t, trickle("", "\xf1\x82\x03")), ""},
		{"noise drip", faulttest.Raw(t, trickle(faulttest.Header+"\x03na\n\x07/noise\n\xff\xff", "a")), fail.SecurityTimeout},
		{"libp2p tls drip", faulttest.Raw(t, trickle(faulttest.Header+"\x0b/tls/1.0.0\n\x16\x03\x03\x3f\xff", "\x02")), ""},
		{"http header drip", faulttest.Raw(t, trickle("HTTP/1.1 200 OK\r\n", "X: y\r\n")) + "/ws", ""},
		{"http status drip", faulttest.Raw(t, trickle("HTTP/1.1 200 ", "x")) + "/ws", ""},
		{"http headers without end", faulttest.Raw(t, pour("HTTP/1.1 200 OK\r\n", "X: y\r\n")) + "/ws", fail.WSMalformed},
		{"one endless header", faulttest.Raw(t, pour("HTTP/1.1 200 OK\r\nX: ", "y")) + "/ws", fail.WSMalformed},
		{"early answers without end", faulttest.Raw(t, pour("", "HTTP/1.1 103 Early Hints\r\n\r\n")) + "/ws", ""},
		{"continue without end", faulttest.Raw(t, trickle("", "HTTP/1.1 100 Continue\r\n\r\n")) + "/ws", ""},
		{"chunks without end", faulttest.Raw(t, pour("HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")) + "/ws", fail.WSStatus},
		{"a drip of chunks", faulttest.Raw(t, trickle("HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")) + "/ws", fail.WSStatus},
		{"a chunk of 2^60", faulttest.Raw(t, pour("HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "x")) + "/ws", fail.WSStatus},
		{"go's 404, then a drip", faulttest.Raw(t, trickle("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 19\r\n\r\n404 page not found\n", "HTTP/1.1 ")) + "/ws", ""},
		{"long location", faulttest.Raw(t, faulttest.Answer("HTTP/1.1 302 X\r\nLocation: http://"+strings.Repeat("x", 30000)+"/\r\nContent-Length: 0\r\n\r\n")) + "/ws", fail.WSRedirect},
		{"longer location", faulttest.Raw(t, faulttest.Answer("HTTP/1.1 302 X\r\nLocation: http://"+strings.Repeat("x", 1<<20)+"/\r\nContent-Length: 0\r\n\r\n")) + "/ws", fail.WSMalformed},
		{"websocket of 2^40", faulttest.Raw(t, upgraded("", pour("\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", "x"))) + "/ws", ""},
		{"websocket of 2^40, header first", faulttest.Raw(t, upgraded("", pour("\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00"+faulttest.Header, "x"))) + "/ws", ""},
		{"empty frames", faulttest.Raw(t, upgraded("", pour("", "\x82\x00"))) + "/ws", ""},
		{"pings", faulttest.Raw(t, upgraded("", pour("", "\x89\x04ping"))) + "/ws", ""},
		{"fragments", faulttest.Raw(t, upgraded("", pour("\x02\x00", "\x00\x00"))) + "/ws", ""},
		{"frames drip", faulttest.Raw(t, upgraded("", trickle("", "\x82\x01\x13"))) + "/ws", ""},
		{"compressed", faulttest.Raw(t, upgraded("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
			pour("", frame(0xc2, bomb)))) + "/ws", ""},
		{"tls record drip", faulttest.Raw(t, trickle("\x16\x03\x03\x3f\xff", "\x02")) + "/tls/ws", ""},
		{"tls records without end", faulttest.Raw(t, pour("", "\x16\x03\x03\x00\x01\x02")) + "/tls/ws", ""},
		{"tls alerts without end", faulttest.Raw(t, pour("", "\x15\x03\x03\x00\x02\x01\x5a")) + "/tls/ws", ""},
		{"behind tls a drip", faulttest.TLS(t, tlsConf, trickle("HTTP/1.1 200 OK\r\n", "X: y\r\n")) + "/tls/ws", ""},
		{"behind tls a flood", faulttest.TLS(t, tlsConf, pour("HTTP/1.1 500 X\r\n\r\n", "x")) + "/tls/ws", fail.WSStatus},
		{"10000 names", faulttest.TLS(t, manyNames, faulttest.Silent) + "/tls/ws", fail.TLSNoIPSAN},
		{"201 certificates", faulttest.TLS(t, &tls.Config{Certificates: []tls.Certificate{longChain}}, faulttest.Silent) + "/tls/ws", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bounded(t, func() {
				r := run(t, o, c.target+someID)
				if r.Error == nil || c.code != "" && r.Error.Code != c.code {
					t.Errorf("%+v, want %s", r.Error, c.code)
				}
				b, _ := json.Marshal(r)
				t.Logf("%s %s, %d bytes: %s", r.Error.Stage, r.Error.Code, len(b), r.Error.Message[:min(150, len(r.Error.Message))])
				if len(b) > 64<<10 {
					t.Errorf("a report of %d bytes", len(b))
				}
				for _, s := range r.Addresses[0].Stages {
					if s.TookMS > 1700 && s.Stage != "connect" {
						t.Errorf("the stage %s took %.0f ms", s.Stage, s.TookMS)
					}
				}
			})
		})
	}
}
