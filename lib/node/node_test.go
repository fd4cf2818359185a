package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/libp2p/go-libp2p/core/pnet"

	"p2p/lib/fail"
)

func TestNew(t *testing.T) {
	h, err := New(Options{Listen: []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/udp/0/quic-v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if n := len(h.Network().ListenAddresses()); n != 3 {
		t.Errorf("%d addresses: %v", n, h.Network().ListenAddresses())
	}
}

// What cannot be listened on is an error that names the address, and the host does not start.
func TestListenErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	takenUDP := fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", u.LocalAddr().(*net.UDPAddr).Port)
	for _, c := range []struct {
		listen string
		psk    pnet.PSK
		code   fail.Code
	}{
		{taken, nil, fail.ListenInUse},
		{taken + "/ws", nil, fail.ListenInUse},
		{takenUDP, nil, fail.ListenInUse},
		{"/ip4/192.0.2.1/tcp/0", nil, fail.ListenFailed},
		{"/ip4/127.0.0.1", nil, fail.ListenFailed},
		{"nonsense", nil, fail.ListenFailed},
		{"/ip4/127.0.0.1/udp/0/quic-v1", make(pnet.PSK, 32), fail.ListenFailed},
	} {
		h, err := New(Options{Listen: []string{c.listen}, PSK: c.psk})
		if err == nil {
			_ = h.Close()
			t.Errorf("%s: no error", c.listen)
			continue
		}
		e := fail.Of(err)
		if e.Code != c.code || !strings.Contains(e.Message, c.listen) || e.Hint == "" || strings.Contains(e.Message, "reflect") {
			t.Errorf("%s: %s: %s", c.listen, e.Code, e.Message)
		}
	}
}

func TestListenDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		e := listenError("/ip4/127.0.0.1/tcp/1", fmt.Errorf("failed to listen on any addresses: [listen tcp4 127.0.0.1:1: bind: %s]", syscall.EACCES))
		if e.Code != fail.ListenDenied {
			t.Errorf("%s: %s", e.Code, e.Message)
		}
		return
	}
	if _, err := New(Options{Listen: []string{"/ip4/127.0.0.1/tcp/1"}}); err == nil || fail.Of(err).Code != fail.ListenDenied {
		t.Errorf("%v", err)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		`could not build arguments for function "reflect".makeFuncStub (/x/y.go:1): failed to build x: received non-nil error from function "a".f (/x/y.go:2): QUIC doesn't support private networks yet`: "QUIC doesn't support private networks yet",
		"failed to listen on any addresses: [no transport]": "no transport",
		"other": "other",
	} {
		if got := plain(errors.New(in)); got != want {
			t.Errorf("plain(%q) = %q", in, got)
		}
	}
}
