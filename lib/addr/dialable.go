package addr

import (
	"strings"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// Dialable says what keeps the address from being dialed at all; nil if nothing does.
// A name that is still to be resolved is no obstacle.
func (a *Address) Dialable() *fail.Error {
	if a.Relay != nil {
		return a.circuit()
	}
	return a.direct(a.MA, 0)
}

// circuit checks relay and destination of RELAY/p2p-circuit/[webrtc/]p2p/ID (circuit v2 has one hop).
func (a *Address) circuit() *fail.Error {
	hop := len(a.Relay.MA)
	switch {
	case has(a.Relay.MA, ma.P_CIRCUIT):
		return a.no(fail.RelayBadAddress, hop, "a circuit has one relay, this has two").
			WithHint("keep the address from its last relay on: RELAY-ADDRESS/p2p/RELAY-ID/p2p-circuit/p2p/ID")
	case a.Relay.PeerID == "" && !has(a.Relay.MA, ma.P_DNSADDR):
		return a.no(fail.RelayBadAddress, hop, "the relay's peer id is missing in front of /p2p-circuit").
			WithHint("write RELAY-ADDRESS/p2p/RELAY-ID/p2p-circuit/p2p/ID")
	case only(a.Relay.MA, ma.P_P2P):
		return a.no(fail.RelayBadAddress, 0, "the relay has an id but no address").
			WithHint("write RELAY-ADDRESS/p2p/RELAY-ID/p2p-circuit/p2p/ID")
	}
	if e := a.direct(a.Relay.MA, 0); e != nil {
		return e.WithDetail("part", "relay")
	}
	for i := hop + 1; i < len(a.MA); i++ {
		if c := a.MA[i].Protocol().Code; c != ma.P_P2P && (c != ma.P_WEBRTC || i != hop+1) {
			return a.no(fail.RelayBadAddress, i, "only /webrtc and /p2p/ID may follow /p2p-circuit").
				WithHint("write RELAY-ADDRESS/p2p/RELAY-ID/p2p-circuit/p2p/ID")
		}
	}
	if a.PeerID == "" {
		return a.no(fail.AddrMissingPeerID, hop, "a relay must be told which peer to connect to, and no /p2p/ID follows /p2p-circuit").
			WithHint("append the destination: %s/p2p/ID", a.MA)
	}
	return nil
}

// direct checks m, whose first component is a.MA[base].
func (a *Address) direct(m ma.Multiaddr, base int) *fail.Error {
	if only(m, ma.P_P2P) {
		return a.no(fail.AddrNeedsRouting, base, "it says who but not where: the peer's addresses must be looked up first").
			WithHint("put an address of the peer in front: /ip4/192.0.2.1/tcp/4001%s", m)
	}
	if e := a.destination(m, base); e != nil {
		return e
	}
	t, s := shape(m)
	if s != nil {
		return a.no(fail.AddrNoTransport, base+s.at, s.why).WithHint("%s", s.fix)
	}
	if (t == "webtransport" || t == "webrtc-direct") && !has(m, ma.P_CERTHASH) {
		return a.no(fail.AddrMissingCerthash, base+index(m, codeOf(t)), "/"+t+" has no /certhash, so the peer's certificate cannot be checked").
			WithHint("take the peer's current address, it ends in /certhash/uEi…; identify on another transport of the same peer shows it")
	}
	return nil
}

func codeOf(transport string) int { return ma.ProtocolWithName(transport).Code }

func only(m ma.Multiaddr, code int) bool {
	for i := range m {
		if m[i].Protocol().Code != code {
			return false
		}
	}
	return true
}

// destination refuses hosts and ports that only a listener can have.
func (a *Address) destination(m ma.Multiaddr, base int) *fail.Error {
	for i := range m {
		c := m[i]
		switch c.Protocol().Code {
		case ma.P_IP4, ma.P_IP6:
			ip := Embedded(ipOf(c))
			zoned := i > 0 && m[i-1].Protocol().Code == ma.P_IP6ZONE
			switch {
			case ip.IsUnspecified():
				return a.no(fail.AddrUndialable, base+i, "a listen wildcard is not a destination").
					WithHint("write the machine's own address; on the same machine /ip4/127.0.0.1 or /ip6/::1")
			case ip.IsMulticast(), ip.String() == "255.255.255.255":
				return a.no(fail.AddrUndialable, base+i, "a multicast or broadcast address is not one peer").WithHint("write the peer's own address")
			case ip.Is6() && ip.IsLinkLocalUnicast() && !zoned:
				return a.no(fail.AddrUndialable, base+i, "a link-local address needs the interface it is on").
					WithHint("write /ip6zone/INTERFACE/ip6/%s", ip)
			}
		case ma.P_IPCIDR:
			return a.no(fail.AddrUndialable, base+i, "it is a range of addresses").WithHint("leave /ipcidr/%s out", c.Value())
		case ma.P_TCP, ma.P_UDP:
			if c.Value() == "0" {
				return a.no(fail.AddrUndialable, base+i, "port 0 means any port to a listener, it is not a destination").
					WithHint("write the port that the peer listens on; its ready line or identify shows it")
			}
		}
	}
	return nil
}

// no makes the error for component i; one behind the last means that something is missing there.
func (a *Address) no(code fail.Code, i int, why string) *fail.Error {
	offset, part := len(strings.TrimRightFunc(a.Input, func(c rune) bool { return c == '/' || blank(c) })), ""
	if i < len(a.Components) {
		offset, part = a.Components[i].Offset, a.MA[i].String()
	}
	e := fail.New(code, "address %s: at offset %d: %s", quote(a.Input), offset, why).WithDetail("offset", offset)
	if part != "" {
		e = e.WithDetail("component", clip(part, 256))
	}
	return e
}
