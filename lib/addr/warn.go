package addr

import (
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// warn adds what does not stop a dial but surprises: no id, two ids, addresses nobody else reaches.
func (a *Address) warn() {
	add := func(e *fail.Error) { a.Warnings = append(a.Warnings, e) }
	dest := a.MA
	if a.Relay != nil {
		dest = a.MA[len(a.Relay.MA)+1:]
	}
	if a.PeerID == "" && !has(dest, ma.P_DNSADDR) {
		add(fail.New(fail.AddrMissingPeerID, "address %s has no /p2p/ID: whoever answers cannot be verified", quote(a.Input)).
			WithHint("append /p2p/ID with the id of the peer that you expect"))
	}
	for i := range a.MA {
		c := a.MA[i]
		switch code := c.Protocol().Code; {
		case code == ma.P_P2P && i > 0 && a.MA[i-1].Protocol().Code == ma.P_P2P:
			add(a.no(fail.AddrDuplicatePeerID, i, "a second /p2p/ID follows the first; the last one counts").
				WithHint("leave %s out if it is not the peer", a.MA[i-1].String()))
		case code == ma.P_IP4 || code == ma.P_IP6:
			ip := Embedded(ipOf(c))
			switch {
			case ip.IsLoopback():
				add(a.no(fail.AddrLoopback, i, ip.String()+" is this machine itself").WithHint("other machines need another address of the peer"))
			case !ip.IsUnspecified() && !PublicIP(ip):
				add(a.no(fail.AddrPrivate, i, ip.String()+" is not reachable from the internet").WithHint("peers outside this network need a public address or a relay"))
			}
		}
	}
	if a.Transport == "webrtc" {
		add(fail.New(fail.AddrWebRTCViaRelay, "address %s: the circuit to the peer can be dialed, /webrtc itself is not tried: it is negotiated over the circuit", quote(a.Input)).
			WithHint("if the circuit works and the peer speaks /webrtc-signaling/0.0.1, browsers can connect"))
	}
}

func oldSpelling(in string, offset int, id string) *fail.Error {
	return fail.New(fail.AddrOldSpelling, "address %s: at offset %d: /ipfs/ is the old spelling of /p2p/", quote(in), offset).
		WithHint("write /p2p/%s", id).WithDetail("offset", offset)
}
