// Package probe dials exactly one address, stage by stage, and says precisely what failed and why.
// Its rules: never through a host and its peerstore, nothing shared between addresses, every remote
// is hostile, and a code that the evidence does not reach is not guessed.
package probe

import (
	"context"
	"crypto/x509"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// Options say how to probe. The zero value of a duration means its default.
type Options struct {
	Timeout      time.Duration // of one target, waiting for its turn not counted; 0: none
	DialTimeout  time.Duration // of the connect stage; 10 s
	StageTimeout time.Duration // of each later stage; 5 s
	Identity     crypto.PrivKey
	PSK          pnet.PSK
	Roots        *x509.CertPool // further certificate authorities, nil: the system's alone
	CertDays     int            // warn below that many days of validity
	Muxers       []string       // of yamux and mplex, in order of preference
	Want         []string       // protocols that must be spoken
	Pings        int
	All          bool // every address must be good
	Strict       bool // an address without a peer id is an error
	Browser      bool // judge whether a browser could dial it
	Resolver     *addr.Resolver
	Pacer        *Pacer
	Guard        func(netip.Addr) *fail.Error // judged on each final IP before a packet is sent; nil: all may be dialed
	Discreet     bool                         // no banners, bodies or raw causes of the remote in the report
	Observe      func(Event)                  // told of every stage as it begins and ends; nil: nobody
}

// Event is one step of a walk for a live view; Stage.TookMS is 0 and Done false when it begins.
type Event struct {
	Addr      string
	Transport string
	Stage     Stage
	Done      bool
	Err       *fail.Error
}

// Prober probes targets, many at a time, sharing nothing between them but the pace per remote IP.
type Prober struct {
	o     Options
	under chan struct{} // walks under way: each has sockets, which are few
}

const maxWalks = 256

// New returns a Prober with the defaults filled in.
func New(o Options) *Prober {
	if o.DialTimeout <= 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.StageTimeout <= 0 {
		o.StageTimeout = 5 * time.Second
	}
	if o.Muxers == nil {
		o.Muxers = []string{"yamux"}
	}
	if o.Pacer == nil {
		o.Pacer = NewPacer()
	}
	if o.Resolver == nil {
		o.Resolver = &addr.Resolver{}
	}
	return &Prober{o: o, under: make(chan struct{}, maxWalks)}
}

// Probe walks every address of one target in parallel and judges them together.
// The report is never nil; what is wrong with the target is in its Error.
func (p *Prober) Probe(ctx context.Context, target string) *Report {
	return p.probe(ctx, target, (*walk).close)
}

// probe hands every walk to end as soon as it is over; end closes it, or keeps its connection.
func (p *Prober) probe(ctx context.Context, target string, end func(*walk)) *Report {
	start := time.Now()
	r := &Report{Target: target, Time: start.UTC(), Addresses: []*Address{}, Roles: []string{}, MissingProtocols: []string{}, Warnings: []*fail.Error{}}
	walks := p.plan(ctx, r, start)
	var wg sync.WaitGroup
	for _, w := range walks {
		wg.Go(func() {
			defer end(w)
			w.run(ctx)
		})
	}
	wg.Wait()
	p.judge(r, walks)
	r.TookMS = ms(time.Since(start))
	return r
}

// plan parses and resolves the target. On failure the report has its error and there are no walks.
func (p *Prober) plan(ctx context.Context, r *Report, start time.Time) []*walk {
	a, err := addr.Parse(r.Target)
	if err != nil {
		r.Error = err.WithStage("parse")
		return nil
	}
	r.Target = a.Input
	for _, e := range a.Warnings {
		if e.Code != fail.AddrWebRTCViaRelay { // the walk says more
			r.Warnings = append(r.Warnings, e)
		}
	}
	if a.PeerID != "" {
		r.PeerID = a.PeerID.String()
	}
	if err := p.check(a); err != nil {
		r.Error = err.WithStage("plan")
		return nil
	}
	walks := p.resolve(ctx, a, r, start)
	for _, w := range walks {
		r.Addresses = append(r.Addresses, w.rep)
	}
	return walks
}

// check refuses what cannot be dialed before anything is sent.
func (p *Prober) check(a *addr.Address) *fail.Error {
	if pnet.ForcePrivateNetwork && p.o.PSK == nil {
		return fail.New(fail.DialForbidden, "the environment variable %s is 1, and no swarm key is given: nothing may be dialed", pnet.EnvKey).
			WithHint("give the key of the private network: --swarm-key FILE")
	}
	if err := a.Dialable(); err != nil {
		return err
	}
	if p.o.Strict && a.PeerID == "" && a.Transport != "" {
		return fail.New(fail.AddrMissingPeerID, "address %q has no /p2p/ID, so whoever answers would be trusted", a.Input).
			WithHint("append /p2p/ID, or leave --strict out to learn the id from the handshake")
	}
	if p.o.Identity != nil && a.PeerID != "" {
		if own, err := peer.IDFromPrivateKey(p.o.Identity); err == nil && own == a.PeerID {
			return fail.New(fail.DialSelf, "address %q is the prober's own: --identity has the peer id %s", a.Input, own).
				WithHint("probe from another identity: leave --identity out")
		}
	}
	if p.o.PSK != nil && !privateTransport(a) {
		return pnetTransport(a.Input, a.Transport)
	}
	return nil
}

func privateTransport(a *addr.Address) bool {
	t := a.Transport
	if a.Relay != nil {
		t = a.Relay.Transport
	}
	return t == "" || t == "tcp" || t == "ws" || t == "wss" || t == "p2p-circuit"
}

func pnetTransport(input, transport string) *fail.Error {
	return fail.New(fail.PnetTransport, "address %q uses %s, but private networks run over TCP and WebSocket only", input, transport).
		WithHint("probe the peer's /tcp or /ws address, or leave --swarm-key out")
}

func noOffer() Offered { return Offered{Security: []string{}, Muxers: []string{}, ALPN: []string{}} }
