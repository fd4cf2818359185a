// Package serve is the frame of every server: ready line, HTTP and ops listeners, TLS, limits, SIGHUP,
// drain and an ordered end. Its rule: what is asked for is there when ready is printed, or nothing starts.
package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"p2p/lib/cmd"
	"p2p/lib/fail"
)

const maxBody = 64 << 10 // bytes of a request

// Options say where and how a server listens.
type Options struct {
	HTTP            Place
	TLSCert, TLSKey string
	Ops             Place // not set: no ops port
	OpsHosts        []string
	OpsToken        string
	Drain           time.Duration
	Events          bool
	MaxConns        int
}

// Loopback tells whether only this machine can reach the HTTP listener.
func (o Options) Loopback() bool { return o.HTTP.loopback() }

// Role is what a server does inside its frame.
type Role struct {
	Name     string
	Handler  http.Handler         // of the HTTP listener
	Answer   time.Duration        // how long one answer may take
	Metrics  *prometheus.Registry // shown by the ops port
	Limits   map[string]any       // for the ready line
	Warnings []*fail.Error        // for the ready line
	Reload   []Reload             // what SIGHUP reads again
	Totals   func() map[string]int
	Close    func() // after the drain, before stopped is printed
}

// Reload is a file that is read again on SIGHUP; on failure the role keeps what it has.
type Reload struct {
	File string
	Read func() *fail.Error
}

// frame is one running server.
type frame struct {
	call  *cmd.Call
	o     Options
	role  Role
	boss  *supervisor
	cert  *certificate // nil: plain HTTP
	token *Tokens      // of the ops port, nil: none

	web, ops   net.Listener
	webServer  *http.Server
	opsServer  *http.Server
	ready      atomic.Bool
	busy       atomic.Int64
	begin      time.Time
	cut        context.CancelFunc // ends the answers under way
	running    sync.WaitGroup
	died       chan error
	lastReload prometheus.Gauge
}

// Run starts the server, prints ready, and serves until ctx ends: then it is not ready any more, the
// answers under way get their time, everything is closed, and stopped is printed. It returns nil then.
func Run(ctx context.Context, c *cmd.Call, o Options, r Role) error {
	hangups, stop := cmd.Hangups()
	defer stop()
	if r.Close != nil {
		r.Close = sync.OnceFunc(r.Close)
		defer r.Close()
	}
	f := &frame{call: c, o: o, role: r, boss: newSupervisor(c.Getenv), died: make(chan error, 2)}
	if err := f.open(ctx); err != nil {
		return err
	}
	defer f.close()
	f.start()
	if err := c.EmitAs("ready", "p2p.ready/1", f.announce()); err != nil {
		return err
	}
	f.boss.tell("READY=1")
	if err := f.wait(ctx, hangups); err != nil {
		return err
	}
	return f.stop(ctx)
}

// open reads the files and takes the ports; nothing is served yet.
func (f *frame) open(ctx context.Context) error {
	if f.o.TLSCert != "" {
		f.cert = &certificate{cert: f.o.TLSCert, key: f.o.TLSKey}
		if err := f.cert.reload(); err != nil {
			return err
		}
		f.role.Reload = append(f.role.Reload, Reload{f.o.TLSCert, f.cert.reload})
	}
	if f.o.OpsToken != "" {
		t, err := OpenTokens(f.o.OpsToken)
		if err != nil {
			return err
		}
		f.token = t
		f.role.Warnings = append(f.role.Warnings, t.Warnings()...)
		f.role.Reload = append(f.role.Reload, Reload{f.o.OpsToken, t.Reload})
	}
	web, err := f.o.HTTP.listen(ctx)
	if err != nil {
		return err
	}
	f.web = web
	if f.o.Ops.set() {
		if f.ops, err = f.o.Ops.listen(ctx); err != nil {
			_ = web.Close()
			return err
		}
	}
	return nil
}

// start serves both listeners.
func (f *frame) start() {
	// Answers live on through the drain, so their context is not that of the signals.
	ctx, cut := context.WithCancel(context.Background())
	f.cut, f.begin = cut, time.Now()
	f.webServer = newServer(ctx, f.counted(f.role.Handler), f.role.Answer, maxBody)
	if f.cert != nil {
		f.webServer.TLSConfig = f.cert.config()
	}
	f.serve(f.webServer, newGate(f.web, f.o.MaxConns))
	if f.ops != nil {
		f.opsServer = newServer(ctx, f.opsHandler(), readTimeout, maxBody)
		f.serve(f.opsServer, newGate(f.ops, 64))
	}
	f.ready.Store(true)
}

func (f *frame) serve(s *http.Server, l net.Listener) {
	f.running.Go(func() {
		var err error
		if s.TLSConfig != nil {
			err = s.ServeTLS(l, "", "")
		} else {
			err = s.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			f.died <- err
		}
	})
}

// counted knows how many requests are being answered.
func (f *frame) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.busy.Add(1)
		defer f.busy.Add(-1)
		h.ServeHTTP(w, r)
	})
}

// wait lasts until the end is asked for; it returns an error when a listener dies.
func (f *frame) wait(ctx context.Context, hangups <-chan os.Signal) error {
	alive, stop := f.boss.alive()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			f.reload()
		case <-alive:
			f.boss.tell("WATCHDOG=1")
		case err := <-f.died:
			return fail.New(fail.ListenFailed, "a listener ended: %w", err).WithCause(err)
		}
	}
}

// reload reads every file again; a bad one is reported, and what it said before stays in force.
func (f *frame) reload() {
	good := 1.0
	for _, r := range f.role.Reload {
		if err := r.Read(); err != nil {
			good = 0
			bad := *err
			bad.Message += "; what was read before stays in use"
			f.call.Out.Fail(&bad, false)
			f.event("reload_failed", Reloaded{File: r.File, Error: err})
			continue
		}
		f.call.Out.Note("read %q again", r.File)
		f.event("reloaded", Reloaded{File: r.File})
	}
	if f.lastReload != nil {
		f.lastReload.Set(good)
	}
}

// stop drains and closes, in that order.
func (f *frame) stop(ctx context.Context) error {
	f.ready.Store(false)
	f.boss.tell("STOPPING=1")
	f.event("draining", Draining{Open: int(f.busy.Load())})
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.o.Drain)
	defer cancel()
	s := Stopped{Role: f.role.Name}
	if f.webServer.Shutdown(drain) != nil {
		s.Cut = int(f.busy.Load())
	}
	f.close()
	if f.role.Close != nil {
		f.role.Close()
	}
	s.UptimeMS = float64(time.Since(f.begin).Microseconds()) / 1000
	if f.role.Totals != nil {
		s.Totals = f.role.Totals()
	}
	return f.call.EmitAs("stopped", "p2p.stopped/1", s)
}

// close ends what is left; it may be called again.
func (f *frame) close() {
	f.cut()
	_ = f.webServer.Close()
	if f.opsServer != nil {
		_ = f.opsServer.Close()
	}
	f.running.Wait()
}

// event prints one line under --events. A reader that went away does not stop a server.
func (f *frame) event(typ string, v any) {
	if f.o.Events {
		_ = f.call.EmitAs(typ, "p2p.event/1", v)
	}
}
