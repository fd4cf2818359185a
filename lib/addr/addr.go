// Package addr reads multiaddrs, says what they reach, and resolves the names in them.
// Its rule: a bad address is explained, never only rejected: the input, the byte, the component and,
// where there is one, the address that was meant. It imports only lib/fail and outside modules.
package addr

import (
	"strconv"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// The bounds of Parse: what is longer is refused before it is looked at.
const (
	MaxInput      = 4096 // bytes
	MaxComponents = 64
)

// Component is one part of an address. Offset is the byte of its slash in Address.Input.
type Component struct {
	Name   string `json:"name"`
	Code   int    `json:"code"`
	Value  string `json:"value,omitempty"`
	Offset int    `json:"offset"`
}

// Relay is the part of a circuit address in front of /p2p-circuit.
type Relay struct {
	MA        ma.Multiaddr // with its /p2p/ID, if it has one
	PeerID    peer.ID      // "" if none
	Transport string       // as Address.Transport
}

// Address is a well-formed multiaddr. Whether it can be dialed is for Dialable to say.
type Address struct {
	Input      string
	MA         ma.Multiaddr
	Components []Component // one for each component of MA
	PeerID     peer.ID     // of the destination, behind /p2p-circuit; "" if none
	Transport  string      // tcp, ws, wss, quic-v1, webtransport, webrtc-direct, p2p-circuit, webrtc; "" for /dnsaddr and for none
	Relay      *Relay      // nil unless the address is a circuit
	Warnings   []*fail.Error
}

// Parse reads one multiaddr. Blanks around it are dropped; /ipfs/ID is read as /p2p/ID with a warning.
// The error quotes the input and has in its detail the offset, the component and, if one was found, the repair.
func Parse(s string) (*Address, *fail.Error) {
	a, f := parse(s)
	if f != nil {
		return nil, f.err(s)
	}
	a.warn()
	return a, nil
}

// New is Parse for an address that was already a multiaddr, such as a peer's or a DNS record's.
func New(m ma.Multiaddr) (*Address, *fail.Error) { return Parse(m.String()) }

// fault is why a text is no address. repair is the whole text that may have been meant; it is shown
// only when it parses itself.
type fault struct {
	code      fail.Code
	offset    int
	component string
	what      string
	repair    string
	hint      string
}

const maxRepairs = 6

func (f *fault) err(in string) *fail.Error {
	e := fail.New(f.code, "address %s: %s", quote(in), f.what).WithDetail("offset", f.offset)
	if f.component != "" {
		e = e.WithDetail("component", clip(f.component, 256))
	}
	hint := f.hint
	if r := repaired(f.repair); r != "" {
		e = e.WithDetail("repair", r)
		if hint != "" {
			hint += "; "
		}
		hint += "write " + r
	}
	if hint == "" {
		hint = "an address looks like /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW… or /dns4/example.com/tcp/443/tls/ws/p2p/12D3KooW…"
	}
	return e.WithHint("%s", hint)
}

// repaired follows the repairs of a text until it parses; "" if it never does.
func repaired(s string) string {
	for range maxRepairs {
		if s == "" || len(s) > MaxInput {
			return ""
		}
		a, f := parse(s)
		if f == nil {
			return a.MA.String()
		}
		s = f.repair
	}
	return ""
}

// quote shows an input in full up to 400 bytes, which holds a circuit address with two ids. One that
// grows by its escapes is cut shorter, so that the reason behind it is never lost to fail's bound.
func quote(s string) string {
	n := 400
	q := strconv.Quote(clip(s, n))
	for len(q) > 500 {
		n /= 2
		q = strconv.Quote(clip(s, n))
	}
	return q
}

// clip cuts s to n bytes at a rune's edge and marks the cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
