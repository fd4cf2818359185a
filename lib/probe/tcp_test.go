package probe_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe"
	"p2p/lib/probe/faulttest"
)

// quick are options whose limits keep the tests of silence short.
func quick() probe.Options {
	return probe.Options{DialTimeout: 2 * time.Second, StageTimeout: 1500 * time.Millisecond, Timeout: 20 * time.Second, Pings: 3, CertDays: 14}
}

func run(t *testing.T, o probe.Options, target string) *probe.Report {
	t.Helper()
	r := probe.New(o).Probe(context.Background(), target)
	if testing.Verbose() {
		b, _ := json.Marshal(r)
		t.Logf("%s", b)
	}
	return r
}

// expect probes a target whose one fault must be found in that stage ("": in any), with a hint that says so.
func expect(t *testing.T, o probe.Options, target string, code fail.Code, stage, hint string) *probe.Report {
	t.Helper()
	r := run(t, o, target)
	if r.OK || r.Error == nil {
		t.Fatalf("probe of %s is good, want %s", target, code)
	}
	e := r.Error
	early := code == fail.DialClosed && e.Stage == "connect" // the RST may come before connect returns
	if e.Code != code || stage != "" && e.Stage != stage && !early {
		t.Errorf("%s in stage %s, want %s in %s: %s (cause %s)", e.Code, e.Stage, code, stage, e.Message, e.Cause)
	}
	if !strings.Contains(e.Hint, hint) {
		t.Errorf("the hint %q lacks %q", e.Hint, hint)
	}
	return r
}

func TestHealthyTCP(t *testing.T) {
	h := faulttest.Host(t)
	r := run(t, quick(), faulttest.Addr(t, h, ma.P_TCP))
	if !r.OK || !r.Verified || r.PeerID != h.ID().String() || r.Ping == nil || r.Ping.Sent != 3 || r.Ping.Lost != 0 {
		t.Fatalf("%+v %+v", r, r.Error)
	}
	if r.Identify == nil || r.Identify.Agent == "" || len(r.Identify.Protocols) == 0 || r.Identify.SignedRecord == nil || !r.Identify.SignedRecord.Valid {
		t.Errorf("identify: %+v", r.Identify)
	}
	a := r.Addresses[0]
	if a.Security != "/tls/1.0.0" || a.Muxer != "/yamux/1.0.0" || a.Transport != "tcp" {
		t.Errorf("%+v", a)
	}
	var stages []string
	for _, s := range a.Stages {
		stages = append(stages, s.Stage)
	}
	if got := strings.Join(stages, " "); got != "connect security identity muxer alive" {
		t.Errorf("stages: %s", got)
	}
}

func TestMissingPeerID(t *testing.T) {
	h := faulttest.Host(t)
	bare := strings.Split(faulttest.Addr(t, h, ma.P_TCP), "/p2p/")[0]
	r := run(t, quick(), bare)
	if !r.OK || r.Verified || r.PeerID != h.ID().String() || r.Warnings[0].Code != fail.AddrMissingPeerID {
		t.Errorf("%+v", r)
	}
	o := quick()
	o.Strict = true
	expect(t, o, bare, fail.AddrMissingPeerID, "plan", "--strict")
}

func TestTCPFaults(t *testing.T) {
	other := faulttest.Host(t)
	h := faulttest.Host(t)
	wrong := strings.Replace(faulttest.Addr(t, h, ma.P_TCP), h.ID().String(), other.ID().String(), 1)
	ws := faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws"))
	wsAsTCP := strings.Replace(faulttest.Addr(t, ws, ma.P_WS), "/ws", "", 1)
	for _, c := range []struct {
		name, target string
		code         fail.Code
		stage, hint  string
	}{
		{"closed port", faulttest.ClosedPort(t), fail.DialRefused, "connect", "ss -ltnp"},
		{"silent", faulttest.Raw(t, faulttest.Silent), fail.DialSilent, "security", "libp2p port"},
		{"reset", faulttest.Raw(t, faulttest.Reset), fail.DialClosed, "security", "limit per address"},
		{"closed", faulttest.Raw(t, func(net.Conn) {}), fail.DialClosed, "security", "limit per address"},
		{"wrong id", wrong, fail.SecurityPeerIDMismatch, "identity", h.ID().String()},
		{"ssh", faulttest.Raw(t, faulttest.Say("SSH-2.0-OpenSSH_9.6\r\n")), fail.DialWrongService, "security", "another service"},
		{"smtp", faulttest.Raw(t, faulttest.Say("220 mail.example.com ESMTP\r\n")), fail.DialWrongService, "security", "another service"},
		{"redis", faulttest.Raw(t, faulttest.Answer("-ERR unknown command\r\n")), fail.DialWrongService, "security", "another service"},
		{"ws as tcp", wsAsTCP, fail.DialWrongService, "security", "/ws/p2p/" + ws.ID().String()},
		{"header then silence", faulttest.Raw(t, faulttest.Say(faulttest.Header)), fail.SecurityTimeout, "security", "overloaded"},
		{"header then close", faulttest.Raw(t, func(c net.Conn) { _, _ = io.WriteString(c, faulttest.Header); half(c) }), fail.ConnClosed, "security", "limit"},
		{"no common security", faulttest.Raw(t, faulttest.Multistream("/plaintext/2.0.0")), fail.SecurityNoCommon, "security", "/noise"},
		{"secio only", faulttest.Raw(t, faulttest.Multistream("/secio/1.0.0")), fail.SecurityNoCommon, "security", "secio"},
		{"broken handshake", faulttest.Raw(t, faulttest.Garbage("/noise", 1<<17)), fail.SecurityFailed, "security", "version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, quick(), c.target, c.code, c.stage, c.hint)
		})
	}
}

func half(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }

// The prober's own address or id is not a remote to dial.
func TestSelf(t *testing.T) {
	h := faulttest.Host(t)
	o := quick()
	o.Identity = h.Peerstore().PrivKey(h.ID())
	expect(t, o, faulttest.Addr(t, h, ma.P_TCP), fail.DialSelf, "plan", "leave --identity out")
}
