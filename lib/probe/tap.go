package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

const tapSize = 512 // bytes of the remote's first words that are kept as evidence

// tap is a connection that remembers the first bytes that came, which name the service that sent them.
type tap struct {
	net.Conn
	mu   sync.Mutex
	head []byte
	got  int64
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got += int64(n)
	if room := tapSize - len(t.head); room > 0 {
		t.head = append(t.head, p[:min(n, room)]...)
	}
	return n, err
}

// seen returns a copy of the first bytes.
func (t *tap) seen() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.head...)
}

// limit puts the context's end on the connection: its deadline, and its cancellation.
// The caller calls release when the stage is over.
func limit(ctx context.Context, c interface{ SetDeadline(time.Time) error }) (release func()) {
	d, _ := ctx.Deadline()
	_ = c.SetDeadline(d)
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		_ = c.SetDeadline(time.Time{})
	}
}

// isTimeout tells silence from a closed connection.
func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// isClosed tells that the remote ended the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, network.ErrReset) || isReset(err)
}

// how names the way in which a connection ended.
func how(err error) string {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, network.ErrReset) || isReset(err) {
		return "reset"
	}
	return "closed"
}
