package probe

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// spot is where one walk goes: one concrete IP address, port and transport.
type spot struct {
	ma        ma.Multiaddr // the whole address, resolved
	from      string       // the address as given, where it was resolved from a name
	transport string
	ip        netip.Addr // with its zone
	port      uint16
	host      string  // the DNS name or SNI that was asked for, "" where there is none
	peer      peer.ID // who should answer, "" if the address does not say
	relay     *spot   // the hop in front of a circuit
}

// newSpot reads a resolved address; from and host are what it was resolved from.
func newSpot(m ma.Multiaddr, from, host string) (*spot, *fail.Error) {
	a, err := addr.New(m)
	if err != nil {
		return nil, err
	}
	if err := a.Dialable(); err != nil {
		return nil, err
	}
	s := &spot{ma: m, from: from, host: host, transport: a.Transport, peer: a.PeerID}
	first := m
	if a.Relay != nil {
		first = a.Relay.MA
		if s.relay, err = newSpot(first, relayPart(from), host); err != nil {
			return nil, err
		}
	}
	s.read(first)
	return s, nil
}

// relayPart returns what names the relay; a name that resolves to a whole circuit is none of the relay's.
func relayPart(from string) string {
	relay, _, found := strings.Cut(from, "/p2p-circuit")
	if !found {
		return ""
	}
	return relay
}

func (s *spot) read(m ma.Multiaddr) {
	zone := ""
	for _, c := range m {
		switch c.Protocol().Code {
		case ma.P_IP6ZONE:
			zone = c.Value()
		case ma.P_IP4, ma.P_IP6:
			ip, ok := netip.AddrFromSlice(c.RawValue())
			if ok {
				s.ip = ip.WithZone(zone)
			}
		case ma.P_TCP, ma.P_UDP:
			n, err := strconv.ParseUint(c.Value(), 10, 16)
			if err == nil {
				s.port = uint16(n)
			}
		case ma.P_SNI:
			s.host = c.Value()
		}
	}
}

func (s *spot) hostPort() string { return net.JoinHostPort(s.ip.String(), strconv.Itoa(int(s.port))) }

// authority is what the Host header and the URL of a WebSocket say.
func (s *spot) authority() string {
	if s.host != "" {
		return net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
	}
	return net.JoinHostPort(s.ip.WithZone("").String(), strconv.Itoa(int(s.port)))
}

// hostMA returns the address's host part, such as /ip4/192.0.2.1 or /dns4/example.com.
func (s *spot) hostMA() string {
	text := s.from
	if text == "" || strings.Contains(text, "/dnsaddr/") {
		text = s.ma.String()
	}
	m, err := ma.NewMultiaddr(text)
	if err != nil || len(m) == 0 {
		return ""
	}
	n := 1
	if m[0].Protocol().Code == ma.P_IP6ZONE {
		n = 2
	}
	return m[:n].String()
}

// with returns the repaired address: the same host and port under another transport, such as "/tcp/4001/ws".
func (s *spot) with(transport string, id peer.ID) string {
	text := s.hostMA() + transport
	if id == "" {
		id = s.peer
	}
	if id != "" {
		text += "/p2p/" + id.String()
	}
	return text
}
