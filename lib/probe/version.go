package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"p2p/lib/fail"
)

const (
	quicV1      = 1
	idSize      = 8               // bytes of the connection ids of a ping
	pingVersion = 0x1a2a3a4a      // one of those that RFC 9000 reserves to force version negotiation
	pingLength  = 1200            // a server ignores smaller first datagrams (RFC 9000, 14.1)
	quicQuiet   = 2 * time.Second // of silence, before a real handshake is tried as well
	maxVersions = 32              // of one answer
)

// pingTimes say when a version negotiation ping is sent, since the first.
var pingTimes = []time.Duration{0, 300 * time.Millisecond, 800 * time.Millisecond}

// vnPing is one packet of an unknown version, which every QUIC port answers with its list of versions.
type vnPing []byte

func newPing() (vnPing, error) {
	p := make(vnPing, pingLength)
	if _, err := rand.Read(p); err != nil {
		return nil, err
	}
	p[0] = 0xc0
	binary.BigEndian.PutUint32(p[1:], pingVersion)
	p[5], p[6+idSize] = idSize, idSize
	return p, nil
}

// versions reads the answer to the ping; nil if b is none (RFC 9000, 17.2.1).
func (p vnPing) versions(b []byte) []uint32 {
	ids := 1 + 4 + 2 + 2*idSize
	if len(b) < ids+4 || b[0]&0x80 == 0 || binary.BigEndian.Uint32(b[1:]) != 0 || b[5] != idSize || b[6+idSize] != idSize {
		return nil
	}
	to, from := b[6:6+idSize], b[7+idSize:ids]
	if !bytes.Equal(to, p[7+idSize:ids]) || !bytes.Equal(from, p[6:6+idSize]) {
		return nil
	}
	var list []uint32
	for rest := b[ids:]; len(rest) >= 4 && len(list) < maxVersions; rest = rest[4:] {
		list = append(list, binary.BigEndian.Uint32(rest))
	}
	return list
}

// pong is what the pings brought: versions, or something that is none, or nothing.
type pong struct {
	versions []uint32
	noise    []byte // the first datagram that was no answer
	stun     bool   // a STUN binding was answered: WebRTC is there, and QUIC may share the port
	sent     vnPing
	rtt      time.Duration
}

// ping asks for the versions until there is an answer, an error of the network, or quicQuiet of silence.
func (u *wire) ping(ctx context.Context, quiet time.Duration) (pong, error) {
	sent, err := newPing()
	p := pong{sent: sent}
	if err != nil {
		return p, err
	}
	begin := time.Now()
	end, last := begin.Add(quiet), begin
	noisy := false
	defer func() { _ = u.SetReadDeadline(time.Time{}) }()
	for i := 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
		until := end
		if i < len(pingTimes) {
			last = time.Now()
			if _, err := u.write(p.sent); err != nil && udpCode(err) != "" {
				return p, err
			}
			if i == len(pingTimes)-1 {
				u.ask() // a webrtc-direct listener has no other words
			}
		}
		if i+1 < len(pingTimes) && begin.Add(pingTimes[i+1]).Before(end) {
			until = begin.Add(pingTimes[i+1])
		}
		if err := u.await(ctx, &p, until); err != nil {
			return p, err
		}
		switch {
		case p.stun:
			return p, nil
		case p.versions != nil:
			p.rtt = time.Since(last)
			return p, nil
		case p.noise != nil && !noisy: // a proper answer may still follow
			noisy = true
			if soon := time.Now().Add(200*time.Millisecond + 2*time.Since(begin)); soon.Before(end) {
				end = soon
			}
		}
	}
	return p, nil
}

// await reads datagrams until the versions come, the time is over, or the network reports an error.
func (u *wire) await(ctx context.Context, p *pong, until time.Time) error {
	_ = u.SetReadDeadline(until)
	defer context.AfterFunc(ctx, func() { _ = u.SetReadDeadline(time.Unix(1, 0)) })()
	b := make([]byte, 2048)
	for {
		n, _, err := u.ReadFrom(b)
		switch {
		case err != nil && isTimeout(err):
			return nil
		case err != nil:
			return err
		}
		if p.versions = p.sent.versions(b[:n]); p.versions != nil {
			return nil
		}
		if stunAnswer(b[:n]) != "" {
			p.stun = true
			return nil
		}
		if p.noise == nil {
			p.noise = bytes.Clone(b[:n])
			return nil
		}
	}
}

// versionName is the name of a QUIC version; "" for those that are reserved and mean nothing.
func versionName(v uint32) string {
	switch {
	case v == quicV1:
		return "v1"
	case v == 0x6b3343cf:
		return "v2"
	case v>>8 == 0xff0000:
		return fmt.Sprintf("draft-%d", v&0xff)
	case v&0x0f0f0f0f == 0x0a0a0a0a:
		return ""
	}
	return fmt.Sprintf("0x%08x", v)
}

func versionNames(list []uint32) []string {
	names := []string{}
	for _, v := range list {
		if n := versionName(v); n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

func (w *walk) wrongVersion(versions []uint32) *fail.Error {
	names := versionNames(versions)
	said := "none but reserved ones"
	if len(names) > 0 {
		said = strings.Join(names, ", ")
	}
	return fail.New(fail.QUICVersion, "%s speaks QUIC, but not version 1 (RFC 9000): it offers %s", w.who(), said).
		WithDetail("versions", names).
		WithHint("update the node's libp2p: every version since 2022 speaks /quic-v1; until then probe its TCP address")
}

func (w *walk) onlyWebRTC(err error) *fail.Error {
	return fail.New(fail.QUICNotQUIC, "%s answers STUN, not QUIC: it is a WebRTC port", w.who()).WithDetail("service", "stun").WithCause(err).
		WithHint("take the node's own address with that port: /udp/%s/webrtc-direct/certhash/… ; its identify over another transport lists it", w.port())
}

// notQUIC is the verdict on a port that answers the ping with something else.
func (w *walk) notQUIC(p pong) *fail.Error {
	name := datagramService(p.noise, p.sent)
	say := "an unknown protocol"
	if name != "" {
		say = name
	}
	e := fail.New(fail.QUICNotQUIC, "%s answers over UDP, but it is not QUIC: %s", w.who(), say).WithDetail("service", orUnknown(name))
	if !w.p.o.Discreet {
		e = e.WithDetail("banner", fmt.Sprintf("%x", p.noise[:min(len(p.noise), 32)]))
	}
	return e.WithHint("correct the port: UDP port %s is taken by another service", w.port())
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}
