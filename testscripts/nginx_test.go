package testscripts

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

// site is one server block of an nginx: %s in it is replaced by its port.
type site struct {
	listen string // parameters of listen behind the address, such as "ssl"
	body   string
}

// nginx runs a real nginx with those sites until the test ends, and returns their ports. It inherits
// sockets that listen already, so that nothing has to wait for it (which its single-process mode cannot).
func nginx(t *testing.T, sites ...site) []string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	for _, at := range []string{"/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if _, bad := os.Stat(at); err != nil && bad == nil {
			path, err = at, nil
		}
	}
	if err != nil {
		unavailable(t, "nginx is not installed (Debian: nginx-light): %v", err)
	}
	dir := t.TempDir()
	var ports []string
	var files []*os.File
	inherited, servers := "", ""
	for i, s := range sites {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
		ports, files = append(ports, port), append(files, f)
		_ = l.Close()
		inherited += fmt.Sprintf("%d;", 3+i)
		servers += fmt.Sprintf("server { listen 127.0.0.1:%s %s; %s }\n", port, s.listen, s.body)
	}
	conf := "daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn; events { worker_connections 64; }\n" +
		"http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;\n" + servers + "}\n"
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c := exec.Command(path, "-p", dir, "-c", file)
	c.Env, c.ExtraFiles, c.Stderr = append(os.Environ(), "NGINX="+inherited), files, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		_ = f.Close()
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		killed := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		killed.Stop()
		if t.Failed() {
			t.Logf("nginx with\n%s\nsays:\n%s", conf, errs.String())
		}
	})
	return ports
}

func proxyTo(addr, more string) string {
	return fmt.Sprintf("location / { proxy_pass http://127.0.0.1:%s; %s }", strings.Split(addr, "/")[4], more)
}

// via is the address of the node behind that port, in place of its own.
func via(port, transport, addr string) string {
	_, id, _ := strings.Cut(addr, "/p2p/")
	return "/ip4/127.0.0.1/tcp/" + port + transport + "/p2p/" + id
}

const upgrades = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";"

