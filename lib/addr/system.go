package addr

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"p2p/lib/fail"
)

const maxConfig = 4 << 20 // bytes read of a hosts file; blocking lists are long

// config is what resolv.conf says.
type config struct {
	servers []netip.AddrPort
	search  []string
	ndots   int
}

// readConfig reads resolv.conf; without one, or without a server in it, there are no servers.
func readConfig(path string) config {
	c := config{ndots: 1}
	eachField(path, func(f []string) {
		switch f[0] {
		case "nameserver":
			if ip, err := netip.ParseAddr(f[1]); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, netip.AddrPortFrom(ip, 53))
			}
		case "search", "domain":
			c.search = f[1:min(len(f), 7)]
		case "options":
			for _, o := range f[1:] {
				if n, err := strconv.Atoi(strings.TrimPrefix(o, "ndots:")); err == nil && strings.HasPrefix(o, "ndots:") {
					c.ndots = min(max(n, 0), 15)
				}
			}
		}
	})
	return c
}

// readHosts returns the addresses of name in a hosts file.
func readHosts(path, name string) []netip.Addr {
	var ips []netip.Addr
	name = strings.TrimSuffix(name, ".")
	eachField(path, func(f []string) {
		ip, err := netip.ParseAddr(f[0])
		if err != nil {
			return
		}
		for _, n := range f[1:] {
			if strings.EqualFold(strings.TrimSuffix(n, "."), name) {
				ips = append(ips, ip)
				return
			}
		}
	})
	return ips
}

// eachField calls f with the words of every line that has two or more, comments left out.
func eachField(path string, f func([]string)) {
	file, err := os.Open(path)
	if err != nil {
		return // a missing hosts file or resolv.conf is an empty one
	}
	defer file.Close()
	s := bufio.NewScanner(io.LimitReader(file, maxConfig))
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		line, _, _ = strings.Cut(line, ";")
		if words := strings.Fields(line); len(words) > 1 {
			f(words)
		}
	}
}

// names returns the names to try in turn: the name itself, then with the search domains.
func (c config) names(name string) []string {
	all := []string{name}
	if strings.HasSuffix(name, ".") || strings.Count(name, ".") >= c.ndots {
		return all
	}
	for _, s := range c.search {
		all = append(all, name+"."+s)
	}
	return all
}

// bySystem asks the system's own resolver, which also knows mDNS, LDAP and VPN routes.
func (r *Resolver) bySystem(ctx context.Context, typ, network, name string) found {
	start := time.Now()
	ctx2, cancel := context.WithTimeout(ctx, r.timeout()*time.Duration(r.tries()))
	defer cancel()
	var f found
	var err error
	if typ == "TXT" {
		f.txt, err = r.libc().LookupTXT(ctx2, name)
	} else {
		f.ips, err = r.libc().LookupNetIP(ctx2, network, name)
	}
	q := Query{Query: name, Type: typ, Server: "system", Answers: []string{}, TookMS: since(start)}
	q.show(&answer{ips: f.ips, txt: f.txt})
	var de *net.DNSError
	if err != nil {
		code, why := fail.DNSServfail, "the system's resolver fails"
		switch {
		case ctx2.Err() != nil || errors.As(err, &de) && de.IsTimeout:
			code, why = fail.DNSTimeout, "the system's resolver does not answer"
		case errors.As(err, &de) && de.IsNotFound:
			code, why = fail.DNSNXDomain, "the name does not exist or has no such record (the system's resolver does not say which)"
		}
		f.err = fail.New(code, "resolve %s (%s): %s", quote(name), typ, why).WithStage("dns").WithCause(err).
			WithDetail("name", clip(name, 256)).WithHint("%s", dnsHint(code, name))
		if ctx.Err() != nil {
			f.err = cut(ctx, "resolve %s", quote(name))
		}
		q.Code = f.err.Code
	}
	f.queries = []Query{q}
	return f
}
