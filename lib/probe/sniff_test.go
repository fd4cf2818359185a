package probe

import (
	"math/rand/v2"
	"testing"
)

// The nonce of a private network is 24 or 44 random bytes. What a service is known by must not be
// found in one: once in 170 dials a nonce was taken for a WebSocket frame.
func TestNonceIsNoService(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	wrong := 0
	for range 200_000 {
		var nonce [44]byte
		_, _ = source.Read(nonce[:])
		if service(nonce[:24]) != "" || service(nonce[:]) != "" {
			wrong++
		}
	}
	if wrong > 10 {
		t.Errorf("%d of 200,000 nonces are taken for a service", wrong)
	}
}

func TestService(t *testing.T) {
	for head, want := range map[string]string{
		"": "", "HTTP/1.1 400 Bad Request\r\n": "http", "SSH-2.0-OpenSSH_9.6\r\n": "ssh", "\x15\x03\x01\x00\x02": "tls", "220 mail.example.com ESMTP\r\n": "smtp",
		"220 (vsFTPd 3.0.5)\r\n": "ftp", "+OK ready\r\n": "pop3", "* OK ready\r\n": "imap", "-ERR unknown command\r\n": "redis", "RFB 003.008\n": "vnc",
		"\x13/multistream/1.0.0\n": "libp2p", "hello": "",
	} {
		if got := service([]byte(head)); got != want {
			t.Errorf("%q is %q, want %q", head, got, want)
		}
	}
}
