package probe

import (
	"crypto/x509"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"p2p/lib/addr"
	"p2p/lib/fail"
	"p2p/lib/identity"
)

func (f *Flags) readIdentity(o *Options) (err *fail.Error) {
	if f.identity == "" {
		return nil
	}
	key, bad := identity.Load(f.identity)
	o.Identity = key
	return fail.Of(bad)
}

func (f *Flags) readSwarmKey(o *Options) *fail.Error {
	if f.swarmKey == "" {
		return nil
	}
	key, err := identity.LoadSwarmKey(f.swarmKey)
	if err != nil {
		return fail.Of(err)
	}
	o.PSK = key.PSK
	return nil
}

func (f *Flags) readCA(o *Options) *fail.Error {
	if f.ca == "" {
		return nil
	}
	pem, err := identity.ReadFile(f.ca)
	if err != nil {
		return fail.Of(err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fail.New(fail.FileUnreadable, "%q holds no certificate in PEM form", f.ca).WithHint("a certificate file has lines -----BEGIN CERTIFICATE-----")
	}
	o.Roots = roots
	return nil
}

func (f *Flags) readDNS(o *Options) *fail.Error {
	o.Resolver = &addr.Resolver{}
	if f.dns == "" {
		return nil
	}
	text := f.dns
	if _, _, err := net.SplitHostPort(text); err != nil {
		text = net.JoinHostPort(strings.Trim(text, "[]"), "53")
	}
	server, err := netip.ParseAddrPort(text)
	if err != nil {
		return fail.New(fail.UsageFlag, "--dns %q is no IP:PORT", f.dns).WithHint("such as --dns 9.9.9.9:53").WithCause(err)
	}
	o.Resolver.Servers = []netip.AddrPort{server}
	return nil
}

func (f *Flags) readPace(o *Options) *fail.Error {
	if f.pace == "none" {
		o.Pacer = &Pacer{}
		return nil
	}
	burst, interval, ok := strings.Cut(f.pace, "/")
	n, err := strconv.Atoi(burst)
	d, derr := time.ParseDuration(interval)
	if !ok || err != nil || derr != nil || n < 1 || n > 1000 || d < 0 {
		return fail.New(fail.UsageFlag, "--pace %q is no BURST/INTERVAL", f.pace).WithHint("such as --pace 8/5s, or --pace none for your own nodes")
	}
	o.Pacer = &Pacer{Burst: n, Interval: d}
	return nil
}
