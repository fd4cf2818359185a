package addr

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// The bounds of one resolution: a zone can hold thousands of records that point at each other.
const (
	MaxLeaves   = 1024 // addresses
	maxDepth    = 8    // dnsaddr records that lead to dnsaddr records
	maxQueries  = 256  // names asked for
	maxParallel = 8    // questions under way at once
	maxFailures = 64   // kept, each names its address
	maxRecords  = 4096 // dnsaddr records read, in all
	maxText     = 1 << 20
	maxChain    = 256 << 10 // bytes of the answers that the chain shows, in all
)

// Resolver turns names into IP addresses with DNS messages of its own, so that the server's rcode
// decides what is wrong. The zero value asks the servers of resolv.conf, reads the hosts file first,
// and compares with the system's resolver: where they differ, the system's answer counts, as in every
// other program, and the difference is a warning. With Servers only those are asked.
type Resolver struct {
	Servers    []netip.AddrPort
	Timeout    time.Duration // of one server and try; 0 is 2 s
	Tries      int           // 0 is 2; only silence is worth another try
	HostsFile  string        // "" is /etc/hosts, and none if there are Servers
	ResolvConf string        // "" is /etc/resolv.conf

	system *net.Resolver // nil is Go's default one
}

// Leaf is one address without names. From is the address that its last name stood in, Host that
// name where it was a host's: what TLS and HTTP must be told.
type Leaf struct {
	MA   ma.Multiaddr
	From string
	Host string
}

// Resolution is what an address led to. Failures has one error for each address that led nowhere
// (detail "addr"), Omitted the number of addresses beyond MaxLeaves.
type Resolution struct {
	Leaves   []Leaf
	Chain    []Query
	Failures []*fail.Error
	Warnings []*fail.Error
	Omitted  int
}

func (r *Resolver) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return 2 * time.Second
}

func (r *Resolver) tries() int { return max(r.Tries, 0) + map[bool]int{true: 2}[r.Tries <= 0] }

func (r *Resolver) libc() *net.Resolver {
	if r.system != nil {
		return r.system
	}
	return net.DefaultResolver
}

func (r *Resolver) config() config {
	if len(r.Servers) > 0 {
		return config{servers: r.Servers}
	}
	if r.ResolvConf != "" {
		return readConfig(r.ResolvConf)
	}
	return readConfig("/etc/resolv.conf")
}

func (r *Resolver) hosts(name string) []netip.Addr {
	switch {
	case r.HostsFile != "":
		return readHosts(r.HostsFile, name)
	case len(r.Servers) > 0:
		return nil
	}
	return readHosts("/etc/hosts", name)
}

// item is an address on its way: path has the dnsaddr names that led to it.
type item struct {
	Leaf
	path []string
}

// looked is the outcome of looking one component up.
type looked struct {
	found
	records  []record // of /dnsaddr
	warnings []*fail.Error
	partial  *fail.Error // one of two address families failed
}

// run is one resolution; each component is looked up once, however many addresses hold it.
type run struct {
	r    *Resolver
	conf config
	memo map[string]*looked
	out  *Resolution

	recordsLeft, bytesLeft, chainLeft int
}

func (r *Resolver) newRun() *run {
	return &run{r: r, conf: r.config(), memo: map[string]*looked{}, out: &Resolution{}, recordsLeft: maxRecords, bytesLeft: maxText, chainLeft: maxChain}
}

// Resolve replaces the names in front of, and inside, the relay part of a until only IP addresses are
// left. It fails if not a single address came out of it, with the first failure; the others are in Failures.
func (r *Resolver) Resolve(ctx context.Context, a ma.Multiaddr) (*Resolution, *fail.Error) {
	u := r.newRun()
	items := []item{{Leaf: Leaf{MA: a}}}
	for u.lookup(ctx, items) {
		var next []item
		for k, it := range items {
			if len(next) >= MaxLeaves {
				u.out.Omitted += len(items) - k
				break
			}
			next = append(next, u.step(it)...)
		}
		if n := len(next) - MaxLeaves; n > 0 {
			next, u.out.Omitted = next[:MaxLeaves], u.out.Omitted+n
		}
		items = next
	}
	seen := map[string]bool{}
	for _, it := range items {
		id := it.MA.String() + " " + it.Host
		if t, _ := shape(it.MA); t != "ws" && t != "wss" {
			id = it.MA.String() // only WebSocket tells the server the name
		}
		if !seen[id] {
			seen[id] = true
			u.out.Leaves = append(u.out.Leaves, it.Leaf)
		}
	}
	if len(u.out.Leaves) > 0 {
		return u.out, nil
	}
	if ctx.Err() != nil {
		return u.out, cut(ctx, "resolve %s", quote(a.String()))
	}
	if len(u.out.Failures) > 0 {
		return u.out, u.out.Failures[0]
	}
	return u.out, fail.New(fail.DNSNoData, "resolve %s: no address came out of it", quote(a.String())).WithStage("dns")
}

