// Package node is the one builder of libp2p hosts: Options in, a host that listens on every address
// asked for out. Its rule: it fails closed, with an error that names the address or the option.
package node

import (
	"crypto/tls"
	"errors"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/pnet"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	webrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	webtransport "github.com/libp2p/go-libp2p/p2p/transport/webtransport"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// Options say what host to build.
type Options struct {
	Identity crypto.PrivKey // nil: a throw-away key
	Listen   []string       // multiaddrs; every one must work
	PSK      pnet.PSK       // of a private network: TCP and WebSocket alone
	TLS      *tls.Config    // for /tls/ws addresses
}

// New builds a host without relay and metrics; the caller closes it.
func New(o Options) (host.Host, error) {
	// Without SO_REUSEPORT, so that a port which another node has is an error.
	opts := []libp2p.Option{
		libp2p.NoListenAddrs, libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.UserAgent(agent()),
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()), websocketOption(o.TLS),
	}
	if o.Identity != nil {
		opts = append(opts, libp2p.Identity(o.Identity))
	}
	if o.PSK != nil {
		opts = append(opts, libp2p.PrivateNetwork(o.PSK))
	} else {
		opts = append(opts, libp2p.ShareTCPListener(), libp2p.Transport(quic.NewTransport), libp2p.Transport(webtransport.New), libp2p.Transport(webrtc.New))
	}
	h, err := libp2p.New(opts...)
	if err != nil {
		return nil, fail.New(fail.Internal, "build a libp2p host: %s", plain(err)).WithCause(err)
	}
	for _, a := range o.Listen {
		if err := Listen(h, a); err != nil {
			_ = h.Close()
			return nil, err
		}
	}
	return h, nil
}

func websocketOption(c *tls.Config) libp2p.Option {
	if c == nil {
		return libp2p.Transport(websocket.New)
	}
	return libp2p.Transport(websocket.New, websocket.WithTLSConfig(c))
}

// Listen adds one listen address to a host.
func Listen(h host.Host, text string) *fail.Error {
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		return fail.New(fail.ListenFailed, "listen on %q: %w", text, err).WithCause(err).WithHint("p2p addr parse %s", text)
	}
	if err := h.Network().Listen(a); err != nil {
		return listenError(text, err)
	}
	return nil
}

func listenError(text string, err error) *fail.Error {
	// The swarm joins the errors of its addresses as text, so that the errno is there as text alone.
	is := func(e syscall.Errno) bool { return errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) }
	switch {
	case is(syscall.EADDRINUSE):
		return fail.New(fail.ListenInUse, "cannot listen on %s: the port is in use", text).WithCause(err).WithHint("find what has it: ss -lntup; or choose another port")
	case is(syscall.EACCES) || is(syscall.EPERM):
		return fail.New(fail.ListenDenied, "cannot listen on %s: permission denied", text).WithCause(err).
			WithHint("ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): choose a higher port")
	}
	return fail.New(fail.ListenFailed, "cannot listen on %s: %s", text, plain(err)).WithCause(err).WithHint("does this machine have the address, and the protocol?")
}

// plain strips what the dependency injection of go-libp2p puts in front of the cause.
func plain(err error) string {
	text := err.Error()
	for _, mark := range []string{"received non-nil error from function ", "failed to listen on any addresses: "} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			text = text[i+len(mark):]
			if _, rest, ok := strings.Cut(text, "): "); ok {
				text = rest
			}
		}
	}
	return strings.Trim(text, "[]")
}

// agent is what a node calls itself: p2p/VERSION.
func agent() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return "p2p/" + info.Main.Version
	}
	return "p2p/devel"
}
