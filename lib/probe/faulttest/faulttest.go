// Package faulttest has real servers, healthy and with one fault each, for the tests of the prober.
// Its rule: everything listens on loopback, or on the address that the caller names, and ends with the test.
package faulttest

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Header is what every multistream-select dialogue begins with.
const Header = "\x13/multistream/1.0.0\n"

// Host starts a libp2p host; without listen options it listens on loopback TCP.
func Host(t testing.TB, opts ...libp2p.Option) host.Host {
	t.Helper()
	all := append([]libp2p.Option{libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics(), libp2p.DisableRelay()}, opts...)
	h, err := libp2p.New(all...)
	if err != nil {
		t.Fatalf("start a host: %v", err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// Addr returns the host's first listen address that has the protocol, with its peer id.
func Addr(t testing.TB, h host.Host, protocol int) string {
	t.Helper()
	for _, a := range h.Addrs() {
		last := a[len(a)-1].Protocol().Code
		if _, err := a.ValueForProtocol(protocol); err == nil && (last == protocol || protocol != ma.P_TCP && protocol != ma.P_UDP) {
			return WithID(a.String(), h.ID())
		}
	}
	t.Fatalf("the host has no address with %s: %v", ma.ProtocolWithCode(protocol).Name, h.Addrs())
	return ""
}

// WithID puts a peer id behind an address.
func WithID(a string, id peer.ID) string { return a + "/p2p/" + id.String() }

// Raw serves every TCP connection with handle, and closes it behind; it returns /ip4/127.0.0.1/tcp/PORT.
func Raw(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, l, handle)
}

// Serve is Raw on a listener of the caller's.
func Serve(t testing.TB, l net.Listener, handle func(net.Conn)) string {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer func() {
					_ = c.Close()
					mu.Lock()
					delete(open, c)
					mu.Unlock()
				}()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)
}

// ClosedPort returns an address on which nothing listens.
func ClosedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)
}

// Silent accepts, reads and never says a word.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Reset ends the connection with a RST.
func Reset(c net.Conn) {
	if tc, ok := c.(interface{ SetLinger(int) error }); ok {
		_ = tc.SetLinger(0)
	}
}

// Say writes text at once, then reads until the client goes.
func Say(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		Silent(c)
	}
}

// Answer waits for the first bytes of the client, then writes text and reads on.
func Answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		if _, err := c.Read(b); err == nil {
			_, _ = io.WriteString(c, text)
		}
		Silent(c)
	}
}

// AnswerTo answers only a client whose first words are those, and drops every other.
func AnswerTo(first, text string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		if n, err := c.Read(b); err == nil && strings.HasPrefix(string(b[:n]), first) {
			_, _ = io.WriteString(c, text)
		}
	}
}

// Delayed is a proxy whose backend's bytes arrive so much later.
func Delayed(backend string, delay time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		b, err := net.Dial("tcp", backend)
		if err != nil {
			return
		}
		defer b.Close()
		go func() {
			_, _ = io.Copy(b, c)
			_ = b.Close()
		}()
		buf := make([]byte, 16<<10)
		for {
			n, err := b.Read(buf)
			if err != nil {
				return
			}
			<-time.After(delay) // the distance of the path, not a wait for readiness
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}
