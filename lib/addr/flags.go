package addr

import (
	"net/netip"
	"strings"

	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
)

// Flags returns --dns, which every command that resolves names has.
func (r *Resolver) Flags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "dns", Usage: "ask these DNS servers instead of the system's: `IP:PORT`, several with commas", Value: (*servers)(r)},
	}
}

// servers reads the value of --dns; the port is 53 if there is none.
type servers Resolver

func (s *servers) String() string {
	var all []string
	for _, a := range s.Servers {
		all = append(all, a.String())
	}
	return strings.Join(all, ",")
}

func (s *servers) Set(text string) error {
	s.Servers = nil
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		server, err := netip.ParseAddrPort(one)
		if ip, ipErr := netip.ParseAddr(strings.Trim(one, "[]")); ipErr == nil {
			server, err = netip.AddrPortFrom(ip, 53), nil
		}
		if err != nil || server.Port() == 0 {
			return fail.New(fail.UsageFlag, "%s is not IP:PORT", quote(one)).WithHint("a DNS server is given by its address, such as 1.1.1.1:53 or [2606:4700:4700::1111]:53")
		}
		s.Servers = append(s.Servers, server)
	}
	return nil
}