// lookup asks for every name that stands first in an item, in parallel; false if there is none left.
func (u *run) lookup(ctx context.Context, items []item) bool {
	var todo []ma.Component
	more := false
	for _, it := range items {
		i := firstName(it.MA)
		if i < 0 {
			continue
		}
		more = true
		c := it.MA[i]
		if _, known := u.memo[c.String()]; !known {
			u.memo[c.String()] = &looked{}
			if len(u.memo) > maxQueries {
				u.memo[c.String()].err = tooMuch(c.String(), "names would have to be looked up", maxQueries)
				continue
			}
			todo = append(todo, c)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxParallel)
	for _, c := range todo {
		slots <- struct{}{}
		l := u.memo[c.String()]
		wg.Go(func() {
			defer func() { <-slots }()
			u.component(ctx, c, l)
		})
	}
	wg.Wait()
	for _, c := range todo {
		l := u.memo[c.String()]
		u.read(c.String(), l)
		u.show(l.queries)
		u.out.Warnings = append(u.out.Warnings, l.warnings...)
		if l.partial != nil {
			u.fail(l.partial, c.String())
		}
	}
	return more
}

// show adds to the chain, and leaves answers out when it is long.
func (u *run) show(all []Query) {
	for _, q := range all {
		for i, a := range q.Answers {
			if u.chainLeft -= len(a); u.chainLeft < 0 {
				q.Answers, q.Omitted = q.Answers[:i], q.Omitted+len(q.Answers)-i
				break
			}
		}
		u.out.Chain = append(u.out.Chain, q)
	}
}

func (u *run) component(ctx context.Context, c ma.Component, l *looked) {
	name := c.Value()
	if why := badName(name); why != "" {
		l.err = fail.New(fail.AddrBadValue, "resolve %s: %s", quote(c.String()), why).WithHint("a DNS name has letters, digits, hyphens and dots")
		return
	}
	if c.Protocol().Code == ma.P_DNSADDR {
		u.dnsaddr(ctx, name, l)
		return
	}
	u.host(ctx, name, c.Protocol().Code, l)
}

// step replaces the first name of an item by what it stands for.
func (u *run) step(it item) []item {
	i := firstName(it.MA)
	if i < 0 {
		return []item{it}
	}
	c := it.MA[i]
	l := u.memo[c.String()]
	if l.err != nil {
		u.fail(l.err, it.MA.String())
		return nil
	}
	if c.Protocol().Code == ma.P_DNSADDR {
		return u.records(it, i, l)
	}
	var out []item
	for _, ip := range l.ips {
		m := join(it.MA[:i], ipMA(ip), it.MA[i+1:])
		leaf := Leaf{MA: m, From: it.MA.String(), Host: c.Value()}
		out = append(out, item{Leaf: leaf, path: it.path})
	}
	return out
}

func (u *run) fail(e *fail.Error, at string) {
	if len(u.out.Failures) < maxFailures {
		u.out.Failures = append(u.out.Failures, e.WithDetail("addr", at))
	}
}

func firstName(m ma.Multiaddr) int {
	for i := range m {
		switch m[i].Protocol().Code {
		case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR:
			return i
		case ma.P_CIRCUIT:
			return -1
		}
	}
	return -1
}

func ipMA(ip netip.Addr) ma.Multiaddr {
	m, err := ma.NewMultiaddr(ipComponent(ip))
	if err != nil {
		return nil
	}
	return m
}

func join(parts ...ma.Multiaddr) ma.Multiaddr {
	var m ma.Multiaddr
	for _, p := range parts {
		m = append(m, p...)
	}
	return m
}
