package probe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"p2p/lib/addr"
	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

func TestHealthyUDP(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		h := faulttest.UDPHost(t, ip, nil)
		for _, c := range []struct {
			transport, security, muxer string
		}{
			{"quic-v1", "/tls/1.0.0", "quic"},
			{"webtransport", "/noise", "webtransport"},
			{"webrtc-direct", "/noise", "webrtc"},
		} {
			t.Run(c.transport+" "+ip, func(t *testing.T) {
				target := udpAddr(t, h, c.transport)
				begin := time.Now()
				r := run(t, quick(), target)
				t.Logf("took %v", time.Since(begin))
				if !r.OK || !r.Verified || r.Ping == nil || r.Ping.Lost != 0 || r.Identify == nil || len(r.Identify.Protocols) == 0 {
					t.Fatalf("%+v %+v", r, r.Error)
				}
				a := r.Addresses[0]
				if a.Security != c.security || a.Muxer != c.muxer || a.Transport != c.transport {
					t.Errorf("%+v", a)
				}
				var stages []string
				for _, s := range a.Stages {
					stages = append(stages, s.Stage)
				}
				if got := strings.Join(stages, " "); got != "connect security identity alive" {
					t.Errorf("stages: %s", got)
				}
				bare := strings.Split(target, "/p2p/")[0]
				if r := run(t, quick(), bare); !r.OK || r.Verified || r.PeerID != h.ID().String() {
					t.Errorf("without an id: %+v %+v", r, r.Error)
				}
			})
		}
	}
}

// udpAddr returns the host's address of that transport, with its id.
func udpAddr(t testing.TB, h host.Host, transport string) string {
	t.Helper()
	for _, m := range h.Addrs() {
		a, err := addr.New(m)
		if err == nil && a.Transport == transport {
			return faulttest.WithID(m.String(), h.ID())
		}
	}
	t.Fatalf("no %s among %v", transport, h.Addrs())
	return ""
}

