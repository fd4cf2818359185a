package probe

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"p2p/lib/fail"
)

// circuitConn is the stream through a relay as a connection, which counts what it carries, because a relay
// cuts it at its limits without a word.
type circuitConn struct {
	network.MuxedStream
	hop   *walk
	since time.Time
	data  uint64        // the relay's limit of bytes each way; 0: none
	span  time.Duration // and of time

	in, out atomic.Uint64
	ended   atomic.Int64 // how long after since the other side ended it, in ns; 0: it did not
	reset   atomic.Bool  // by a reset
	mine    atomic.Bool  // closed here
}

// Read counts what comes.
func (c *circuitConn) Read(p []byte) (int, error) {
	n, err := c.MuxedStream.Read(p)
	c.in.Add(uint64(n))
	c.note(err)
	return n, err
}

// Write counts what goes.
func (c *circuitConn) Write(p []byte) (int, error) {
	n, err := c.MuxedStream.Write(p)
	c.out.Add(uint64(n))
	c.note(err)
	return n, err
}

func (c *circuitConn) note(err error) {
	if err == nil || isTimeout(err) || c.mine.Load() {
		return
	}
	if c.ended.CompareAndSwap(0, int64(time.Since(c.since))) && how(err) == "reset" {
		c.reset.Store(true)
	}
}

// Close ends both directions, so that a reader that waits is released.
func (c *circuitConn) Close() error {
	c.mine.Store(true)
	return c.Reset()
}

// LocalAddr names no place of this machine: the stream is one of many on the relay's connection.
func (c *circuitConn) LocalAddr() net.Addr { return circuitAddr{} }

// RemoteAddr does not tell where the target is: only the relay knows.
func (c *circuitConn) RemoteAddr() net.Addr { return circuitAddr{} }

type circuitAddr struct{}

// Network is the name of the address's kind.
func (circuitAddr) Network() string { return "p2p-circuit" }

// String is the same: there is nothing behind it.
func (circuitAddr) String() string { return "p2p-circuit" }

// limitReached tells which limit of the relay ended the circuit, "" if none did. Go relays count each
// direction and close at the limit of data, js relays count both together and reset.
func (c *circuitConn) limitReached() string {
	in, out, ended := c.in.Load(), c.out.Load(), time.Duration(c.ended.Load())
	switch {
	case c.data > 0 && (out >= c.data || ended > 0 && (in >= c.data || c.reset.Load() && in+out >= c.data)):
		return "data"
	case c.span > 0 && ended >= c.span-c.span/10:
		return "time"
	}
	return ""
}

// cutShort replaces the error of a stage whose circuit ended below it.
func (w *walk) cutShort(err *fail.Error) *fail.Error {
	c := w.line
	if c == nil || err.Kind() == fail.KindUnsupported || err.Code == fail.SecurityPeerIDMismatch {
		return err
	}
	which, relay := c.limitReached(), w.spot.hostPort()
	if which == "" {
		if c.hop.muxed.IsClosed() && !c.mine.Load() {
			return fail.New(fail.RelayFailed, "the relay %s ended its own connection while it carried the circuit", relay).
				WithHint("the relay was stopped or restarted: probe again").WithCause(err)
		}
		return err
	}
	took := time.Duration(c.ended.Load())
	e := fail.New(fail.RelayLimitReached, "the relay %s cut the circuit at its limit of time, %s, after %.1f s", relay, c.span, took.Seconds())
	hint := "raise the relay's limit of time, or connect directly"
	if which == "data" {
		e = fail.New(fail.RelayLimitReached, "the relay %s cut the circuit at its limit of %d bytes: %d came and %d went", relay, c.data, c.in.Load(), c.out.Load())
		hint = "raise the relay's limit of data: handshakes and identify alone need some 4 KiB each way, the usual limit is 128 KiB"
	}
	return e.WithHint("%s", hint).WithCause(err).WithDetail("limit", which).WithDetail("bytes_in", c.in.Load()).
		WithDetail("bytes_out", c.out.Load()).WithDetail("after_ms", ms(took)).WithDetail("code", string(err.Code))
}
