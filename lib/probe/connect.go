package probe

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"p2p/lib/fail"
)

// connect opens the TCP connection of the walk.
func (w *walk) connect(ctx context.Context) *fail.Error {
	return w.stage(ctx, "connect", w.p.o.DialTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		c, err := w.dialTCP(ctx)
		if err != nil && err.Code == fail.DialClosed {
			return w.ended(ctx, err.Unwrap())
		}
		if err != nil {
			return err
		}
		w.raw = &tap{Conn: c}
		w.conn = w.raw
		w.onClose(func() { _ = c.Close() })
		s.set("local", c.LocalAddr().String())
		return nil
	})
}

// dialTCP opens one more connection to the walk's port; diagnostic dials use it too.
func (w *walk) dialTCP(ctx context.Context) (net.Conn, *fail.Error) {
	var refused *fail.Error
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		if ap, err := netip.ParseAddrPort(address); err == nil {
			if refused = w.guard(ap.Addr()); refused != nil {
				return refused
			}
		}
		return nil
	}}
	begin := time.Now()
	c, err := d.DialContext(ctx, "tcp", w.spot.hostPort())
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, w.dialError(err, time.Since(begin))
	}
	if c.LocalAddr().String() == c.RemoteAddr().String() { // TCP simultaneous open with oneself
		_ = c.Close()
		return nil, w.dialError(syscall.ECONNREFUSED, time.Since(begin))
	}
	return c, nil
}

func (w *walk) dialError(err error, took time.Duration) *fail.Error {
	code := codeOfErrno(err)
	if code == "" && isTimeout(err) {
		code = fail.DialTimeout
	}
	switch code {
	case fail.DialRefused:
		return fail.New(code, "%s refused the connection: the host is up and nothing listens on port %s", w.who(), w.port()).
			WithHint("start the node there, or correct the port; on the host: ss -ltnp 'sport = :%s'", w.port()).WithCause(err)
	case fail.DialTimeout:
		return fail.New(code, "%s did not answer within %.1f s: something drops the packets", w.who(), took.Seconds()).
			WithHint("open TCP port %s in the firewall or security group of the host, and forward it in its NAT router", w.port()).WithCause(err)
	case fail.DialNoRoute, fail.DialHostUnreachable:
		return w.unreachable(code, err)
	case fail.DialMTU:
		return fail.New(code, "packets to %s are too large for the path", w.who()).WithHint("lower the MTU of this machine's interface").WithCause(err)
	}
	if isClosed(err) {
		return fail.New(fail.DialClosed, "%s ended the connection while it was opened", w.who()).WithHint("probe again; if it stays, look at the host's firewall").WithCause(err)
	}
	return fail.New(fail.DialNoRoute, "this machine cannot dial %s: %w", w.who(), err).WithCause(err)
}
