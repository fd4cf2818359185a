//go:build !windows

package serve

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
)

func loopback() Place { return Place{IP: netip.MustParseAddr("127.0.0.1"), flag: "--http"} }

func options() Options {
	return Options{HTTP: loopback(), Ops: loopback(), Drain: 5 * time.Second, Events: true, MaxConns: 8}
}

// server is a frame that runs inside a test.
type server struct {
	t     *testing.T
	lines *bufio.Scanner
	ready Ready
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, o Options, r Role) *server {
	t.Helper()
	in, w := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	s := &server{t: t, lines: bufio.NewScanner(in), stop: stop, ended: make(chan error, 1)}
	c := &cmd.Call{Out: out.New(w, io.Discard, os.Getenv), Getenv: os.Getenv}
	if r.Name == "" {
		r.Name = "test"
	}
	go func() {
		err := Run(ctx, c, o, r)
		_ = w.CloseWithError(io.EOF)
		s.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		for s.lines.Scan() { // so that no line waits for a reader
		}
		if s.ended != nil {
			<-s.ended
		}
	})
	if s.line("ready", &s.ready); s.ready.Role != r.Name {
		t.Fatalf("ready: %+v", s.ready)
	}
	return s
}

// line reads the next line of output, which has that type.
func (s *server) line(typ string, v any) {
	s.t.Helper()
	if !s.lines.Scan() {
		s.t.Fatalf("no line %s: %v", typ, s.lines.Err())
	}
	if !strings.HasPrefix(s.lines.Text(), `{"type":"`+typ+`"`) {
		s.t.Fatalf("line %s, want %s", s.lines.Text(), typ)
	}
	if err := json.Unmarshal(s.lines.Bytes(), v); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) end() error {
	err := <-s.ended
	s.ended = nil
	return err
}

func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestLifeOfAServer(t *testing.T) {
	inside, release := make(chan bool), make(chan bool)
	s := start(t, options(), Role{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { close(inside); <-release; Healthy(w, r) }),
		Totals:  func() map[string]int { return map[string]int{"things": 3} },
	})
	if s.ready.PID != os.Getpid() || !strings.HasPrefix(s.ready.URL, "http://127.0.0.1:") || s.ready.Limits["max_conns"] != 8.0 || s.ready.Warnings == nil {
		t.Errorf("%+v", s.ready)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/": 404, "/debug/pprof": 404} {
		if status, body := get(t, s.ready.Ops+path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	answered := make(chan int)
	go func() { status, _ := get(t, s.ready.URL); answered <- status }()
	<-inside
	s.stop()
	var d Draining
	if s.line("draining", &d); d.Open != 1 {
		t.Errorf("%d answers under way, want 1", d.Open)
	}
	if status, _ := get(t, s.ready.Ops+"/readyz"); status != 503 {
		t.Errorf("readyz while draining: %d", status)
	}
	close(release)
	if status := <-answered; status != 200 {
		t.Errorf("the answer under way ended with %d", status)
	}
	var last Stopped
	if s.line("stopped", &last); last.Cut != 0 || last.Totals["things"] != 3 {
		t.Errorf("%+v", last)
	}
	if err := s.end(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(s.ready.Ops, "http://")); err == nil {
		c.Close()
		t.Error("the ops port is still open")
	}
}

func TestDrainIsBounded(t *testing.T) {
	o := options()
	o.Drain = 0
	inside := make(chan bool)
	s := start(t, o, Role{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(inside); <-r.Context().Done() })})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.ready.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-inside
	s.stop()
	s.line("draining", &Draining{})
	var last Stopped
	if s.line("stopped", &last); last.Cut != 1 {
		t.Errorf("%+v", last)
	}
}

