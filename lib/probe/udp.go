package probe

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"p2p/lib/fail"
)

// wire is a UDP socket of the walk. It is connected, so that the operating system reports a closed port
// at once, and it counts, so that silence can be told from a broken dialogue. quic-go takes it as its
// packet connection; it hides the methods by which quic-go would tune the socket and log that it could not.
type wire struct {
	c      *net.UDPConn
	got    atomic.Int64 // datagrams that may be QUIC
	failed atomic.Pointer[error]
}

// openUDP opens one more socket towards the walk's port; diagnostic dials use it too.
func (w *walk) openUDP(ctx context.Context) (*wire, *fail.Error) {
	if err := w.guard(w.spot.ip); err != nil {
		return nil, err
	}
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error { return tellErrors(rc, w.spot.ip.Is4()) }}
	begin := time.Now()
	c, err := d.DialContext(ctx, "udp", w.spot.hostPort())
	if err != nil {
		return nil, w.udpError(err, time.Since(begin))
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		_ = c.Close()
		return nil, fail.New(fail.Internal, "the socket to %s is no UDP socket", w.who())
	}
	return &wire{c: u}, nil
}

// ReadFrom reads one datagram; reports of routers that end no dialogue are passed over.
func (u *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := u.c.Read(b)
		if err == nil {
			if n > 0 && b[0]&0x40 != 0 { // the fixed bit (RFC 9000, 17), which STUN on the same port never has
				u.got.Add(1)
			}
			return n, u.c.RemoteAddr(), nil
		}
		if u.soft(err) {
			continue
		}
		u.note(err)
		return n, u.c.RemoteAddr(), err
	}
}

// WriteTo sends to the one address that the socket has.
func (u *wire) WriteTo(b []byte, _ net.Addr) (int, error) { return u.write(b) }

func (u *wire) write(b []byte) (int, error) {
	n, err := u.c.Write(b)
	if err != nil && !u.soft(err) { // also the ICMP answer to an earlier datagram, told to the next one
		u.note(err)
	}
	return n, err
}

// soft tells the reports of routers that end no dialogue: a smaller path MTU, a route that was gone for a moment.
func (u *wire) soft(err error) bool {
	switch codeOfErrno(err) {
	case fail.DialMTU:
		return true
	case fail.DialNoRoute, fail.DialHostUnreachable:
		return u.got.Load() > 0
	}
	return false
}

// note keeps the first error that the network, not our own closing, made.
func (u *wire) note(err error) {
	if udpCode(err) != "" {
		u.failed.CompareAndSwap(nil, &err)
	}
}

// failure is what the network reported; nil if nothing.
func (u *wire) failure() error {
	if e := u.failed.Load(); e != nil {
		return *e
	}
	return nil
}

func (u *wire) Close() error                       { return u.c.Close() }
func (u *wire) LocalAddr() net.Addr                { return u.c.LocalAddr() }
func (u *wire) SetDeadline(t time.Time) error      { return u.c.SetDeadline(t) }
func (u *wire) SetReadDeadline(t time.Time) error  { return u.c.SetReadDeadline(t) }
func (u *wire) SetWriteDeadline(t time.Time) error { return u.c.SetWriteDeadline(t) }

// SetReadBuffer says yes to quic-go, which would warn in the log otherwise.
func (u *wire) SetReadBuffer(int) error { return nil }

// SetWriteBuffer is as SetReadBuffer.
func (u *wire) SetWriteBuffer(int) error { return nil }

// udpCode classifies a socket error; on UDP a reset is Windows' word for an ICMP port unreachable.
func udpCode(err error) fail.Code {
	if code := codeOfErrno(err); code != "" {
		return code
	}
	if isReset(err) || errors.Is(err, syscall.ECONNRESET) {
		return fail.DialRefused
	}
	return ""
}

func (w *walk) udpError(err error, took time.Duration) *fail.Error {
	code := udpCode(err)
	var op *net.OpError
	if code == fail.DialNoRoute && errors.Is(err, syscall.ENETUNREACH) && errors.As(err, &op) && op.Op != "dial" { // came as ICMP: the router's trouble, not this machine's
		code = fail.DialHostUnreachable
	}
	switch code {
	case fail.DialHostUnreachable:
		return fail.New(code, "a router says that %s cannot be reached: the host is down, unknown there, or UDP traffic to it is prohibited", w.who()).
			WithHint("check that the host is up, has this address, and that its firewall admits UDP port %s", w.port()).WithCause(err)
	case fail.DialRefused:
		return fail.New(fail.DialRefused, "%s refused the datagram: the host is up and nothing listens on UDP port %s", w.who(), w.port()).
			WithHint("start the node there, or correct the port; on the host: ss -lunp 'sport = :%s'", w.port()).WithCause(err)
	case fail.DialMTU:
		return fail.New(fail.DialMTU, "the path to %s does not carry datagrams of 1200 bytes, which QUIC needs", w.who()).
			WithHint("raise the MTU of this machine's interface or tunnel, or probe the peer's TCP address").WithCause(err)
	}
	return w.dialError(err, took)
}

// udpSilent is the verdict on a port that answered nothing at all.
func (w *walk) udpSilent(err error, took time.Duration) *fail.Error {
	return fail.New(fail.DialTimeout, "%s did not answer over UDP within %.1f s: something drops the datagrams, or the service there ignores QUIC", w.who(), took.Seconds()).
		WithHint("open UDP port %s in the firewall or security group of the host and forward it in its NAT router; TCP and UDP are opened apart, so try the peer's TCP or WebSocket address: p2p probe %s",
			w.port(), w.spot.with("/tcp/"+w.port(), "")).WithCause(err)
}

// datagramService names the service that sent a datagram; "" when it is not known.
func datagramService(b, sent []byte) string {
	switch {
	case len(b) == len(sent) && len(b) > 0 && string(b) == string(sent):
		return "echo"
	case len(b) >= 20 && b[0]&0xc0 == 0 && string(b[4:8]) == "\x21\x12\xa4\x42":
		return "stun"
	case len(b) >= 13 && b[0] >= 20 && b[0] <= 25 && b[1] == 0xfe:
		return "dtls"
	case len(b) >= 12 && len(sent) > 2 && b[0] == sent[0] && b[1] == sent[1] && b[2]&0x80 != 0:
		return "dns"
	case len(b) > 8 && (string(b[:8]) == "SIP/2.0 "):
		return "sip"
	}
	return service(b)
}
