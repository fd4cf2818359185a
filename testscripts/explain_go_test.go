package testscripts

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"

	"p2p/lib/explain"
	"p2p/lib/fail"
)

// noSuchName answers every DNS question with NXDOMAIN, so that no test asks a real server.
type noSuchName struct{}

func (noSuchName) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (noSuchName) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// denyAll is a gater that refuses every dial, as a client with a block list does.
type denyAll struct{}

func (denyAll) InterceptPeerDial(peer.ID) bool               { return false }
func (denyAll) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return false }
func (denyAll) InterceptAccept(network.ConnMultiaddrs) bool  { return false }
func (denyAll) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool {
	return false
}
func (denyAll) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return false, 0 }

// fault is what a real client said, and the address that the command must have: the one dialed, or
// what the text shows to be right; "" where the text holds none.
type fault struct{ text, addr string }

func dialed(t *testing.T, h host.Host, addr string) fault {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := connect(ctx, h, addr)
	if err == nil {
		t.Fatalf("dialing %s succeeded", addr)
	}
	return fault{err.Error(), addr}
}

// goFaults makes each fault for real and hands out what go-libp2p says about it.
func goFaults(t *testing.T) []goFault {
	t.Helper()
	id := newID(t)
	h := func(o ...libp2p.Option) host.Host { return newHost(t, append(o, libp2p.NoListenAddrs)...) }
	return []goFault{
		{"refused", "dial.refused", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", closedPort(t), id))
		}},
		{"refusedws", "dial.refused", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/ws/p2p/%s", closedPort(t), id))
		}},
		{"wrongid", "security.peer_id_mismatch", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			return fault{dialed(t, h(), s.Addrs()[0].String()+"/p2p/"+id.String()).text, full(t, s, "ip4")} // the corrected address
		}},
		{"wrongidquic", "security.peer_id_mismatch", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/udp/0/quic-v1"))
			return fault{dialed(t, h(), s.Addrs()[0].String()+"/p2p/"+id.String()).text, full(t, s, "ip4")} // the corrected address
		}},
		{"silent", "dial.silent", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", rawServer(t, func(net.Conn) {}), id))
		}},
		{"eof", "dial.closed", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", rawServer(t, func(c net.Conn) { c.Close() }), id))
		}},
		{"reset", "dial.closed", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", rawServer(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }), id))
		}},
		{"ssh", "dial.silent", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", rawServer(t, func(c net.Conn) { c.Write([]byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) }), id))
		}},
		{"http", "dial.wrong_service", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", httpServer(t), id))
		}},
		{"wshttp", "ws.status", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/ws/p2p/%s", httpServer(t), id))
		}},
		{"wsraw", "ws.raw_libp2p", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, h(), s.Addrs()[0].String()+"/ws/p2p/"+s.ID().String())
		}},
		{"wssplain", "tls.not_tls", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/tls/ws/p2p/%s", httpServer(t), id))
		}},
		{"wsself", "tls.self_signed", func(t *testing.T) fault {
			a, _ := wssHost(t, certificate(t, -time.Hour, time.Hour, "127.0.0.1"))
			return dialed(t, h(), a)
		}},
		{"wsexpired", "tls.expired", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, -2*time.Hour, -time.Hour, "127.0.0.1"))
			return dialed(t, h(wssClient(p)), a)
		}},
		{"wsearly", "tls.not_yet_valid", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, time.Hour, 2*time.Hour, "127.0.0.1"))
			return dialed(t, h(wssClient(p)), a)
		}},
		{"wsnoip", "tls.no_ip_san", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, -time.Hour, 2*time.Hour, "node.example.com"))
			return dialed(t, h(wssClient(p)), a)
		}},
		{"wshostname", "tls.wrong_host", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, -time.Hour, 2*time.Hour, "node.example.com"))
			return dialed(t, h(wssClient(p)), strings.Replace(a, "/tls/ws", "/tls/sni/other.example.com/ws", 1))
		}},
		{"wstlsport", "ws.tls_port", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, -time.Hour, 2*time.Hour, "127.0.0.1"))
			return dialed(t, h(wssClient(p)), strings.Replace(a, "/tls/ws", "/ws", 1))
		}},
		{"tcptlsport", "addr.no_transport", func(t *testing.T) fault {
			a, p := wssHost(t, certificate(t, -time.Hour, 2*time.Hour, "127.0.0.1"))
			return dialed(t, h(wssClient(p)), strings.Replace(a, "/tls/ws", "", 1))
		}},
		{"muxer", "muxer.no_common", func(t *testing.T) fault { return dialed(t, h(), full(t, muxerlessHost(t), "tcp")) }},
		{"security", "security.no_common", func(t *testing.T) fault {
			return dialed(t, h(libp2p.Security(noise.ID, noise.New), libp2p.Transport(tcp.NewTCPTransport)), full(t, tlsOnlyHost(t), "tcp"))
		}},
		{"pskrequired", "pnet.required", func(t *testing.T) fault {
			s := newHost(t, libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(tcp.NewTCPTransport), listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, h(), full(t, s, "tcp"))
		}},
		{"pskmismatch", "pnet.mismatch", func(t *testing.T) fault {
			s := newHost(t, libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(tcp.NewTCPTransport), listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, h(libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(tcp.NewTCPTransport)), full(t, s, "tcp"))
		}},
		{"psknotprivate", "pnet.not_private", func(t *testing.T) fault {
			s := newHost(t, libp2p.Transport(tcp.NewTCPTransport), listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, h(libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(tcp.NewTCPTransport)), full(t, s, "tcp"))
		}},
		{"dns", "dns.nxdomain", func(t *testing.T) fault {
			r, _ := madns.NewResolver(madns.WithDefaultResolver(noSuchName{}))
			return fault{text: dialed(t, h(libp2p.MultiaddrResolver(swarm.ResolverFromMaDNS{Resolver: r})), "/dns4/nope.example.com/tcp/4001/p2p/"+id.String()).text}
		}},
		{"dnsaddr", "dns.no_dnsaddr", func(t *testing.T) fault {
			r, _ := madns.NewResolver(madns.WithDefaultResolver(noSuchName{}))
			return fault{text: dialed(t, h(libp2p.MultiaddrResolver(swarm.ResolverFromMaDNS{Resolver: r})), "/dnsaddr/nope.example.com/p2p/"+id.String()).text}
		}},
		{"wtcerthash", "webtransport.certhash_mismatch", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/udp/0/quic-v1/webtransport"))
			a := full(t, s, "webtransport")
			base, hashes, _ := strings.Cut(a, "/certhash/")
			current, _, _ := strings.Cut(hashes, "/")
			f := dialed(t, h(), base+"/certhash/uEiANfmkbiaEutV2zTBQkJtzdFgVOYzcHPkti4M_o7DRucg/p2p/"+s.ID().String())
			return fault{f.text, base + "/certhash/" + current + "/p2p/" + s.ID().String()} // the corrected address
		}},
		{"wtnohash", "addr.missing_certhash", func(t *testing.T) fault {
			return dialed(t, h(), "/ip4/127.0.0.1/udp/4001/quic-v1/webtransport/p2p/"+id.String())
		}},
		{"webrtccerthash", "webrtc.certhash_mismatch", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/udp/0/webrtc-direct"))
			a := full(t, s, "webrtc")
			i := strings.Index(a, "/certhash/")
			return dialed(t, h(), a[:i]+"/certhash/uEiANfmkbiaEutV2zTBQkJtzdFgVOYzcHPkti4M_o7DRucg/p2p/"+s.ID().String())
		}},
		{"webrtcclosed", "webrtc.no_listener", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/udp/%d/webrtc-direct/certhash/uEiANfmkbiaEutV2zTBQkJtzdFgVOYzcHPkti4M_o7DRucg/p2p/%s", closedPort(t), id))
		}},
		{"quicclosed", "dial.refused", func(t *testing.T) fault {
			return dialed(t, h(), fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1/p2p/%s", closedPort(t), id))
		}},
		{"quicalpn", "quic.alpn", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/udp/0/quic-v1/webtransport"))
			a := full(t, s, "webtransport")
			return dialed(t, h(), a[:strings.Index(a, "/webtransport")]+"/p2p/"+s.ID().String())
		}},
		{"quicgater", "conn.closed", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/udp/0/quic-v1"), libp2p.ConnectionGater(denyAll{}))
			c := h()
			a := full(t, s, "quic")
			if err := connect(context.Background(), c, a); err != nil {
				return fault{err.Error(), a}
			}
			_, err := c.NewStream(context.Background(), s.ID(), "/ipfs/ping/1.0.0")
			return fault{text: err.Error()}
		}},
		{"tcpgater", "dial.closed", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"), libp2p.ConnectionGater(denyAll{}))
			return dialed(t, h(), full(t, s, "tcp"))
		}},
		{"gater", "dial.forbidden", func(t *testing.T) fault {
			return fault{text: dialed(t, h(libp2p.ConnectionGater(denyAll{})), "/ip4/127.0.0.1/tcp/4001/p2p/"+id.String()).text}
		}},
		{"rlimit", "conn.resource_limit", func(t *testing.T) fault {
			l := rcmgr.InfiniteLimits
			cfg := rcmgr.PartialLimitConfig{System: rcmgr.ResourceLimits{ConnsOutbound: rcmgr.BlockAllLimit, Conns: rcmgr.BlockAllLimit}}.Build(l)
			rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(cfg))
			if err != nil {
				t.Fatal(err)
			}
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, h(libp2p.ResourceManager(rm)), full(t, s, "tcp"))
		}},
		{"rlimitremote", "conn.resource_limit", func(t *testing.T) fault {
			l := rcmgr.InfiniteLimits
			cfg := rcmgr.PartialLimitConfig{System: rcmgr.ResourceLimits{ConnsInbound: rcmgr.BlockAllLimit, Conns: rcmgr.BlockAllLimit}}.Build(l)
			rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(cfg))
			if err != nil {
				t.Fatal(err)
			}
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"), listen("/ip4/127.0.0.1/udp/0/quic-v1"), libp2p.ResourceManager(rm))
			return dialed(t, h(), full(t, s, "tcp"))
		}},
		{"notransport", "addr.no_transport", func(t *testing.T) fault {
			return dialed(t, h(), "/ip4/127.0.0.1/udp/4001/p2p/"+id.String())
		}},
		{"unspecified", "addr.undialable", func(t *testing.T) fault {
			return fault{text: dialed(t, h(), "/ip4/0.0.0.0/tcp/4001/p2p/"+id.String()).text}
		}},
		{"noaddrs", "addr.needs_routing", func(t *testing.T) fault {
			return fault{text: dialed(t, h(), "/p2p/"+id.String()).text}
		}},
		{"self", "dial.self", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			_, err := s.Network().DialPeer(context.Background(), s.ID())
			return fault{text: err.Error()}
		}},
		{"noroute", "dial.no_route", func(t *testing.T) fault {
			return dialed(t, h(), "/ip6/2a00::1/tcp/4001/p2p/"+id.String())
		}},
		{"relaynores", "relay.no_reservation", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			rr, err := relay.New(s)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { rr.Close() })
			return dialed(t, newHost(t, libp2p.NoListenAddrs, libp2p.EnableRelay()), full(t, s, "tcp")+"/p2p-circuit/p2p/"+id.String())
		}},
		{"relaynot", "relay.not_a_relay", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			return dialed(t, newHost(t, libp2p.NoListenAddrs, libp2p.EnableRelay()), full(t, s, "tcp")+"/p2p-circuit/p2p/"+id.String())
		}},
		{"relaydead", "relay.unreachable", func(t *testing.T) fault {
			return dialed(t, newHost(t, libp2p.NoListenAddrs, libp2p.EnableRelay()), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s/p2p-circuit/p2p/%s", closedPort(t), newID(t), id))
		}},
		{"backoff", "dial.refused", func(t *testing.T) fault {
			c := h()
			a := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", closedPort(t), id)
			connect(context.Background(), c, a)
			return dialed(t, c, a)
		}},
		{"protocol", "protocol.unsupported", func(t *testing.T) fault {
			s := newHost(t, listen("/ip4/127.0.0.1/tcp/0"))
			c := h()
			if err := connect(context.Background(), c, full(t, s, "tcp")); err != nil {
				t.Fatal(err)
			}
			_, err := c.NewStream(context.Background(), s.ID(), "/lab/none/1.0.0")
			return fault{text: err.Error()}
		}},
		{"listentaken", "listen.in_use", func(t *testing.T) fault {
			_, err := libp2p.New(libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", rawServer(t, func(net.Conn) {}))))
			return fault{text: err.Error()}
		}},
		{"pskquic", "pnet.transport", func(t *testing.T) fault {
			_, err := libp2p.New(libp2p.PrivateNetwork(newPSK(t)), libp2p.Transport(libp2pquic.NewTransport), listen("/ip4/127.0.0.1/udp/0/quic-v1"))
			return fault{text: err.Error()}
		}},
	}
}

type goFault struct {
	name string
	code fail.Code
	run  func(t *testing.T) fault
}

// What a real go-libp2p client says about a real fault leads to its code, and to a command with the
// address that it dialed.
func TestExplainGo(t *testing.T) {
	for _, f := range goFaults(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			got := f.run(t)
			m := explain.Match(got.text)
			i := slices.IndexFunc(m.Found, func(c explain.Cause) bool { return c.Code == f.code })
			most := 4
			if strings.HasPrefix(f.name, "psk") { // random bytes, read as lengths, end in one of several texts
				most = 6
			}
			if i < 0 || i >= most {
				t.Fatalf("%s is not among the first matches of %q: %+v", f.code, got.text, m.Found)
			}
			command := m.Found[i].ConfirmCommand
			switch {
			case !strings.HasPrefix(command, "p2p probe "):
				t.Errorf("command %q", command)
			case got.addr != "" && !strings.Contains(command+" ", " "+got.addr+" "):
				t.Errorf("%q does not probe %q; the text: %q", command, got.addr, got.text)
			case got.addr == "" && !strings.Contains(command, "<multiaddr>"):
				t.Errorf("%q has an address that is not in the text: %q", command, got.text)
			}
		})
	}
}