// fakeHash is a certhash that no certificate has.
const fakeHash = "uEiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestUDPFaults(t *testing.T) {
	id := faulttest.Host(t).ID().String()
	quic, wt, rtc := "/quic-v1/p2p/"+id, "/quic-v1/webtransport/certhash/"+fakeHash+"/p2p/"+id, "/webrtc-direct/certhash/"+fakeHash+"/p2p/"+id
	closed := func() string { return fmt.Sprintf("/ip4/127.0.0.1/udp/%d", faulttest.FreeUDP(t, "127.0.0.1")) }
	closed6 := fmt.Sprintf("/ip6/::1/udp/%d", faulttest.FreeUDP(t, "::1"))
	garbage := faulttest.UDP(t, func([]byte) []byte { return []byte("what is this?") })
	echo := faulttest.UDP(t, func(b []byte) []byte { return b })
	silent := faulttest.UDP(t, faulttest.Ignore)
	grease := faulttest.UDP(t, faulttest.Versions(0x1a2a3a4a))
	draft := faulttest.UDP(t, faulttest.Versions(0xff00001d, 0x5a6a7a8a))
	half := faulttest.UDP(t, faulttest.Versions(1))
	doq, _ := faulttest.QUIC(t, "doq", faulttest.Hold(t))
	notLibp2p, _ := faulttest.QUIC(t, "libp2p", faulttest.Hold(t))
	web, _ := faulttest.HTTP3(t, 200, false)
	h3Silent, h3Hash := faulttest.QUIC(t, "h3", faulttest.Hold(t))
	plainWeb, plainHash := faulttest.HTTP3(t, 200, false)
	s404, h404 := faulttest.HTTP3(t, 404, true)
	s403, h403 := faulttest.HTTP3(t, 403, true)
	s503, h503 := faulttest.HTTP3(t, 503, true)
	sNever, hNever := faulttest.HTTP3(t, 0, true)
	stunOnly := faulttest.STUN(t)
	wtAt := func(base, hash string) string { return base + "/quic-v1/webtransport/certhash/" + hash + "/p2p/" + id }
	onlyQUIC := udpAddr(t, faulttest.UDPHost(t, "127.0.0.1", []string{"quic-v1"}), "quic-v1")
	onlyWT := udpAddr(t, faulttest.UDPHost(t, "127.0.0.1", []string{"quic-v1/webtransport"}), "webtransport")
	onlyRTC := udpAddr(t, faulttest.UDPHost(t, "127.0.0.1", []string{"webrtc-direct"}), "webrtc-direct")
	for _, c := range []struct {
		name, target string
		code         fail.Code
		stage, hint  string
		within       time.Duration
	}{
		{"quic closed", closed() + quic, fail.DialRefused, "connect", "ss -lunp", 500 * time.Millisecond},
		{"quic closed ip6", closed6 + quic, fail.DialRefused, "connect", "ss -lunp", 500 * time.Millisecond},
		{"webtransport closed", closed() + wt, fail.DialRefused, "connect", "ss -lunp", 500 * time.Millisecond},
		{"webrtc closed", closed() + rtc, fail.DialRefused, "connect", "ss -lunp", 500 * time.Millisecond},
		{"webrtc closed ip6", closed6 + rtc, fail.DialRefused, "connect", "ss -lunp", 500 * time.Millisecond},
		{"quic silent", silent + quic, fail.DialTimeout, "connect", "/tcp/", 2300 * time.Millisecond},
		{"webtransport silent", silent + wt, fail.DialTimeout, "connect", "/tcp/", 2300 * time.Millisecond},
		{"webrtc silent", silent + rtc, fail.WebRTCNoListener, "connect", "webrtc-direct", 2300 * time.Millisecond},
		{"quic garbage", garbage + quic, fail.QUICNotQUIC, "connect", "another service", 1500 * time.Millisecond},
		{"quic echo", echo + quic, fail.QUICNotQUIC, "connect", "another service", 1500 * time.Millisecond},
		{"webtransport garbage", garbage + wt, fail.QUICNotQUIC, "connect", "another service", 1500 * time.Millisecond},
		{"webrtc garbage", garbage + rtc, fail.WebRTCNoListener, "connect", "another service", 1800 * time.Millisecond},
		{"webrtc echo", echo + rtc, fail.WebRTCNoListener, "connect", "another service", 1800 * time.Millisecond},
		{"quic grease only", grease + quic, fail.QUICVersion, "connect", "TCP", 500 * time.Millisecond},
		{"quic draft 29", draft + quic, fail.QUICVersion, "connect", "update", 500 * time.Millisecond},
		{"quic version then silence", half + quic, fail.SecurityTimeout, "security", "MTU", 1700 * time.Millisecond},
		{"quic other alpn", doq + quic, fail.QUICALPN, "security", "another QUIC service", 500 * time.Millisecond},
		{"webtransport other alpn", doq + wt, fail.QUICALPN, "security", "another QUIC service", 500 * time.Millisecond},
		{"quic web server", web + quic, fail.QUICALPN, "security", "web server", 500 * time.Millisecond},
		{"quic at webtransport", strings.Split(onlyWT, "/webtransport")[0], fail.QUICALPN, "security", onlyWT[:strings.LastIndex(onlyWT, "/certhash")], 500 * time.Millisecond},
		{"webtransport at quic", strings.Replace(onlyQUIC, "/p2p/", "/webtransport/certhash/"+fakeHash+"/p2p/", 1), fail.QUICALPN, "security", onlyQUIC, 500 * time.Millisecond},
		{"quic at webrtc", onlyRTC[:strings.Index(onlyRTC, "/webrtc-direct")] + quic, fail.QUICNotQUIC, "connect", "/webrtc-direct/certhash/", 2300 * time.Millisecond},
		{"webrtc at quic", strings.Replace(onlyQUIC, "/quic-v1/p2p/", "/webrtc-direct/certhash/"+fakeHash+"/p2p/", 1), fail.WebRTCNoListener, "connect", onlyQUIC, 1800 * time.Millisecond},
		{"quic no libp2p certificate", notLibp2p + quic, fail.SecurityFailed, "security", "TLS", 500 * time.Millisecond},
		{"h3 silent", wtAt(h3Silent, h3Hash), fail.SecurityTimeout, "security", "overloaded", 1700 * time.Millisecond},
		{"webtransport never answered", wtAt(sNever, hNever), fail.SecurityTimeout, "security", "overloaded", 1700 * time.Millisecond},
		{"webrtc stun then silence", stunOnly + rtc, fail.SecurityTimeout, "security", "MTU", 2500 * time.Millisecond},
		{"h3 without webtransport", wtAt(plainWeb, plainHash), fail.DialWrongService, "security", "correct the port", 500 * time.Millisecond},
		{"webtransport 404", wtAt(s404, h404), fail.DialWrongService, "security", "web server", 500 * time.Millisecond},
		{"webtransport 403", wtAt(s403, h403), fail.WebTransportRefused, "security", "gater", 500 * time.Millisecond},
		{"webtransport 503", wtAt(s503, h503), fail.WebTransportRefused, "security", "limit", 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			r := expect(t, quick(), c.target, c.code, c.stage, c.hint)
			took := time.Since(begin)
			t.Logf("took %v: %s | %s", took.Round(10*time.Microsecond), r.Error.Message, r.Error.Hint)
			if took > c.within {
				t.Errorf("took %v, more than %v", took, c.within)
			}
		})
	}
}
