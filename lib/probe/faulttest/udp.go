package faulttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/multiformats/go-multibase"
	"github.com/multiformats/go-multihash"
	"github.com/pion/stun/v3"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// UDPHost starts a host with QUIC, WebTransport and WebRTC on one UDP port, and only those.
// Each suffix is one of "quic-v1", "quic-v1/webtransport" and "webrtc-direct"; none means all.
func UDPHost(t testing.TB, ip string, suffixes []string, opts ...libp2p.Option) host.Host {
	t.Helper()
	if suffixes == nil {
		suffixes = []string{"quic-v1", "quic-v1/webtransport", "webrtc-direct"}
	}
	port := FreeUDP(t, ip)
	family := "ip4"
	if net.ParseIP(ip).To4() == nil {
		family = "ip6"
	}
	var listen []string
	for _, s := range suffixes {
		listen = append(listen, fmt.Sprintf("/%s/%s/udp/%d/%s", family, ip, port, s))
	}
	all := append([]libp2p.Option{libp2p.ListenAddrStrings(listen...), libp2p.DisableMetrics(), libp2p.DisableRelay()}, opts...)
	h, err := libp2p.New(all...)
	if err != nil {
		t.Fatalf("start a host: %v", err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// FreeUDP returns a UDP port on which nothing listens.
func FreeUDP(t testing.TB, ip string) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// UDP answers every datagram on loopback with what handle returns, nothing if that is nil.
// It returns /ip4/127.0.0.1/udp/PORT.
func UDP(t testing.TB, handle func(b []byte) []byte) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDP(b)
			if err != nil {
				return
			}
			if answer := handle(b[:n]); answer != nil {
				_, _ = c.WriteToUDP(answer, from)
			}
		}
	})
	t.Cleanup(func() { _ = c.Close(); wg.Wait() })
	return fmt.Sprintf("/ip4/127.0.0.1/udp/%d", c.LocalAddr().(*net.UDPAddr).Port)
}

// Ignore answers no datagram.
func Ignore([]byte) []byte { return nil }

// Versions answers a QUIC long header with a version negotiation packet that offers those.
func Versions(versions ...uint32) func(b []byte) []byte {
	return func(b []byte) []byte {
		if len(b) < 7 || b[0]&0x80 == 0 {
			return nil
		}
		to := b[6 : 6+int(b[5])]
		from := b[7+len(to) : 7+len(to)+int(b[6+len(to)])]
		out := []byte{0x80, 0, 0, 0, 0, byte(len(from))}
		out = append(append(append(out, from...), byte(len(to))), to...)
		for _, v := range versions {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		return out
	}
}

// Cert makes a self-signed certificate as WebTransport wants it, and its certhash.
func Cert(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	mh, err := multihash.Sum(der, multihash.SHA2_256, -1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := multibase.Encode(multibase.Base64url, mh)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text
}

// QUIC serves every QUIC connection on loopback with handle, under one ALPN. It returns
// /ip4/127.0.0.1/udp/PORT and the certhash of its certificate.
func QUIC(t testing.TB, alpn string, handle func(*quic.Conn)) (base, certhash string) {
	t.Helper()
	cert, certhash := Cert(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{alpn}}
	l, err := quic.ListenAddr("127.0.0.1:0", conf, &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept(t.Context())
			if err != nil {
				return
			}
			wg.Go(func() { handle(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return fmt.Sprintf("/ip4/127.0.0.1/udp/%d", l.Addr().(*net.UDPAddr).Port), certhash
}

// Hold keeps a QUIC connection, silent, until the other side or the test ends it.
func Hold(t testing.TB) func(*quic.Conn) {
	return func(c *quic.Conn) {
		select {
		case <-c.Context().Done():
		case <-t.Context().Done():
			_ = c.CloseWithError(0, "")
		}
	}
}

// HTTP3 serves HTTP/3 on loopback, with WebTransport announced or not, and answers every request with a
// status; 0 is never.
func HTTP3(t testing.TB, status int, announce bool) (base, certhash string) {
	t.Helper()
	s := &http3.Server{EnableDatagrams: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == 0 {
			select {
			case <-r.Context().Done():
			case <-t.Context().Done():
			}
			return
		}
		w.Header().Set("Server", "nginx")
		w.WriteHeader(status)
	})}
	if announce {
		webtransport.ConfigureHTTP3Server(s)
	}
	t.Cleanup(func() { _ = s.Close() })
	return QUIC(t, "h3", func(c *quic.Conn) { _ = s.ServeQUICConn(c) })
}

// Forward passes datagrams on to a port of loopback, those of the client only if pass says so; it returns its own port.
func Forward(t testing.TB, port string, pass func(b []byte) bool) string {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	var client atomic.Pointer[net.UDPAddr]
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := front.ReadFromUDP(b)
			if err != nil {
				return
			}
			if client.Store(from); pass(b[:n]) {
				_, _ = back.Write(b[:n])
			}
		}
	})
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := back.Read(b)
			if err != nil {
				return
			}
			_, _ = front.WriteToUDP(b[:n], client.Load())
		}
	})
	t.Cleanup(func() { _ = front.Close(); _ = back.Close(); wg.Wait() })
	return fmt.Sprint(front.LocalAddr().(*net.UDPAddr).Port)
}

// STUN answers the bindings of webrtc-direct, and nothing else: ICE is established, DTLS never is.
func STUN(t testing.TB) string {
	return UDP(t, func(b []byte) []byte {
		m := &stun.Message{Raw: bytes.Clone(b)}
		var name stun.Username
		if !stun.IsMessage(b) || m.Decode() != nil || name.GetFrom(m) != nil {
			return nil
		}
		password, _, _ := strings.Cut(string(name), ":")
		at := &stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9}
		answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess, at, stun.NewShortTermIntegrity(password), stun.Fingerprint)
		if err != nil {
			return nil
		}
		return answer.Raw
	})
}
