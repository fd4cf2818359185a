package probe_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

// A lost upgrade is told from other web servers by what the server says of it; Go's own 404, which
// go-libp2p shares with every Go program, only with a proxy in front that is seen.
func TestUpgradeLost(t *testing.T) {
	t.Parallel()
	node := faulttest.Addr(t, faulttest.Host(t, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0/ws")), ma.P_WS)
	behind := func(addr string) string {
		return faulttest.HTTP(t, faulttest.Stripping(t, "http://127.0.0.1:"+strings.Split(addr, "/")[4]))
	}
	mux := faulttest.HTTP(t, http.NewServeMux().ServeHTTP)
	upgrader := faulttest.HTTP(t, faulttest.Upgraded(func(*websocket.Conn) {}))
	for _, c := range []struct {
		name, target string
		code         fail.Code
		hint         string
	}{
		{"go-libp2p behind a proxy", behind(node), fail.WSProxyNoUpgrade, "proxy_set_header Upgrade"},
		{"another Go handler behind a proxy", behind(faulttest.HTTP(t, http.NotFound)), fail.WSProxyNoUpgrade, "another web server"},
		{"a Go mux behind a proxy", behind(mux), fail.WSStatus, "another web server"},
		{"a Go mux", mux, fail.WSStatus, "another web server"},
		{"a Go handler", faulttest.HTTP(t, http.NotFound), fail.WSStatus, "where a proxy in between removes"},
		{"older go-libp2p behind a proxy", behind(upgrader), fail.WSProxyNoUpgrade, "proxy_set_header Upgrade"},
		{"js-libp2p", faulttest.HTTP(t, faulttest.Status(400, "Only WebSocket connections are supported")), fail.WSProxyNoUpgrade, "proxy_set_header Upgrade"},
		{"any 400", faulttest.HTTP(t, faulttest.Status(400, "Bad Request\n")), fail.WSStatus, "host and path"},
		{"426", faulttest.HTTP(t, faulttest.Status(426, "Upgrade Required")), fail.WSProxyNoUpgrade, "proxy_set_header Upgrade"},
		{"426 for another protocol", faulttest.HTTP(t, faulttest.Status(426, "", "Upgrade", "HTTP/3.0")), fail.WSStatus, "host and path"},
		{"gin's 404", faulttest.HTTP(t, faulttest.Status(404, "404 page not found", "Content-Type", "text/plain", "Server", "nginx")), fail.WSStatus, "host and path"},
		{"400 that has a link", faulttest.HTTP(t, faulttest.Status(400, `<a href="https://help.example">bad request</a>`)), fail.WSStatus, "this port does not"},
		{"redirect to itself", faulttest.HTTP(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/login", http.StatusFound)
		}), fail.WSRedirect, "let the proxy pass / on"},
		{"redirect to nowhere", faulttest.HTTP(t, faulttest.Status(308, "", "Location", "http://[::1%zone/")), fail.WSRedirect, "dial the place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, quick(), c.target+"/ws"+someID, c.code, "http", c.hint)
		})
	}
}

// A proxy hands the first words of a raw TCP backend on; its own port is then no raw libp2p port.
func TestProxyToRawBackend(t *testing.T) {
	t.Parallel()
	target := faulttest.Raw(t, faulttest.Answer("\x13/multistream/1.0.0\n"))
	r := expect(t, quick(), target+"/ws"+someID, fail.WSRawLibp2p, "http", "p2p probe")
	if r.Error.Detail["repaired"] == nil {
		t.Error("a port that answers a raw header is a raw port")
	}
	proxy := faulttest.Raw(t, faulttest.AnswerTo("GET ", "\x13/multistream/1.0.0\n"))
	r = expect(t, quick(), proxy+"/ws"+someID, fail.WSRawLibp2p, "http", "proxy_pass http://127.0.0.1:WS-PORT")
	if r.Error.Detail["repaired"] != nil {
		t.Errorf("the proxy's port was given as raw libp2p: %+v", r.Error)
	}
}
