package explain

import (
	"slices"
	"strings"
	"testing"

	"p2p/lib/fail"
)

const (
	idA = "12D3KooWSVopCBbyHUwAwTNCJyev6B6HvupvCAm6VT2d7hXHsQTr"
	idB = "12D3KooWPXh3crPaJFckwvDKb2gvNeJoDFeSWXmcDqSNGS4etonh"
	idC = "12D3KooWF5stbm6E8d1G8XqfjCGbcRs926Vpz2W7xzmBEq3To6ZA"
	atA = "/ip4/192.0.2.7/tcp/4001/p2p/" + idA
)

// Texts that no test here can make for real: other programs, other machines, other versions. The
// code must be the first match, and the command must end as given.
func TestTexts(t *testing.T) {
	for _, c := range []struct {
		text    string
		code    fail.Code
		command string // after "p2p probe "; "" is not looked at
	}{
		{"failed to dial " + idA + ": all dials failed", "dial.timeout", "<multiaddr>"},
		{"failed to dial " + idA + ": dial backoff", "dial.timeout", ""},
		{"dial tcp4 0.0.0.0:4001->192.0.2.7:4001: i/o timeout", "dial.timeout", ""},
		{"* [/ip4/192.0.2.7/tcp/4001] dial tcp4 192.0.2.7:4001: i/o timeout", "dial.timeout", "/ip4/192.0.2.7/tcp/4001"},
		{"dial tcp 192.0.2.7:4001: connect: no route to host", "dial.host_unreachable", "/ip4/192.0.2.7/tcp/4001"},
		{"dial tcp6 [2001:db8::7]:4001: connect: network is unreachable", "dial.no_route", "/ip6/2001:db8::7/tcp/4001"},
		{atA + ": failed to negotiate security protocol: unexpected EOF", "dial.wrong_service", atA},
		{atA + ": failed to negotiate security protocol: remote error: tls: bad certificate", "tls.client_cert", atA},
		{"timeout: no recent network activity", "dial.timeout", ""},
		{"CRYPTO_ERROR 0x178 (remote): tls: no application protocol", "quic.alpn", ""},
		{"CRYPTO_ERROR 0x12a (local): peer id mismatch: expected " + idA + ", but remote key matches " + idC, "security.peer_id_mismatch", "<multiaddr>"},
		{"CONNECTION_REFUSED (remote)", "conn.resource_limit", ""},
		{"error opening relay circuit: RESERVATION_REFUSED (200)", "relay.full", ""},
		{"error opening relay circuit: PERMISSION_DENIED (202)", "relay.denied", ""},
		{"error opening relay circuit: CONNECTION_FAILED (203)", "relay.target_unreachable", ""},
		{"error opening relay circuit: RESOURCE_LIMIT_EXCEEDED (201)", "relay.full", ""},
		{"stream reset", "protocol.unsupported", ""},
		{"protocols not supported: [/ipfs/kad/1.0.0]", "protocol.unsupported", "<multiaddr> --want /ipfs/kad/1.0.0"},
		{`failed to parse multiaddr "/dns4/star.example.com/tcp/443/wss/p2p-webrtc-star": unknown protocol p2p-webrtc-star`, "addr.obsolete_protocol", "/dns4/star.example.com/tcp/443/wss/p2p-webrtc-star"},
		{`failed to parse multiaddr "/ip4/192.0.2.7/tcp/4001/p2p/QmYyQ": invalid value "QmYyQ" for protocol p2p: failed to parse p2p addr: QmYyQ length greater than remaining number of bytes in buffer`, "addr.bad_peer_id", "/ip4/192.0.2.7/tcp/4001/p2p/QmYyQ"},
		{`invalid value "99999" for protocol tcp: failed to parse port addr: greater than 65536`, "addr.bad_value", ""},
		{"must begin with /", "addr.syntax", ""},
		{"privnet: could not connect: not allowed by policy of forced usage of PNet", "pnet.required", "<multiaddr> --swarm-key swarm.key"},
		{"WebTransport doesn't support private networks yet", "pnet.transport", ""},
		{"x509: certificate is not valid for any names, but wanted to match node.example.com", "tls.wrong_host", ""},
		{"lookup node.example.com on 192.0.2.53:53: no such host", "dns.nxdomain", ""},
		{"lookup node.example.com: i/o timeout", "dns.timeout", ""},
		{"dial refused because of black hole", "dial.timeout", ""},
		{"accept tcp4: connections per ip limit exceeded for 192.0.2.9", "conn.resource_limit", ""},

		{"LimitedConnectionError: Cannot open protocol stream on limited connection", "relay.limited", ""},
		{"AggregateError: All promises were rejected", "dial.timeout", ""},
		{"Error: connect ETIMEDOUT 192.0.2.7:4001", "dial.timeout", "/ip4/192.0.2.7/tcp/4001"},
		{"connection error nope.example.com:4001: getaddrinfo ENOTFOUND nope.example.com", "dns.nxdomain", "/dns/nope.example.com/tcp/4001"},
		{"getaddrinfo EAI_AGAIN node.example.com", "dns.timeout", ""},
		{"Received network error or non-101 status code.", "ws.status", ""},
		{"WebTransportError: Opening handshake failed.", "webtransport.certhash_mismatch", ""},
		{"MuxerUnavailableError: Connection is not multiplexed", "muxer.no_common", "<multiaddr> --muxer yamux,mplex"},
		{"CodeError: protocol selection failed", "muxer.no_common", ""},
		{"TransportUnavailableError: No transport available for address " + atA, "addr.no_transport", atA + " --browser"},
		{"Transport (@libp2p/websockets) could not dial address " + atA, "addr.no_transport", atA + " --browser"},
		{"Multiaddr /dns4/node.example.com/udp/1/webrtc-direct was not an IPv4 or IPv6 address", "addr.bad_value", ""},

		{`Failed to negotiate transport protocol(s): [(` + atA + `: : Connection refused (os error 111))]`, "dial.refused", atA},
		{`Transport([("` + atA + `", Other(Custom { kind: Other, error: Timeout }))])`, "dial.timeout", atA},
		{`OutgoingConnectionError { error: Transport([(` + atA + `, Other(Custom { kind: Other, error: Custom { kind: Other, error: Select(NegotiationError(Failed)) } }))]) }`, "security.no_common", atA},
		{`Upgrade(Select(ProtocolError(InvalidMessage)))`, "dial.wrong_service", ""},
		{`Dial error: Unexpected peer ID ` + idC + ` at Dialer { address: ` + atA + ` }.`, "security.peer_id_mismatch", "/ip4/192.0.2.7/tcp/4001/p2p/" + idC},
		{`WrongPeerId { obtained: PeerId("` + idC + `"), address: ` + atA + ` }`, "security.peer_id_mismatch", "/ip4/192.0.2.7/tcp/4001/p2p/" + idC},
		{"Relay has no reservation for destination.", "relay.no_reservation", ""},
		{`MultiaddrNotSupported("/ip4/192.0.2.7/udp/4001/quic-v1")`, "addr.no_transport", "/ip4/192.0.2.7/udp/4001/quic-v1"},
		{"Denied { cause: ConnectionDenied { inner: Exceeded { limit: 10, kind: EstablishedIncoming } } }", "conn.resource_limit", ""},
		{"PublishError: InsufficientPeers", "not_found", ""},

		{"Error: failed to find any peer in table", "not_found", ""},
		{"Error: routing: not found", "not_found", ""},
		{"connect " + idA + " failure: failed to dial " + idA + ": all dials failed", "dial.timeout", ""},
		{"Error: invalid peer address: found no ipfs peers at", "addr.missing_peer_id", ""},

		{"WebSocket connection to 'wss://node.example.com:4443/' failed: Error in connection establishment: net::ERR_CERT_AUTHORITY_INVALID", "tls.unknown_authority", "/dns/node.example.com/tcp/4443/tls/ws --browser"},
		{"WebSocket connection to 'ws://192.0.2.7:4001/' failed: net::ERR_CONNECTION_REFUSED", "dial.refused", "/ip4/192.0.2.7/tcp/4001/ws --browser"},
		{"net::ERR_CERT_COMMON_NAME_INVALID", "tls.wrong_host", ""},
		{"net::ERR_CERT_DATE_INVALID", "tls.expired", ""},
		{"net::ERR_SSL_PROTOCOL_ERROR", "tls.not_tls", ""},
		{"net::ERR_NAME_NOT_RESOLVED", "dns.nxdomain", ""},
		{"WebSocket connection to 'wss://node.example.com/' failed: Error during WebSocket handshake: Unexpected response code: 502", "ws.bad_gateway", "/dns/node.example.com/tcp/443/tls/ws --browser"},
		{"WebSocket connection to 'wss://node.example.com/' failed: ", "ws.status", "/dns/node.example.com/tcp/443/tls/ws --browser"},
		{"Firefox can’t establish a connection to the server at wss://node.example.com/.", "ws.status", "/dns/node.example.com/tcp/443/tls/ws --browser"},
		{"SecurityError: Failed to construct 'WebSocket': An insecure WebSocket connection may not be initiated from a page loaded over HTTPS.", "dial.forbidden", ""},
		{"Failed to establish a connection to https://192.0.2.7:4001/.well-known/libp2p-webtransport?type=noise: net::ERR_QUIC_PROTOCOL_ERROR.QUIC_TLS_CERTIFICATE_UNKNOWN", "webtransport.certhash_mismatch", "/ip4/192.0.2.7/udp/4001/quic-v1/webtransport --browser"},

		{`p2p: error: "` + atA + `": certificate ended 3 days ago [tls.expired]`, "tls.expired", atA},
		{`{"error":{"code":"relay.full","stage":"relay","message":"x"}}`, "relay.full", ""},
	} {
		m := Match(c.text)
		if len(m.Found) == 0 || m.Found[0].Code != c.code {
			t.Errorf("%q: want %s first, got %+v", c.text, c.code, codesOf(m))
			continue
		}
		if got := m.Found[0].ConfirmCommand; c.command != "" && got != "p2p probe "+c.command {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, "p2p probe "+c.command)
		}
	}
}