// heal takes nginx's lines from the hint, does what they say, and expects a good probe.
func heal(t *testing.T, hint, node string) {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^nginx: (.*;)$`).FindStringSubmatch(hint)
	if lines == nil {
		t.Fatalf("no nginx lines in the hint %q", hint)
	}
	port := nginx(t, site{body: proxyTo(node, lines[1])})[0]
	if r := probed(t, 0, via(port, "/ws", node)); !r.Verified {
		t.Errorf("%+v", r)
	}
}

// An nginx in front that strips Upgrade is seen, and the lines of the hint mend it.
func TestNginxStripsUpgrade(t *testing.T) {
	node := full(t, newHost(t, listen("/ip4/127.0.0.1/tcp/0/ws")), "/ws")
	port := nginx(t, site{body: proxyTo(node, "")})[0]
	r := faulty(t, 4, fail.WSProxyNoUpgrade, "http", "proxy_set_header Upgrade", via(port, "/ws", node))
	heal(t, r.Error.Hint, node)
}

func TestNginxStripsUpgradeJS(t *testing.T) {
	node := jsNode{Listen: []string{ws0}}.start(t).Addrs[0]
	port := nginx(t, site{body: proxyTo(node, "")})[0]
	r := faulty(t, 4, fail.WSProxyNoUpgrade, "http", "proxy_set_header Upgrade", via(port, "/ws", node))
	if body := r.Error.Detail["body"]; body != "Only WebSocket connections are supported" {
		t.Errorf("body: %v", body)
	}
	heal(t, r.Error.Hint, node)
}

func TestNginxFaults(t *testing.T) {
	node := full(t, newHost(t, listen("/ip4/127.0.0.1/tcp/0/ws"), listen("/ip4/127.0.0.1/tcp/0")), "/ws")
	raw := full(t, newHost(t, listen("/ip4/127.0.0.1/tcp/0")), "tcp")
	silent := faulttest.Raw(t, faulttest.Silent) + "/x"
	mute := faulttest.HTTP(t, faulttest.Upgraded(func(c *websocket.Conn) { _, _, _ = c.ReadMessage(); _, _, _ = c.ReadMessage() })) + "/x"
	goSite := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/x", httpServer(t))
	closed := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/x", closedPort(t))
	cases := []struct {
		name  string
		body  string
		code  fail.Code
		stage string
		exit  int
		hint  string
	}{
		{"backend down", proxyTo(closed, upgrades), fail.WSBadGateway, "http", 4, "start the node"},
		{"backend silent", proxyTo(silent, upgrades+"proxy_read_timeout 1s;"), fail.WSBadGateway, "http", 4, "start the node"},
		{"silent after the upgrade", proxyTo(mute, upgrades+"proxy_read_timeout 1s;"), fail.WSClosed, "security", 4, "read timeout"},
		{"forbidden", "return 403;", fail.WSStatus, "http", 4, "403"},
		{"not found", "root /nonexistent;", fail.WSStatus, "http", 4, "host and path"},
		{"to nowhere", "return 301 /elsewhere;", fail.WSRedirect, "http", 4, "dial the place"},
		{"closes", "return 444;", fail.DialClosed, "http", 4, "proxy without backend"},
		{"Upgrade, but not Connection", proxyTo(node, "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"), fail.WSProxyNoUpgrade, "http", 4, "Connection"},
		{"another web server", proxyTo(goSite, ""), fail.WSProxyNoUpgrade, "http", 4, "another web server"},
	}
	var sites []site
	for _, c := range cases {
		sites = append(sites, site{body: c.body})
	}
	ports := nginx(t, append(sites, site{body: proxyTo(raw, upgrades)})...)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			faulty(t, c.exit, c.code, c.stage, c.hint, via(ports[i], "/ws", node))
		})
	}
	// What nginx makes of a backend that speaks raw libp2p depends on what comes first; its own port is none.
	r := probed(t, 4, via(ports[len(cases)], "/ws", node))
	if r.Error == nil || r.Error.Detail["repaired"] != nil {
		t.Errorf("%+v", r.Error)
	}
}

func TestNginxTLS(t *testing.T) {
	node := full(t, newHost(t, listen("/ip4/127.0.0.1/tcp/0/ws")), "/ws")
	authority := faulttest.NewCA(t, "a CA of our own")
	dir := t.TempDir()
	ca := write(t, dir, "ca.pem", authority.PEM())
	ssl := certificateLines(t, dir, authority.Leaf(t, nil))
	port := nginx(t, site{"ssl", ssl + proxyTo(node, upgrades)})[0]
	secure := via(port, "/tls/ws", node)
	more := nginx(t,
		site{body: "return 301 https://127.0.0.1:" + port + "$request_uri;"},
		site{"ssl", ssl + proxyTo(secure, upgrades)})

	if r := probed(t, 0, "--ca", ca, secure); !r.Verified || r.Addresses[0].Transport != "wss" {
		t.Errorf("%+v", r)
	}
	faulty(t, 5, fail.TLSUnknownAuthority, "tls", "--ca", secure)
	for _, c := range []struct {
		target string
		code   fail.Code
	}{
		{via(port, "/ws", node), fail.WSTLSPort},
		{via(more[0], "/ws", node), fail.WSRedirect},
	} {
		r := faulty(t, 4, c.code, "http", "p2p probe "+secure, c.target)
		if r.Error.Detail["repaired"] != secure {
			t.Errorf("repaired: %v", r.Error.Detail)
		}
	}
	// TLS ends at the proxy, which speaks plain HTTP to a port that wants TLS again.
	faulty(t, 4, fail.WSStatus, "http", "proxy_pass https://", "--ca", ca, via(more[1], "/tls/ws", node))
}

func certificateLines(t *testing.T, dir string, c tls.Certificate) string {
	t.Helper()
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ", write(t, dir, "cert.pem", chain), write(t, dir, "key.pem", key))
}

func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
