package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

// wtGated is how go-libp2p says over WebTransport that its gater closed the session: GATE in ASCII.
const wtGated = 0x47415445

const closeReasonWait = 50 * time.Millisecond

// wtConn makes a multiplexed connection of a WebTransport session.
type wtConn struct {
	s *webtransport.Session
	q *quic.Conn
}

func (c *wtConn) Close() error { return c.CloseWithError(network.ConnNoError) }

// CloseWithError ends session and connection; WebTransport has no codes for libp2p.
func (c *wtConn) CloseWithError(network.ConnErrorCode) error {
	err := c.s.CloseWithError(0, "")
	_ = c.q.CloseWithError(h3NoError, "")
	return err
}

// IsClosed tells whether the session or its connection has ended.
func (c *wtConn) IsClosed() bool { return c.s.Context().Err() != nil || c.q.Context().Err() != nil }

// As finds nothing: nobody asks for what is inside.
func (c *wtConn) As(any) bool { return false }

// OpenStream waits until the remote admits one more stream.
func (c *wtConn) OpenStream(ctx context.Context) (network.MuxedStream, error) {
	s, err := c.s.OpenStreamSync(ctx)
	if err != nil {
		return nil, c.why(err)
	}
	return wtStream{s, c}, nil
}

// AcceptStream waits for a stream of the remote.
func (c *wtConn) AcceptStream() (network.MuxedStream, error) {
	s, err := c.s.AcceptStream(context.Background())
	if err != nil {
		return nil, c.why(err)
	}
	return wtStream{s, c}, nil
}

// why returns the reason for which the session ended, where that is why a stream ended. The remote's
// resets overtake its reason, so it is given a moment.
func (c *wtConn) why(err error) error {
	if err == nil || err == io.EOF || isTimeout(err) {
		return err
	}
	late := time.NewTimer(closeReasonWait)
	defer late.Stop()
	select {
	case <-c.s.Context().Done():
		if _, reason := c.s.OpenStream(); reason != nil {
			return wtError(reason)
		}
	case <-late.C:
	}
	return wtError(err)
}

type wtStream struct {
	*webtransport.Stream
	c *wtConn
}

func (s wtStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	return n, s.c.why(err)
}

func (s wtStream) Write(b []byte) (int, error) {
	n, err := s.Stream.Write(b)
	return n, s.c.why(err)
}

// CloseWrite ends our side.
func (s wtStream) CloseWrite() error { return s.Stream.Close() }

// CloseRead asks the remote to stop.
func (s wtStream) CloseRead() error {
	s.CancelRead(0)
	return nil
}

func (s wtStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}

// Reset ends both sides.
func (s wtStream) Reset() error {
	s.CancelRead(0)
	s.CancelWrite(0)
	return nil
}

// ResetWithError is Reset: libp2p has no codes for streams of WebTransport.
func (s wtStream) ResetWithError(network.StreamErrorCode) error { return s.Reset() }

// wtNetConn is the stream on which Noise runs.
type wtNetConn struct {
	*webtransport.Stream
	s *webtransport.Session
}

func (c wtNetConn) LocalAddr() net.Addr  { return c.s.LocalAddr() }
func (c wtNetConn) RemoteAddr() net.Addr { return c.s.RemoteAddr() }

// Close also ends a read that waits: the session's own Close leaves it to a silent remote.
func (c wtNetConn) Close() error {
	c.CancelRead(0)
	return c.Stream.Close()
}

// wtError gives the end of a session or of its connection the type that closeReason reads.
func wtError(err error) error {
	var se *webtransport.SessionError
	if !errors.As(err, &se) {
		return connError(err)
	}
	code := network.ConnErrorCode(se.ErrorCode)
	if code == wtGated {
		code = network.ConnGated
	}
	return &network.ConnError{ErrorCode: code, Remote: se.Remote, TransportError: err}
}
