package addr

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"p2p/lib/fail"
)

const (
	udpPayload = 1232                   // bytes, the size that passes without fragments (DNS flag day 2020)
	grace      = 100 * time.Millisecond // after garbage, a good answer may still come
)

// reply is the outcome of asking one server once.
type reply struct {
	answer *answer
	tcp    bool
	code   fail.Code // why there is no answer
	why    string
}

// ask puts one question to one server: over UDP, and over TCP when the answer does not fit (RFC 7766).
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, q dnsmessage.Question) reply {
	rep := r.once(ctx, "udp", server, q, true)
	if rep.answer != nil && rep.answer.rcode == dnsmessage.RCodeFormatError {
		rep = r.once(ctx, "udp", server, q, false) // servers older than EDNS (RFC 6891, 7)
	}
	if rep.answer == nil || !rep.answer.truncated {
		return rep
	}
	rep = r.once(ctx, "tcp", server, q, true)
	rep.tcp = true
	switch {
	case rep.answer == nil:
		rep.why = "the answer does not fit into UDP, and over TCP " + rep.why
	case rep.answer.truncated:
		rep = reply{tcp: true, code: fail.DNSMalformed, why: "the answer is cut off over TCP too"}
	}
	return rep
}

func (r *Resolver) once(ctx context.Context, network string, server netip.AddrPort, q dnsmessage.Question, edns bool) reply {
	limit := time.Now().Add(r.timeout())
	d := net.Dialer{Deadline: limit}
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return noReply(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if ctx.Err() == nil {
		conn.SetDeadline(limit)
	}
	var id [2]byte
	rand.Read(id[:])
	msg, err := question(binary.BigEndian.Uint16(id[:]), q, edns)
	if err != nil {
		return reply{code: fail.DNSMalformed, why: err.Error()}
	}
	if network == "tcp" {
		return overTCP(conn, msg, q)
	}
	return overUDP(ctx, conn, msg, q)
}

func overUDP(ctx context.Context, conn net.Conn, msg []byte, q dnsmessage.Question) reply {
	if _, err := conn.Write(msg); err != nil {
		return noReply(err)
	}
	var garbage error
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			if garbage != nil && ctx.Err() == nil {
				return reply{code: fail.DNSMalformed, why: garbage.Error()}
			}
			return noReply(err)
		}
		a, err := readAnswer(buf[:n], binary.BigEndian.Uint16(msg), q)
		if err == nil {
			return reply{answer: a}
		}
		if garbage == nil {
			garbage = err
			conn.SetReadDeadline(time.Now().Add(grace))
		}
	}
}

func overTCP(conn net.Conn, msg []byte, q dnsmessage.Question) reply {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(msg)))
	if _, err := conn.Write(append(framed, msg...)); err != nil {
		return noReply(err)
	}
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return noReply(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return noReply(err)
	}
	a, err := readAnswer(b, binary.BigEndian.Uint16(msg), q)
	if err != nil {
		return reply{code: fail.DNSMalformed, why: err.Error()}
	}
	return reply{answer: a}
}

// noReply classifies a socket's error: silence, a closed connection, or no way to the server.
func noReply(err error) reply {
	var ne net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return reply{code: fail.DNSTimeout, why: "no answer came in time"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return reply{code: fail.DNSMalformed, why: "the server closed the connection before the answer was whole"}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return reply{code: fail.DNSNoServer, why: "the server cannot be reached: " + err.Error()}
}

func question(id uint16, q dnsmessage.Question, edns bool) ([]byte, error) {
	b := dnsmessage.NewBuilder(make([]byte, 0, 512), dnsmessage.Header{ID: id, RecursionDesired: true})
	b.EnableCompression()
	err := errors.Join(b.StartQuestions(), b.Question(q))
	if edns {
		var h dnsmessage.ResourceHeader
		err = errors.Join(err, b.StartAdditionals(), h.SetEDNS0(udpPayload, dnsmessage.RCodeSuccess, false), b.OPTResource(h, dnsmessage.OPTResource{}))
	}
	if err != nil {
		return nil, fmt.Errorf("make the question: %w", err)
	}
	return b.Finish()
}
