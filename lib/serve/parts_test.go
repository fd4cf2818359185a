//go:build !windows

package serve

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80 loopback", "localhost:0": "127.0.0.1:0 loopback", "[::1]:5": "[::1]:5 loopback", ":80": ":80", "0.0.0.0:1": "0.0.0.0:1",
		"[::ffff:127.0.0.1]:1": "[::ffff:127.0.0.1]:1 loopback", "": "error", "80": "error", "127.0.0.1": "error", "example.com:80": "error", "1.2.3.4:70000": "error", "1.2.3.4:http": "error",
	} {
		p, err := parsePlace("--http", text)
		got := p.String()
		if p.loopback() {
			got += " loopback"
		}
		if err != nil {
			got = "error"
			if !strings.Contains(err.Message, "--http") || err.Hint == "" {
				t.Errorf("%q: %+v", text, err)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestFlags(t *testing.T) {
	good := Flags{http: "127.0.0.1:0", ops: "none", maxConns: 1}
	if _, err := good.Options(); err != nil {
		t.Errorf("%v", err)
	}
	for says, change := range map[string]func(*Flags){
		"--http is missing": func(f *Flags) { f.http = "" },
		"belong together":   func(f *Flags) { f.cert = "x" },
		"negative":          func(f *Flags) { f.drain = -1 },
		"--max-conns 0":     func(f *Flags) { f.maxConns = 0 },
		"--ops-token":       func(f *Flags) { f.ops = "0.0.0.0:0" },
		"--ops \"x\"":       func(f *Flags) { f.ops = "x" },
	} {
		f := good
		change(&f)
		if _, err := f.Options(); err == nil || !strings.Contains(err.Message, says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Rate{Burst: 2, Interval: 10 * time.Second})
		for i, want := range []time.Duration{0, 0, 10 * time.Second} {
			if got := l.Take("a"); got != want {
				t.Errorf("%d: wait %s, want %s", i, got, want)
			}
		}
		if l.Take("b") != 0 {
			t.Error("one key waits for another")
		}
		<-time.After(10 * time.Second) // of the fake clock
		if l.Take("a") != 0 || l.Take("a") != 10*time.Second {
			t.Error("one turn comes back after the interval, and only one")
		}
		for i := range 3 * maxKeys {
			l.Take(fmt.Sprint(i))
		}
		if len(l.keys) != maxKeys || l.seen.Len() != maxKeys {
			t.Errorf("%d keys, %d in order", len(l.keys), l.seen.Len())
		}
	})
}

func TestRates(t *testing.T) {
	if r, err := ParseRate("--per-client", "20/1s"); err != nil || r != (Rate{20, time.Second}) || r.String() != "20/1s" {
		t.Errorf("%v %v", r, err)
	}
	for _, bad := range []string{"", "20", "0/1s", "x/1s", "1/x", "1/0s", "1/-1s", "1/2h"} {
		if _, err := ParseRate("--per-client", bad); err == nil || !strings.Contains(err.Message, "--per-client") {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}

func TestGate(t *testing.T) {
	g := newGate(nil, 8)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 3 {
		if got := g.enter(a); got != (i < 2) {
			t.Errorf("connection %d of one address: %v", i, got)
		}
	}
	self := netip.MustParseAddr("127.0.0.1")
	for i := range 7 {
		if got := g.enter(self); got != (i < 6) {
			t.Errorf("connection %d from loopback: %v", i, got)
		}
	}
	if g.enter(b) {
		t.Error("more connections than the maximum")
	}
	g.leave(a)
	g.leave(a)
	if !g.enter(b) || len(g.from) != 2 {
		t.Errorf("%v", g.from)
	}
}

// What is too much is closed at once, and its place is free again when another one ends.
func TestGateOnAListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, 1)
	defer g.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := g.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("the second connection is not closed")
	}
	first.Close()
	first.Close()
	dial()
	(<-accepted).Close()
}

func TestRemoteIP(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::", "[::1]:1": "::1",
		"[fe80::1%lo]:1": "fe80::", "@": "invalid IP"} {
		if got := remoteIP(in).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestSupervisorIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	s := start(t, options(), Role{Handler: http.NotFoundHandler()})
	expect := func(want string) {
		t.Helper()
		b := make([]byte, 64)
		for {
			n, err := l.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(b[:n]); got == want {
				return
			} else if got != "WATCHDOG=1" {
				t.Fatalf("told %q, want %q", got, want)
			}
		}
	}
	expect("READY=1")
	expect("WATCHDOG=1")
	s.stop()
	s.line("draining", &Draining{})
	expect("STOPPING=1")
	s.line("stopped", &Stopped{})
	if err := s.end(); err != nil {
		t.Error(err)
	}
}

// A client that never finishes its headers is cut, and bodies and headers have an end.
func TestBounds(t *testing.T) {
	read := make(chan error, 1)
	s := start(t, options(), Role{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
		Healthy(w, r)
	})})
	resp, err := http.Post(s.ready.URL, "text/plain", strings.NewReader(strings.Repeat("x", maxBody+1)))
	if err == nil {
		resp.Body.Close()
	}
	if err := <-read; err == nil {
		t.Error("a body larger than the bound is read")
	}
	if status, _ := get(t, s.ready.URL, "X-Large", strings.Repeat("x", 2*maxHead)); status != 431 {
		t.Errorf("large headers: %d", status)
	}
	srv := newServer(t.Context(), nil, time.Second, 1)
	for name, d := range map[string]time.Duration{"header": srv.ReadHeaderTimeout, "read": srv.ReadTimeout, "write": srv.WriteTimeout, "idle": srv.IdleTimeout} {
		if d <= 0 || d > 5*time.Minute {
			t.Errorf("the %s timeout is %s", name, d)
		}
	}
}
