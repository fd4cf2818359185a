package probe

import (
	"net/netip"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// Policy says what a prober that works for strangers may dial. The zero value allows every public address.
type Policy struct {
	Names   []string       // host names, lower case
	Nets    []netip.Prefix // with Names: only those targets
	Private bool           // addresses that are not public too

	public func(netip.Addr) bool // nil: addr.PublicIP
}

// ParsePolicy reads names, IP addresses and CIDRs; none of them means every target.
func ParsePolicy(targets []string, private bool) (Policy, *fail.Error) {
	p := Policy{Private: private}
	for _, t := range targets {
		ip, err := netip.ParseAddr(t)
		net, nerr := netip.ParsePrefix(t)
		switch {
		case err == nil:
			p.Nets = append(p.Nets, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		case nerr == nil:
			p.Nets = append(p.Nets, net.Masked())
		case t == "" || len(t) > 253 || strings.ContainsAny(t, "/:* \t"):
			return p, fail.New(fail.UsageFlag, "--allow-target %q is no host name, IP address or CIDR", t).
				WithHint("such as --allow-target node.example.com or --allow-target 203.0.113.0/24")
		default:
			p.Names = append(p.Names, hostKey(t))
		}
	}
	return p, nil
}

func hostKey(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// Host returns the name or IP address that a target is dialed at, before anything is resolved.
// An SNI says nothing of where packets go, so it does not count.
func Host(a *addr.Address) string {
	if len(a.MA) == 0 {
		return ""
	}
	c := a.MA[0]
	if c.Protocol().Code == ma.P_IP6ZONE && len(a.MA) > 1 {
		c = a.MA[1]
	}
	return hostKey(c.Value())
}

// Guard returns the judge of the IP addresses that the target leads to, or an error when it is
// refused whatever it resolves to: then not even DNS is asked.
func (p Policy) Guard(a *addr.Address) (func(netip.Addr) *fail.Error, *fail.Error) {
	listed := len(p.Names) == 0 && len(p.Nets) == 0 || slices.Contains(p.Names, Host(a))
	if !listed && len(p.Nets) == 0 {
		return nil, notListed()
	}
	return func(ip netip.Addr) *fail.Error {
		public := p.public
		if public == nil {
			public = addr.PublicIP
		}
		ip = ip.WithZone("").Unmap()
		switch {
		case !listed && !slices.ContainsFunc(p.Nets, func(n netip.Prefix) bool { return n.Contains(ip) }):
			return notListed()
		case !p.Private && !public(ip):
			return fail.New(fail.ServeForbidden, "the target leads to an address that is not public, and this server does not dial those").
				WithHint("its operator may allow it: p2p probe serve --allow-private")
		}
		return nil
	}, nil
}

func notListed() *fail.Error {
	return fail.New(fail.ServeForbidden, "this server does not probe that target").
		WithHint("its operator may allow it: p2p probe serve --allow-target NAME|CIDR")
}
