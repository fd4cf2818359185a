package testscripts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2p/commands"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/probe"
)

// probed runs `p2p probe` in this process and returns its report; what is not as the exit status says fails the test.
func probed(t *testing.T, want int, args ...string) *probe.Report {
	t.Helper()
	var out, errs bytes.Buffer
	status := cmd.Main(commands.All(), append([]string{"probe", "--json", "--pace", "none"}, args...), strings.NewReader(""), &out, &errs)
	r := &probe.Report{}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatalf("p2p probe %v: %v\n%s%s", args, err, out.String(), errs.String())
	}
	if status != want || r.OK != (want == 0) {
		t.Errorf("p2p probe %v: exit status %d, want %d\n%s%s", args, status, want, out.String(), errs.String())
	}
	return r
}

// faulty probes a target with one fault, which must be named by its code, with that hint.
func faulty(t *testing.T, status int, code fail.Code, stage, hint string, args ...string) *probe.Report {
	t.Helper()
	r := probed(t, status, args...)
	if r.Error == nil || r.Error.Code != code || r.Error.Stage != stage || !strings.Contains(r.Error.Hint, hint) {
		t.Fatalf("p2p probe %v: want %s in %s with a hint of %q: %+v", args, code, stage, hint, r.Error)
	}
	return r
}

// jsNode is what listener.mjs takes, and what it prints.
type jsNode struct {
	Listen   []string `json:"listen"`
	PSK      string   `json:"psk,omitempty"`
	Security string   `json:"security,omitempty"`
	Muxer    string   `json:"muxer,omitempty"`

	ID    string   `json:"id,omitempty"`
	Addrs []string `json:"addrs,omitempty"`
}

// start runs a js-libp2p node as long as the test.
func (n jsNode) start(t *testing.T) jsNode {
	t.Helper()
	in, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	c := jsCommand(t, "listener.mjs", string(in))
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	hung.Stop()
	t.Cleanup(func() { // the end of stdin is its end; one that does not see it is killed
		_ = stdin.Close()
		killed := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		killed.Stop()
	})
	if err == nil {
		err = json.Unmarshal(line, &n)
	}
	if err != nil || len(n.Addrs) == 0 {
		t.Fatalf("listener.mjs: %v\n%s%s", err, line, errs.String())
	}
	return n
}

// at is the node's address that has the part behind its port.
func (n jsNode) at(t *testing.T, part string) string {
	t.Helper()
	for _, a := range n.Addrs {
		rest := strings.SplitN(a, "/", 6)
		if len(rest) == 6 && strings.HasPrefix("/"+rest[5], part) {
			return a
		}
	}
	t.Fatalf("no address with %q in %v", part, n.Addrs)
	return ""
}

const tcp0, ws0 = "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"

func healthyJS(t *testing.T, n jsNode, args ...string) *probe.Report {
	t.Helper()
	r := probed(t, 0, args...)
	if !r.OK || !r.Verified || r.PeerID != n.ID || r.Identify == nil || !strings.HasPrefix(r.Identify.Agent, "js-libp2p/3.3.11") {
		t.Fatalf("%+v %+v", r.Identify, r.Error)
	}
	if r.Identify.SignedRecord == nil || !r.Identify.SignedRecord.Valid || !slices.Contains(r.Identify.Protocols, "/ipfs/ping/1.0.0") {
		t.Errorf("identify: %+v", r.Identify)
	}
	if r.Ping == nil || r.Ping.Sent != 3 || r.Ping.Lost != 0 {
		t.Errorf("ping: %+v", r.Ping)
	}
	return r
}

