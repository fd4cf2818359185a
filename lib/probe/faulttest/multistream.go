package faulttest

import (
	"crypto/rand"
	"io"
	"net"
)

// Frame returns multistream-select messages with their lengths.
func Frame(messages ...string) []byte {
	var b []byte
	for _, m := range messages {
		b = append(b, byte(len(m)+1))
		b = append(append(b, m...), '\n')
	}
	return b
}

// ReadFrame reads one message of less than 128 bytes; "" when the client is gone.
func ReadFrame(r io.Reader) string {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil || n[0] == 0 || n[0] > 127 {
		return ""
	}
	b := make([]byte, n[0])
	if _, err := io.ReadFull(r, b); err != nil {
		return ""
	}
	return string(b[:len(b)-1])
}

// Negotiate answers proposals as go-libp2p does, until one of the protocols is chosen; it is returned.
func Negotiate(c io.ReadWriter, protocols ...string) string {
	if _, err := c.Write([]byte(Header)); err != nil {
		return ""
	}
	for {
		m := ReadFrame(c)
		if m == "" {
			return ""
		}
		if m == "/multistream/1.0.0" {
			continue
		}
		for _, p := range protocols {
			if p == m {
				_, _ = c.Write(Frame(p))
				return p
			}
		}
		if _, err := c.Write(Frame("na")); err != nil {
			return ""
		}
	}
}

// Multistream offers those protocols only, and is silent behind the choice.
func Multistream(protocols ...string) func(net.Conn) {
	return func(c net.Conn) {
		if Negotiate(c, protocols...) != "" {
			Silent(c)
		}
	}
}

// Garbage agrees on the protocol, then sends random bytes.
func Garbage(protocol string, n int) func(net.Conn) {
	return func(c net.Conn) {
		if Negotiate(c, protocol) == "" {
			return
		}
		b := make([]byte, n)
		_, _ = rand.Read(b)
		_, _ = c.Write(b)
		Silent(c)
	}
}

// Patient is a listener that waits for the dialer's header, as js and rust do. It declines every
// protocol but the chosen one, is silent behind it, and drops what is no multistream-select.
func Patient(chosen string) func(net.Conn) {
	return func(c net.Conn) {
		if ReadFrame(c) != "/multistream/1.0.0" {
			return
		}
		if _, err := io.WriteString(c, Header); err != nil {
			return
		}
		for m := ReadFrame(c); m != ""; m = ReadFrame(c) {
			if m == chosen {
				_, _ = c.Write(Frame(m))
				Silent(c)
				return
			}
			if _, err := c.Write(Frame("na")); err != nil {
				return
			}
		}
	}
}
