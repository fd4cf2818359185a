package probe

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"p2p/lib/fail"
)

// unreachable judges a dial that the routes do not allow: this machine's own, or those of a router on
// the way, whose ICMP answers come back as the same numbers.
func (w *walk) unreachable(code fail.Code, err error) *fail.Error {
	own := w.ownRoute()
	if own == nil && errors.Is(err, syscall.ENETUNREACH) {
		code = fail.DialHostUnreachable
	}
	if own != nil || code == fail.DialNoRoute {
		return w.noRoute(err)
	}
	if inLAN(w.spot.ip) {
		return fail.New(code, "%s cannot be reached: nothing in this network has the address %s", w.who(), w.spot.ip).
			WithHint("check that the host is up and has this address").WithCause(err)
	}
	return fail.New(code, "a router says that %s cannot be reached: the host is down, unknown there, or traffic to it is prohibited", w.who()).
		WithHint("check that the host is up and has this address, and what the firewalls on the way prohibit").WithCause(err)
}

// ownRoute asks the routing table of this machine; connecting a UDP socket sends nothing.
func (w *walk) ownRoute() error {
	c, err := net.Dial("udp", w.spot.hostPort())
	if err == nil {
		_ = c.Close()
	}
	return err
}

func (w *walk) noRoute(err error) *fail.Error {
	ip := w.spot.ip
	if zone := ip.Zone(); zone != "" {
		if _, none := net.InterfaceByName(zone); none != nil {
			return fail.New(fail.DialNoRoute, "this machine has no network interface %q", zone).WithCause(err).
				WithHint("ip link shows the interfaces: write /ip6zone/INTERFACE/ip6/%s; the fault is not the peer's", ip.WithZone(""))
		}
	}
	e := fail.New(fail.DialNoRoute, "this machine has no route to %s", ip).WithCause(err)
	if ip.Is6() && !ip.Is4In6() && !haveIPv6() {
		return e.WithHint("this machine has no IPv6: probe the peer's /ip4 address; the fault is not the peer's")
	}
	return e.WithHint("look at this machine's routes and local firewall (ip route get %s); the fault is not the peer's", ip.WithZone(""))
}

// haveIPv6 tells whether an interface has an IPv6 address that reaches beyond its own link.
func haveIPv6() bool {
	return ownNetworks(func(p netip.Prefix) bool {
		return p.Addr().Is6() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast()
	})
}

// inLAN tells whether ip is in a network that this machine is part of, where no router stands between.
func inLAN(ip netip.Addr) bool {
	return ip.IsLinkLocalUnicast() || ownNetworks(func(p netip.Prefix) bool { return p.Masked().Contains(ip.WithZone("").Unmap()) })
}

func ownNetworks(is func(netip.Prefix) bool) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range all {
		text, _, _ := strings.Cut(a.String(), "%")
		if p, err := netip.ParsePrefix(text); err == nil && is(p) {
			return true
		}
	}
	return false
}