func TestOpsPortRefusesStrangers(t *testing.T) {
	o := options()
	o.OpsHosts = []string{"ops.example.com"}
	s := start(t, o, Role{Handler: http.NotFoundHandler()})
	for host, want := range map[string]int{"evil.example": 421, "ops.example.com:99": 200, "OPS.example.com": 200, "localhost": 200,
		"[::1]:80": 200, "127.0.0.1.evil.example": 421, "": 200} {
		if host == "" {
			host = strings.TrimPrefix(s.ready.Ops, "http://")
		}
		if status, body := get(t, s.ready.Ops+"/healthz", "Host", host); status != want {
			t.Errorf("Host %q: %d %s, want %d", host, status, body, want)
		}
	}
	resp, err := http.Post(s.ready.Ops+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET" || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("POST: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestOpsToken(t *testing.T) {
	o := options()
	o.OpsToken = write(t, "tokens", "# who\n\nprometheus 0123456789abcdef0\nci short\n")
	s := start(t, o, Role{Handler: http.NotFoundHandler()})
	if len(s.ready.Warnings) != 1 || s.ready.Warnings[0].Code != fail.KeySize {
		t.Errorf("warnings %+v", s.ready.Warnings)
	}
	for _, c := range []struct {
		path, auth string
		want       int
	}{
		{"/metrics", "", 401}, {"/metrics", "Bearer no", 401}, {"/metrics", "Basic 0123456789abcdef0", 401}, {"/metrics", "Bearer", 401},
		{"/metrics", "Bearer 0123456789abcdef0", 200}, {"/metrics", "bearer short", 200}, {"/healthz", "", 200}, {"/readyz", "", 200},
	} {
		if status, body := get(t, s.ready.Ops+c.path, "Authorization", c.auth); status != c.want {
			t.Errorf("%s with %q: %d %s, want %d", c.path, c.auth, status, body, c.want)
		}
	}
}

func TestMetricsLint(t *testing.T) {
	s := start(t, options(), Role{Handler: http.NotFoundHandler()})
	_, body := get(t, s.ready.Ops+"/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 || !strings.Contains(body, "p2p_serve_last_reload_success 1") {
		t.Errorf("%v %v\n%s", err, problems, body)
	}
}

func TestFailsClosed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.Addr().(*net.TCPAddr).Port)
	cert, key := pair(t, t.TempDir(), "one")
	for name, c := range map[string]struct {
		set  func(*Options)
		code fail.Code
		says string
	}{
		"http port":    {func(o *Options) { o.HTTP.Port = port }, fail.ListenInUse, taken.Addr().String()},
		"ops port":     {func(o *Options) { o.Ops.Port = port }, fail.ListenInUse, taken.Addr().String()},
		"no address":   {func(o *Options) { o.HTTP.IP = netip.MustParseAddr("192.0.2.1") }, fail.ListenFailed, "192.0.2.1"},
		"no cert":      {func(o *Options) { o.TLSCert, o.TLSKey = "/nowhere", key }, fail.FileMissing, "/nowhere"},
		"bad key":      {func(o *Options) { o.TLSCert, o.TLSKey = cert, cert }, fail.FileUnreadable, cert},
		"no token":     {func(o *Options) { o.OpsToken = "/nowhere" }, fail.FileMissing, "/nowhere"},
		"empty tokens": {func(o *Options) { o.OpsToken = write(t, "t", "# none\n\n") }, fail.FileUnreadable, "no token"},
		"three words":  {func(o *Options) { o.OpsToken = write(t, "t", "a b\nc d e\n") }, fail.FileUnreadable, "line 2"},
		"same name":    {func(o *Options) { o.OpsToken = write(t, "t", "a b\na c\n") }, fail.FileUnreadable, "second token"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout strings.Builder
			o, closed := options(), 0
			c.set(&o)
			call := &cmd.Call{Out: out.New(&stdout, io.Discard, os.Getenv), Getenv: os.Getenv}
			err := Run(context.Background(), call, o, Role{Handler: http.NotFoundHandler(), Close: func() { closed++ }})
			e := fail.Of(err)
			if e == nil || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Hint == "" || stdout.Len() > 0 || closed != 1 {
				t.Errorf("%+v, stdout %q, closed %d times", e, stdout.String(), closed)
			}
		})
	}
}

func TestReloadKeepsWhatWasGood(t *testing.T) {
	dir := t.TempDir()
	o := options()
	o.TLSCert, o.TLSKey = pair(t, dir, "one")
	s := start(t, o, Role{Handler: http.HandlerFunc(Healthy)})
	if !strings.HasPrefix(s.ready.URL, "https://") {
		t.Fatalf("url %s", s.ready.URL)
	}
	if got := subject(t, s.ready.URL); got != "one" {
		t.Errorf("certificate of %s", got)
	}
	if err := os.WriteFile(o.TLSCert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup(t)
	var r Reloaded
	if s.line("reload_failed", &r); r.File != o.TLSCert || r.Error == nil || r.Error.Code != fail.FileUnreadable {
		t.Errorf("%+v", r)
	}
	if got := subject(t, s.ready.URL); got != "one" {
		t.Errorf("after a bad file: certificate of %s", got)
	}
	if _, body := get(t, s.ready.Ops+"/metrics"); !strings.Contains(body, "p2p_serve_last_reload_success 0") {
		t.Error("the metric does not tell of the failed reload")
	}
	pair(t, dir, "two")
	hangup(t)
	s.line("reloaded", &r)
	if got := subject(t, s.ready.URL); got != "two" {
		t.Errorf("after a good file: certificate of %s", got)
	}
}

func hangup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func subject(t *testing.T, url string) string {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair writes a self-signed certificate and its key.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	tmpl.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: priv}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
