package probe

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	mplex "github.com/libp2p/go-libp2p-mplex"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	goyamux "github.com/libp2p/go-yamux/v5"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

const mplexID = string(mplex.ID)

// openedWithin is the time in which a remote may open maxOpened streams that are not served.
const openedWithin = 10 * time.Second

// Bounds of one walked connection: what a hostile remote can make it hold is streams × window.
const (
	maxStreams = 16
	maxOpened  = 1024      // further streams of the remote within openedWithin
	maxWindow  = 512 << 10 // bytes
)

func muxerID(word string) protocol.ID {
	if word == "mplex" {
		return mplex.ID
	}
	return yamux.ID
}

func muxerFor(id string) network.Multiplexer {
	switch id {
	case mplexID:
		return mplex.DefaultTransport
	case yamux.ID:
		c := goyamux.DefaultConfig()
		c.MaxIncomingStreams, c.AcceptBacklog = maxStreams, maxStreams
		c.MaxStreamWindowSize = maxWindow
		c.LogOutput, c.ReadBufSize = io.Discard, 0
		c.EnableKeepAlive = false
		return (*yamux.Transport)(c)
	}
	return nil
}

// muxerAnswers sends a yamux ping, which every implementation must answer; mplex has none.
func (w *walk) muxerAnswers(ctx context.Context, mc network.MuxedConn) *fail.Error {
	if w.ready.IsZero() {
		w.ready = time.Now()
	}
	var s *goyamux.Session
	if !mc.As(&s) {
		return nil
	}
	answer := make(chan error, 1)
	go func() {
		_, err := s.Ping()
		answer <- err
	}()
	var err error
	select {
	case err = <-answer:
	case <-ctx.Done():
		_ = mc.Close()
		<-answer
		err = ctx.Err()
	}
	switch {
	case err == nil:
		return nil
	case isTimeout(err) || errors.Is(err, goyamux.ErrTimeout):
		return fail.New(fail.MuxerFailed, "%s agreed on %s, then did not answer its ping", w.who(), w.rep.Muxer).
			WithHint("the node hangs after the handshake, or breaks the muxer's protocol: look at its version").WithCause(err)
	case errors.Is(err, goyamux.ErrInvalidVersion), errors.Is(err, goyamux.ErrInvalidMsgType), errors.Is(err, goyamux.ErrRecvWindowExceeded):
		return fail.New(fail.MuxerFailed, "%s agreed on %s, then sent garbage", w.who(), w.rep.Muxer).
			WithHint("the remote breaks the muxer's protocol: look at its version").WithCause(err)
	}
	return w.connClosed(err)
}

// goAwayCode returns the code of a yamux go-away of the remote.
func goAwayCode(err error) (network.ConnErrorCode, bool) {
	var g *goyamux.GoAwayError
	if errors.As(err, &g) && g.Remote {
		return network.ConnErrorCode(g.ErrorCode), true
	}
	return 0, false
}

func hex(n uint64) string { return strconv.FormatUint(n, 16) }

// mustMA parses text that is known to be an address; nil if it is none after all.
func mustMA(text string) ma.Multiaddr {
	m, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil
	}
	return m
}

// dialsHost tells whether the text names a transport, so that an id can be put at its end.
func dialsHost(text string) bool {
	for _, c := range mustMA(text) {
		switch c.Protocol().Code {
		case ma.P_TCP, ma.P_UDP:
			return true
		}
	}
	return false
}