func TestInteropJS(t *testing.T) {
	n := jsNode{Listen: []string{tcp0, ws0}}.start(t)
	raw, ws := n.at(t, "/p2p/"), n.at(t, "/ws/")
	for _, target := range []string{raw, ws} {
		r := healthyJS(t, n, target)
		if a := r.Addresses[0]; a.Security != "/noise" || a.Muxer != "/yamux/1.0.0" {
			t.Errorf("%+v", a)
		}
	}
	mistake := func(target, from, to string, status int, code fail.Code, stage, repaired string) {
		t.Helper()
		r := faulty(t, status, code, stage, "p2p probe "+repaired, strings.Replace(target, from, to, 1))
		if r.Error.Detail["repaired"] != repaired {
			t.Errorf("repaired: %v", r.Error.Detail["repaired"])
		}
	}
	other := newID(t).String()
	mistake(raw, n.ID, other, 5, fail.SecurityPeerIDMismatch, "identity", raw)
	mistake(raw, "/p2p/", "/ws/p2p/", 4, fail.WSRawLibp2p, "http", raw)
	mistake(raw, "/p2p/", "/tls/ws/p2p/", 4, fail.DialWrongService, "tls", raw)
	mistake(ws, "/ws/", "/", 4, fail.DialWrongService, "security", ws)
	mistake(ws, "/ws/", "/tls/ws/", 4, fail.TLSNotTLS, "tls", ws)

	r := faulty(t, 6, fail.ProtocolUnsupported, "protocol", "DHT client", "--want", "/ipfs/kad/1.0.0", raw)
	if !slices.Equal(r.MissingProtocols, []string{"/ipfs/kad/1.0.0"}) {
		t.Errorf("missing: %v", r.MissingProtocols)
	}
	healthyJS(t, n, "--want", "/ipfs/ping/1.0.0", ws)
}

func TestInteropJSWebRTCDirect(t *testing.T) {
	n := jsNode{Listen: []string{"/ip4/127.0.0.1/udp/0/webrtc-direct"}}.start(t)
	healthyJS(t, n, n.Addrs[0])
}

func swarmKeyFile(t *testing.T, name string, fill string) (path, text string) {
	t.Helper()
	text = "/key/swarm/psk/1.0.0/\n/base16/\n" + strings.Repeat(fill, 32) + "\n"
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// A private js network: the nonce comes alone, and a wrong key is seen without waiting for a timeout,
// which needs several tries, because what js reads under it is noise.
func TestInteropJSPrivate(t *testing.T) {
	key, text := swarmKeyFile(t, "swarm.key", "3f")
	other, _ := swarmKeyFile(t, "other.key", "b2")
	n := jsNode{Listen: []string{tcp0, ws0}, PSK: text}.start(t)
	open := jsNode{Listen: []string{tcp0, ws0}}.start(t)
	for _, kind := range []string{"/p2p/", "/ws/"} {
		target := n.at(t, kind)
		healthyJS(t, n, "--swarm-key", key, target)
		r := faulty(t, 5, fail.PnetRequired, "security", "--swarm-key", target)
		if !strings.Contains(r.Error.Message, "24 bytes") {
			t.Errorf("%s", r.Error.Message)
		}
		for range 8 {
			r = faulty(t, 5, fail.PnetMismatch, "psk", "swarmkey inspect", "--swarm-key", other, "--stage-timeout", "20s", target)
			if r.TookMS > 10000 || strings.Contains(r.Error.Cause, "timeout") {
				t.Errorf("decided by a timeout, after %.0f ms: %s", r.TookMS, r.Error.Cause)
			}
		}
		r = faulty(t, 5, fail.PnetNotPrivate, "psk", "leave --swarm-key out", "--swarm-key", key, "--stage-timeout", "20s", open.at(t, kind))
		if r.TookMS > 10000 {
			t.Errorf("decided by a timeout, after %.0f ms", r.TookMS)
		}
	}
}

func TestInteropJSNothingInCommon(t *testing.T) {
	plain := jsNode{Listen: []string{tcp0}, Security: "plaintext"}.start(t)
	r := faulty(t, 6, fail.SecurityNoCommon, "security", "/noise", plain.Addrs[0])
	if got := r.Addresses[0].Offered.Security; !slices.Equal(got, []string{"/plaintext/2.0.0"}) {
		t.Errorf("offered: %v", got)
	}
	old := jsNode{Listen: []string{tcp0}, Muxer: "mplex"}.start(t)
	command := fmt.Sprintf("p2p probe --muxer yamux,mplex %s", old.Addrs[0])
	r = faulty(t, 6, fail.MuxerNoCommon, "muxer", command, old.Addrs[0])
	if got := r.Addresses[0].Offered.Muxers; !slices.Equal(got, []string{"/mplex/6.7.0"}) {
		t.Errorf("offered: %v", got)
	}
	healthyJS(t, old, strings.Fields(command)[2:]...)
}