func codesOf(m Matches) []fail.Code {
	var codes []fail.Code
	for _, f := range m.Found {
		codes = append(codes, f.Code)
	}
	return codes
}

// A list of errors of several addresses: each address has its own cause, and a relay's failure in the
// middle does not lend its peer id to the others.
func TestLists(t *testing.T) {
	circuit := "/ip4/192.0.2.9/tcp/4001/p2p/" + idB + "/p2p-circuit"
	m := Match("failed to dial: failed to dial " + idA + ": all dials failed\n" +
		"  * [/ip4/192.0.2.7/tcp/4001/ws] websocket: bad handshake\n" +
		"  * [" + circuit + "] error opening hop stream to relay: failed to dial: failed to dial " + idB + ": all dials failed\n" +
		"  * [/ip4/192.0.2.9/tcp/4001] dial tcp4 192.0.2.9:4001: connect: connection refused\n" +
		"  * [/ip4/192.0.2.8/tcp/4001] dial backoff")
	for _, want := range []Cause{
		{Code: "ws.status", Address: "/ip4/192.0.2.7/tcp/4001/ws/p2p/" + idA},
		{Code: "relay.unreachable", Address: circuit + "/p2p/" + idA},
		{Code: "dial.refused", Address: "/ip4/192.0.2.9/tcp/4001/p2p/" + idB},
		{Code: "dial.timeout", Address: "/ip4/192.0.2.8/tcp/4001/p2p/" + idA},
	} {
		if !slices.ContainsFunc(m.Found, func(c Cause) bool { return c.Code == want.Code && c.Address == want.Address }) {
			t.Errorf("no %s for %s in %v", want.Code, want.Address, m.Found)
		}
	}
	if m.Found[0].Code != "relay.unreachable" || len(m.Addresses) != 4 {
		t.Errorf("first %s, %d addresses: %v", m.Found[0].Code, len(m.Addresses), m.Addresses)
	}
}

// A wording that names the cause leaves no room for the weaker ones around it.
func TestPrecise(t *testing.T) {
	m := Match("failed to dial " + idA + ": all dials failed\n  * [/ip4/192.0.2.7/tcp/4001] failed to negotiate security protocol: peer id mismatch: expected " + idA + ", but remote key matches " + idC)
	if len(m.Found) != 1 || m.Found[0].Code != fail.SecurityPeerIDMismatch {
		t.Errorf("%v", codesOf(m))
	}
}

func TestQuiet(t *testing.T) {
	for _, text := range []string{"", "-", "all is well", "listening on " + atA, "GET https://example.com/p2p/x 200", strings.Repeat("\n", 5000)} {
		if m := Match(text); len(m.Found) != 0 {
			t.Errorf("%.60q: %v", text, codesOf(m))
		}
	}
	if m := Match("see https://example.com/ip4/192.0.2.7/tcp/1: connection refused"); len(m.Addresses) != 0 {
		t.Errorf("a path of a URL is no address: %v", m.Addresses)
	}
}
