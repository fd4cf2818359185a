package serve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"p2p/lib/fail"
)

// Place is where a listener goes: an address of this machine, all of them when IP is unspecified, and a port.
type Place struct {
	IP   netip.Addr // invalid: no listener at all
	Port uint16
	flag string
	all  bool // IPv4 and IPv6
}

// parsePlace reads IP:PORT, localhost:PORT or :PORT. Other names are refused: they may resolve to
// anything, and whether the port can be reached from outside must be known before it is taken.
func parsePlace(flag, text string) (Place, *fail.Error) {
	p := Place{flag: flag}
	bad := func(why string) *fail.Error {
		return fail.New(fail.UsageFlag, "%s %q %s", flag, text, why).WithHint("such as %s 127.0.0.1:8080", flag)
	}
	if text == "" {
		return p, fail.New(fail.UsageFlag, "%s is missing", flag).WithHint("such as %s 127.0.0.1:8080", flag)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return p, bad("is no IP:PORT")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return p, bad("has no port from 0 to 65535")
	}
	p.Port = uint16(n)
	switch host {
	case "":
		p.IP, p.all = netip.IPv6Unspecified(), true
	case "localhost":
		p.IP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		if p.IP, err = netip.ParseAddr(host); err != nil {
			return p, bad("has no IP address before the port")
		}
	}
	return p, nil
}

func (p Place) set() bool { return p.IP.IsValid() }

// loopback tells whether only this machine can reach the place.
func (p Place) loopback() bool { return p.IP.Unmap().IsLoopback() }

func (p Place) String() string {
	if p.all {
		return ":" + strconv.Itoa(int(p.Port))
	}
	return netip.AddrPortFrom(p.IP, p.Port).String()
}

// listen takes the port; the error names the address.
func (p Place) listen(ctx context.Context) (net.Listener, *fail.Error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.String())
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.Errno(10048)): // WSAEADDRINUSE
		return nil, fail.New(fail.ListenInUse, "the address %s of %s is in use by another program", p, p.flag).
			WithHint("who has it: ss -ltnp 'sport = :%d'; or take another port", p.Port).WithCause(err)
	case errors.Is(err, syscall.EACCES):
		return nil, fail.New(fail.ListenDenied, "this user may not listen on the address %s of %s", p, p.flag).
			WithHint("take a port above 1023, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit").WithCause(err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fail.New(fail.ListenFailed, "this machine has no address %s, which %s names", p.IP, p.flag).WithHint("the addresses that it has: ip addr").WithCause(err)
	}
	return nil, fail.New(fail.ListenFailed, "listen on the address %s of %s: %w", p, p.flag, err).WithCause(err)
}

// base returns the URL under which this machine reaches the listener.
func base(scheme string, l net.Listener) string {
	ap := netip.MustParseAddrPort(l.Addr().String())
	ip := ap.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return scheme + "://" + netip.AddrPortFrom(ip.WithZone(""), ap.Port()).String()
}

// gate is a listener that closes what is too much, in all or from one address, instead of letting it
// wait: whoever waits behind idle connections would see a dead server.
type gate struct {
	net.Listener
	max, each int

	mu   sync.Mutex
	open int
	from map[netip.Addr]int
}

func newGate(l net.Listener, max int) *gate {
	return &gate{Listener: l, max: max, each: (max + 3) / 4, from: map[netip.Addr]int{}}
}

// Accept waits for the next connection that is not too much.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		ip := remoteIP(c.RemoteAddr().String())
		if g.enter(ip) {
			return &gated{Conn: c, leave: sync.OnceFunc(func() { g.leave(ip) })}, nil
		}
		_ = c.Close()
	}
}

func (g *gate) enter(ip netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.max || !ip.IsLoopback() && g.from[ip] >= g.each {
		return false
	}
	g.open++
	g.from[ip]++
	return true
}

func (g *gate) leave(ip netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.from[ip]--; g.from[ip] == 0 {
		delete(g.from, ip)
	}
}

type gated struct {
	net.Conn
	leave func()
}

func (c *gated) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// remoteIP returns the IP of a remote's address; of IPv6 the /64, which is what one client has.
func remoteIP(hostPort string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().WithZone("").Unmap()
	if ip.Is4() || ip.IsLoopback() {
		return ip
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip
	}
	return p.Addr()
}
