package addr

import (
	"strings"
	"testing"

	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

const (
	id1  = "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf"
	id2  = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
	hash = "uEiDEDwwBWbKFOVMNQcHbgJsPEO3_LsAgO0hG-ogTu4e1hA"
)

// bad is one input that is no address; want are parts of the message, repair the whole repair.
type bad struct {
	in     string
	code   fail.Code
	offset int
	want   string
	repair string
	hint   string
}

func bads() []bad {
	tcp := "/ip4/1.2.3.4/tcp/4001"
	return []bad{
		{"", fail.AddrEmpty, 0, "nothing", "", "an address looks like"},
		{" \n", fail.AddrEmpty, 0, "nothing", "", ""},
		{"///", fail.AddrEmpty, 0, "nothing", "", ""},
		{"ip4/1.2.3.4/tcp/4001", fail.AddrSyntax, 0, "slash in front is missing", tcp, ""},
		{"  ip4/1.2.3.4/tcp/4001", fail.AddrSyntax, 2, "slash in front is missing", tcp, ""},
		{"https://host.example:443/", fail.AddrSyntax, 0, "URL", "/dns/host.example/tcp/443/tls/ws", "write /dns/"},
		{"wss://host.example", fail.AddrSyntax, 0, "URL", "/dns/host.example/tcp/443/tls/ws", ""},
		{"ws://[::1]:4001/x", fail.AddrSyntax, 0, "URL", "/ip6/::1/tcp/4001/ws", ""},
		{"quic://1.2.3.4", fail.AddrSyntax, 0, "URL", "/ip4/1.2.3.4/udp/4001/quic-v1", ""},
		{"1.2.3.4:4001", fail.AddrSyntax, 0, "host:port", tcp, ""},
		{"[::1]:4001", fail.AddrSyntax, 0, "", "/ip6/::1/tcp/4001", ""},
		{"fe80::1%eth0", fail.AddrSyntax, 0, "", "/ip6zone/eth0/ip6/fe80::1/tcp/4001", ""},
		{"example.com:443", fail.AddrSyntax, 0, "host:port", "/dns/example.com/tcp/443", ""},
		{"bootstrap.libp2p.io", fail.AddrSyntax, 0, "host alone", "/dnsaddr/bootstrap.libp2p.io", ""},
		{id1, fail.AddrSyntax, 0, "peer id alone", "", "/ip4/192.0.2.1/tcp/4001/p2p/" + id1},
		{`"/ip4/1.2.3.4/tcp/4001",`, fail.AddrSyntax, 0, "begins with", tcp, "quotes"},
		{`C:\ip4\1.2.3.4\tcp\4001`, fail.AddrSyntax, 0, "Windows path", tcp, ""},
		{"C:/Program Files/Git/ip4/1.2.3.4/tcp/4001", fail.AddrSyntax, 0, "Windows path", tcp, "MSYS_NO_PATHCONV=1"},
		{"dnsaddr=" + tcp, fail.AddrSyntax, 0, "DNS record", tcp, ""},
		{"hello", fail.AddrSyntax, 0, "begins with /", "", "an address looks like"},
		{"/ip4/1.2.3.4 /tcp/4001", fail.AddrSyntax, 12, "blank", "", "2 addresses"},
		{"/ip4/1.2. 3.4/tcp/4001", fail.AddrSyntax, 9, "blank", tcp, ""},
		{"/ip4/1.2.3.4/tcp/40\x0001", fail.AddrSyntax, 19, "control character", "", ""},
		{"/dns4/a\x1b[2Jb/tcp/1", fail.AddrSyntax, 7, "control character", "", ""},
		{"/dns4/a\xffb/tcp/1", fail.AddrSyntax, 7, "UTF-8", "", ""},
		{"/ip4/1.2.3.4//tcp/4001", fail.AddrSyntax, 12, "two slashes", tcp, ""},
		{"/" + strings.Repeat("x", MaxInput), fail.AddrSyntax, 0, "at most 4096", "", ""},
		{strings.Repeat("\xc8", 1200), fail.AddrSyntax, 0, "UTF-8", "", ""},
		{strings.Repeat("/ws", MaxComponents+1), fail.AddrSyntax, 192, "more than 64", "", ""},
		{"/ip4/1.2.3.4/tcpp/4001", fail.AddrUnknownProtocol, 12, `nearest known name is "tcp"`, tcp, ""},
		{"/ip4/1.2.3.4/TCP/4001", fail.AddrUnknownProtocol, 12, "", tcp, ""},
		{"/ipv4/1.2.3.4/tpc/4001", fail.AddrUnknownProtocol, 0, `"ip4"`, tcp, ""},
		{"/ip4/1.2.3.4/4001", fail.AddrUnknownProtocol, 12, "", tcp, "a number is a port"},
		{tcp + "/" + id1, fail.AddrUnknownProtocol, 21, "", tcp + "/p2p/" + id1, "follows /p2p/"},
		{"/1.2.3.4/tcp/4001", fail.AddrUnknownProtocol, 0, "", tcp, ""},
		{"/example.com/tcp/1", fail.AddrUnknownProtocol, 0, "", "/dns/example.com/tcp/1", ""},
		{"/dns4/ex.com/tcp/1/wss/http-path/a/b", fail.AddrUnknownProtocol, 34, "", "", "%2F"},
		{"/zzzzzzzz/1", fail.AddrUnknownProtocol, 0, "", "", "an address looks like"},
		{"/dns4/wrtc-star1.example.com/tcp/443/wss/p2p-webrtc-star/p2p/" + id2, fail.AddrObsolete, 40, "webrtc-star", "", "/p2p-circuit/webrtc/p2p/ID"},
		{"/libp2p-webrtc-star/ip4/1.2.3.4/tcp/9090/ws/ipfs/" + id2, fail.AddrObsolete, 0, "", "", "relay"},
		{"/dns4/ws-star.example.com/tcp/443/wss/p2p-websocket-star", fail.AddrObsolete, 37, "websocket-star", "", "relay"},
		{"/dns4/stardust.example.com/tcp/443/wss/p2p-stardust", fail.AddrObsolete, 38, "stardust", "", "relay"},
		{"/ip4/1.2.3.4/tcp/9090/http/p2p-webrtc-direct", fail.AddrObsolete, 26, "", "", "/webrtc-direct/certhash/"},
		{"/ip4/1.2.3.4/tcp/9090/http/libp2p-webrtc-direct", fail.AddrObsolete, 26, "", "", "/webrtc-direct/certhash/"},
		{"/ip4/1.2.3.4/udp/4001/quic", fail.AddrObsolete, 21, "draft 29", "/ip4/1.2.3.4/udp/4001/quic-v1", ""},
		{"/ip4/1.2.3.4/udp/4001/utp", fail.AddrObsolete, 21, "", "", "quic-v1"},
		{"/ip4/1.2.3.4/udp/4001/udt", fail.AddrObsolete, 21, "", "", "quic-v1"},
		{"/onion/timaq4ygg2iegci7:1234", fail.AddrObsolete, 0, "", "", "onion3"},
		{"/ip4/1.2.3.4/tcp/99999", fail.AddrBadValue, 17, "between 0 and 65535", "", "/tcp/4001"},
		{"/ip4/1.2.3.4/tcp/-1", fail.AddrBadValue, 17, "not a port", "", ""},
		{"/ip4/1.2.3.4/tcp/http", fail.AddrBadValue, 12, "lacks its value", "", "/tcp/4001"},
		{"/ip4/1.2.3.4/tcp", fail.AddrBadValue, 12, "a port is missing", "", ""},
		{tcp + "/p2p/", fail.AddrBadValue, 21, "a peer id is missing", "", ""},
		{"/ip4/1.2.3.4/tcp/" + id1, fail.AddrBadValue, 17, "peer id; the port is missing", "", ""},
		{"/ip4/1.2.3/tcp/1", fail.AddrBadValue, 5, "4 numbers, this has 3", "", ""},
		{"/ip4/1.2.3.256/tcp/1", fail.AddrBadValue, 5, "between 0 and 255", "", ""},
		{"/ip4/01.2.3.4/tcp/4001", fail.AddrBadValue, 5, "leading zeros", tcp, ""},
		{"/ip4/1.2.3.4:4001", fail.AddrBadValue, 5, "", tcp, "write " + tcp},
		{"/ip4/::1/tcp/1", fail.AddrBadValue, 5, "IPv6", "/ip6/::1/tcp/1", ""},
		{"/ip4/localhost/tcp/1", fail.AddrBadValue, 5, "a name", "/dns/localhost/tcp/1", ""},
		{"/ip6/1.2.3.4/tcp/4001", fail.AddrBadValue, 5, "IPv4", tcp, ""},
		{"/ip6/::1%lo/tcp/1", fail.AddrBadValue, 5, "zone", "/ip6zone/lo/ip6/::1/tcp/1", ""},
		{"/ip6/[::1]:4001", fail.AddrBadValue, 5, "", "/ip6/::1/tcp/4001", ""},
		{"/dns4/1.2.3.4/tcp/4001", fail.AddrBadValue, 6, "IP address", tcp, ""},
		{"/dns4/ex.com:443/wss", fail.AddrBadValue, 6, "port", "/dns4/ex.com/tcp/443/wss", ""},
		{"/dns4/exämple.com/tcp/1", fail.AddrBadValue, 6, "does not belong", "/dns4/xn--exmple-cua.com/tcp/1", "xn--"},
		{"/dns4/a..b/tcp/1", fail.AddrBadValue, 6, "empty label", "", ""},
		{"/dns4/" + strings.Repeat("a", 64) + ".com/tcp/1", fail.AddrBadValue, 6, "at most 63", "", ""},
		{"/dnsaddr/https://bootstrap.libp2p.io", fail.AddrBadValue, 9, "", "/dnsaddr/bootstrap.libp2p.io", "not a URL"},
		{"/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/" + hash[:40], fail.AddrBadValue, 42, "cut off", "", ""},
		{"/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/abc", fail.AddrBadValue, 42, "multibase", "", "uEi"},
		{"/dns4/ex.com/tcp/1/wss/http-path/f%zz", fail.AddrBadValue, 33, "escape", "", ""},
		{tcp + "/p2p/" + id1[:43], fail.AddrBadPeerID, 26, "it has 43 characters, an ed25519 id beginning with 12D3KooW has 52", "", ""},
		{tcp + "/p2p/" + id2 + "x", fail.AddrBadPeerID, 26, "too long", "", ""},
		{tcp + "/p2p/" + strings.Replace(id1, "z", "0", 1), fail.AddrBadPeerID, 26, "'0' (number 10) is never part", "", ""},
		{tcp + "/p2p/" + strings.ToLower(id1), fail.AddrBadPeerID, 26, "upper and lower case", "", ""},
		{tcp + "/p2p/bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", fail.AddrBadPeerID, 26, "CID of content", "", ""},
		{tcp + "/p2p/hello", fail.AddrBadPeerID, 26, "not a peer id", "", ""},
	}
}

func TestParseExplains(t *testing.T) {
	for _, b := range bads() {
		_, e := Parse(b.in)
		if e == nil {
			t.Errorf("Parse(%q) is good, want %s", clip(b.in, 80), b.code)
			continue
		}
		repair, _ := e.Detail["repair"].(string)
		if e.Code != b.code || e.Detail["offset"] != b.offset || repair != b.repair {
			t.Errorf("Parse(%q) = %s at %v, repair %q; want %s at %d, repair %q", clip(b.in, 80), e.Code, e.Detail["offset"], repair, b.code, b.offset, b.repair)
		}
		if !strings.Contains(e.Message, b.want) || !strings.Contains(e.Hint, b.hint) || e.Hint == "" {
			t.Errorf("Parse(%q): message %q, hint %q; want %q, %q", clip(b.in, 80), e.Message, e.Hint, b.want, b.hint)
		}
		if len(b.in) < 200 && !strings.Contains(e.Message, quote(b.in)) {
			t.Errorf("Parse(%q): %q does not quote the input", b.in, e.Message)
		}
		if repair != "" {
			if _, err := ma.NewMultiaddr(repair); err != nil {
				t.Errorf("Parse(%q): repair %q: %v", b.in, repair, err)
			}
		}
	}
}

func TestParseGood(t *testing.T) {
	relay := "/ip4/1.2.3.4/tcp/4001/p2p/" + id2
	for _, c := range []struct {
		in, transport, id string
		warnings          []fail.Code
	}{
		{" /ip4/1.2.3.4/tcp/4001/p2p/" + id1 + "/\n", "tcp", id1, nil},
		{"/ip4/1.2.3.4/tcp/04001/p2p/" + id1, "tcp", id1, nil},
		{"/ip4/1.2.3.4/tcp/4001", "tcp", "", []fail.Code{fail.AddrMissingPeerID}},
		{"/dns4/ws/tcp/80/ws/p2p/" + id1, "ws", id1, nil},
		{"/dns/example.com/tcp/443/wss/p2p/" + id1, "wss", id1, nil},
		{"/dns/example.com/tcp/443/tls/ws/p2p/" + id1, "wss", id1, nil},
		{"/ip4/1.2.3.4/tcp/443/tls/sni/example.com/ws/p2p/" + id1, "wss", id1, nil},
		{"/ip4/1.2.3.4/udp/1/quic-v1/p2p/" + id1, "quic-v1", id1, nil},
		{"/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/" + hash + "/certhash/" + hash + "/p2p/" + id1, "webtransport", id1, nil},
		{"/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/" + hash + "/p2p/" + id1, "webrtc-direct", id1, nil},
		{relay + "/p2p-circuit/p2p/" + id1, "p2p-circuit", id1, nil},
		{relay + "/p2p-circuit", "p2p-circuit", "", []fail.Code{fail.AddrMissingPeerID}},
		{relay + "/p2p-circuit/webrtc/p2p/" + id1, "webrtc", id1, []fail.Code{fail.AddrWebRTCViaRelay}},
		{"/dnsaddr/bootstrap.libp2p.io", "", "", nil},
		{"/dnsaddr/bootstrap.libp2p.io/ipfs/" + id2, "", id2, []fail.Code{fail.AddrOldSpelling}},
		{relay + "/p2p/" + id1, "tcp", id1, []fail.Code{fail.AddrDuplicatePeerID}},
		{"/ip4/192.168.1.2/tcp/1/p2p/" + id1, "tcp", id1, []fail.Code{fail.AddrPrivate}},
		{"/ip6/::ffff:10.1.1.1/tcp/1/p2p/" + id1, "tcp", id1, []fail.Code{fail.AddrPrivate}},
		{"/ip6zone/lo/ip6/::1/tcp/1/p2p/" + id1, "tcp", id1, []fail.Code{fail.AddrLoopback}},
		{"/ip4/1.2.3.4/tcp/1/p2p/bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u", "tcp", "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV", nil},
	} {
		a, e := Parse(c.in)
		if e != nil {
			t.Errorf("Parse(%q): %v", c.in, e)
			continue
		}
		if a.Transport != c.transport || a.PeerID.String() != c.id {
			t.Errorf("Parse(%q) = %q %q, want %q %q", c.in, a.Transport, a.PeerID, c.transport, c.id)
		}
		var got []fail.Code
		for _, w := range a.Warnings {
			got = append(got, w.Code)
		}
		if len(got) != len(c.warnings) || len(got) > 0 && got[0] != c.warnings[0] {
			t.Errorf("Parse(%q) warns %v, want %v", c.in, got, c.warnings)
		}
		for i, p := range a.Components {
			if a.Input[p.Offset] != '/' || p.Code != a.MA[i].Protocol().Code {
				t.Errorf("Parse(%q): component %d %+v", c.in, i, p)
			}
		}
	}
}

func TestDialable(t *testing.T) {
	relay := "/ip4/1.2.3.4/tcp/4001/p2p/" + id2
	for _, c := range []struct {
		in   string
		code fail.Code
		want string
	}{
		{"/dnsaddr/example.com", "", ""},
		{"/ip4/1.2.3.4/tcp/4001", "", ""},
		{relay + "/p2p-circuit/p2p/" + id1, "", ""},
		{"/dnsaddr/relay.example.com/p2p-circuit/p2p/" + id1, "", ""},
		{"/ip6zone/eth0/ip6/fe80::1/tcp/1", "", ""},
		{"/ip4/1.2.3.4", fail.AddrNoTransport, "/tcp/PORT"},
		{"/ip4/1.2.3.4/udp/4001/p2p/" + id1, fail.AddrNoTransport, "offset 21"},
		{"/ip4/1.2.3.4/udp/4001/webrtc", fail.AddrNoTransport, "relay"},
		{"/ip4/1.2.3.4/udp/4001/webtransport", fail.AddrNoTransport, "quic-v1"},
		{"/ip4/1.2.3.4/tcp/4001/tls", fail.AddrNoTransport, "negotiated"},
		{"/ip4/1.2.3.4/tcp/80/http", fail.AddrNoTransport, "HTTP"},
		{"/ip4/1.2.3.4/tcp/80/certhash/" + hash, fail.AddrNoTransport, "certhash"},
		{"/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234", fail.AddrNoTransport, "onion3"},
		{"/memory/1", fail.AddrNoTransport, "same process"},
		{"/unix/tmp/x", fail.AddrNoTransport, "unix"},
		{"/tcp/1/ip4/1.2.3.4", fail.AddrNoTransport, "host belongs"},
		{"/ip6zone/lo/tcp/1", fail.AddrNoTransport, "before /ip6"},
		{"/ip4/1.2.3.4/udp/1/quic-v1/webtransport", fail.AddrMissingCerthash, "certhash"},
		{"/ip4/1.2.3.4/udp/1/webrtc-direct", fail.AddrMissingCerthash, "offset 18"},
		{"/ip4/0.0.0.0/tcp/4001", fail.AddrUndialable, "wildcard"},
		{"/ip6/::/tcp/4001", fail.AddrUndialable, "wildcard"},
		{"/ip6/::ffff:0.0.0.0/tcp/4001", fail.AddrUndialable, "wildcard"},
		{"/ip4/1.2.3.4/tcp/0", fail.AddrUndialable, "port 0"},
		{"/ip4/224.0.0.1/udp/1/quic-v1", fail.AddrUndialable, "multicast"},
		{"/ip6/fe80::1/tcp/1", fail.AddrUndialable, "link-local"},
		{"/ip4/10.0.0.0/ipcidr/8/tcp/1", fail.AddrUndialable, "range"},
		{"/p2p/" + id1, fail.AddrNeedsRouting, "who but not where"},
		{"/p2p-circuit/p2p/" + id1, fail.RelayBadAddress, "missing"},
		{"/ip4/1.2.3.4/tcp/1/p2p-circuit/p2p/" + id1, fail.RelayBadAddress, "relay's peer id"},
		{"/p2p/" + id2 + "/p2p-circuit/p2p/" + id1, fail.RelayBadAddress, "no address"},
		{relay + "/p2p-circuit/p2p/" + id2 + "/p2p-circuit/p2p/" + id1, fail.RelayBadAddress, "two"},
		{relay + "/p2p-circuit/ip4/1.2.3.4/p2p/" + id1, fail.RelayBadAddress, "may follow"},
		{"/ip4/0.0.0.0/tcp/1/p2p/" + id2 + "/p2p-circuit/p2p/" + id1, fail.AddrUndialable, "wildcard"},
		{relay + "/p2p-circuit", fail.AddrMissingPeerID, "which peer"},
	} {
		a, e := Parse(c.in)
		if e != nil {
			t.Errorf("Parse(%q): %v", c.in, e)
			continue
		}
		e = a.Dialable()
		switch {
		case e == nil && c.code == "":
		case e == nil || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "":
			t.Errorf("Dialable(%q) = %+v, want %s %q", c.in, e, c.code, c.want)
		}
	}
}

func TestPublicAndBrowser(t *testing.T) {
	for in, want := range map[string]bool{
		"/ip4/51.15.1.1/tcp/1": true, "/ip4/100.64.0.1/tcp/1": false, "/ip4/192.0.2.1/tcp/1": false, "/ip6/2a00:1450::1/tcp/1": true,
		"/ip6/fd00::1/tcp/1": false, "/ip6/64:ff9b::a00:1/tcp/1": false, "/ip6/64:ff9b::3333:1/tcp/1": true, "/ip6/2002:a00:1::/tcp/1": false,
		"/ip6/::ffff:127.0.0.1/tcp/1": false, "/ip6/64:ff9b:1::1/tcp/1": false, "/dns/example.com/tcp/1": true, "/dns/nas.local/tcp/1": false, "/dns/relay/tcp/1": false,
		"/dnsaddr/bootstrap.libp2p.io": true, "/p2p/" + id1: false, "/ip4/51.15.1.1/tcp/1/p2p/" + id2 + "/p2p-circuit/p2p/" + id1: true,
	} {
		if got := Public(ma.StringCast(in)); got != want {
			t.Errorf("Public(%s) = %v", in, got)
		}
	}
	for in, want := range map[string]Reach{
		"/ip4/1.2.3.4/tcp/1":      {},
		"/ip4/1.2.3.4/tcp/1/ws":   {WS: true},
		"/dns/a.com/tcp/1/tls/ws": {WSS: true},
		"/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/" + hash:           {WebTransport: true},
		"/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/" + hash:                  {WebRTCDirect: true},
		"/ip4/1.2.3.4/udp/1/webrtc-direct":                                   {},
		"/dns/a.com/tcp/1/wss/p2p/" + id2 + "/p2p-circuit/webrtc/p2p/" + id1: {WSS: true},
	} {
		if got := Browser(ma.StringCast(in)); got != want {
			t.Errorf("Browser(%s) = %+v", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range bads() {
		f.Add(b.in)
	}
	f.Add("/ip4/1.2.3.4/tcp/4001/p2p/" + id2 + "/p2p-circuit/webrtc/p2p/" + id1)
	f.Add("/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/" + hash)
	f.Add("/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234")
	f.Fuzz(func(t *testing.T, s string) {
		a, e := Parse(s)
		if e != nil {
			if !e.Code.Known() || e.Message == "" || e.Hint == "" {
				t.Fatalf("Parse(%q) = %+v", s, e)
			}
			if n, ok := e.Detail["offset"].(int); !ok || n < 0 || n > len(s) {
				t.Fatalf("Parse(%q): offset %v", s, e.Detail["offset"])
			}
			return
		}
		again, e := Parse(a.MA.String())
		if e != nil || !again.MA.Equal(a.MA) {
			t.Fatalf("Parse(%q) = %q, which does not parse again: %v", s, a.MA, e)
		}
		if m, err := ma.NewMultiaddr(a.MA.String()); err != nil || !m.Equal(a.MA) {
			t.Fatalf("go-multiaddr reads %q as %v, %v", a.MA, m, err)
		}
		_, _, _ = a.Dialable(), Public(a.MA), Browser(a.MA)
	})
}
