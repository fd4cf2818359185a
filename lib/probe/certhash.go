package probe

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multibase"

	"p2p/lib/fail"
)

const maxCertLife = 14 * 24 * time.Hour // of a certificate that is known by its hash (W3C WebTransport)

// checkCert compares the certificate with the address, as a browser does, and with what the peer announces, as libp2p does.
func (w *walk) checkCert(x *h3, key crypto.PubKey) *fail.Error {
	var id peer.ID
	if key != nil {
		id, _ = peer.IDFromPublicKey(key)
	}
	listed := certhashes(w.spot.ma)
	if !slices.ContainsFunc(listed, x.is) {
		return w.wrongCerthash(x, id)
	}
	if key == nil {
		return nil
	}
	if len(x.announced) > 0 && !slices.ContainsFunc(x.announced, x.is) {
		return fail.New(fail.WebTransportCerthash, "%s presents a certificate that the peer %s does not announce as its own", w.who(), id).
			WithDetail("actual", certhashText(x.hash)).WithHint("something in between terminates the TLS, or the node forwards another node's port")
	}
	for _, l := range listed {
		if !slices.ContainsFunc(x.announced, func(a []byte) bool { return slices.Equal(a, l) }) {
			return w.wrongCerthash(x, id)
		}
	}
	return w.certDates(x.leaf)
}

// certDates holds what a browser demands of a certificate that it knows by its hash.
func (w *walk) certDates(leaf []byte) *fail.Error {
	cert, err := x509.ParseCertificate(leaf)
	if err != nil {
		return fail.New(fail.TLSMalformed, "the certificate of %s cannot be read", w.who()).WithHint("look at the node's version").WithCause(err)
	}
	now, clock := time.Now(), "restart the node: it renews its certificate; and compare the clocks of both machines"
	switch {
	case now.After(cert.NotAfter):
		return fail.New(fail.TLSExpired, "the certificate of %s expired at %s", w.who(), cert.NotAfter.UTC().Format(time.RFC3339)).
			WithDetail("not_after", cert.NotAfter.UTC()).WithHint("%s", clock)
	case now.Before(cert.NotBefore):
		return fail.New(fail.TLSNotYetValid, "the certificate of %s is valid from %s on", w.who(), cert.NotBefore.UTC().Format(time.RFC3339)).
			WithDetail("not_before", cert.NotBefore.UTC()).WithHint("%s", clock)
	case cert.NotAfter.Sub(cert.NotBefore) > maxCertLife, cert.PublicKeyAlgorithm == x509.RSA:
		return fail.New(fail.SecurityFailed, "the certificate of %s is one that no browser accepts by its hash: %s, valid for %.0f days",
			w.who(), cert.PublicKeyAlgorithm, cert.NotAfter.Sub(cert.NotBefore).Hours()/24).
			WithHint("let the node make its own: ECDSA, valid for 14 days at most")
	}
	return nil
}

// wrongCerthash says which address would be right now: the announced hashes, else that of the certificate.
func (w *walk) wrongCerthash(x *h3, id peer.ID) *fail.Error {
	hashes := [][]byte{x.hash}
	if slices.ContainsFunc(x.announced, x.is) {
		hashes = x.announced
	}
	fixed := w.spot.with("/udp/"+w.port()+"/quic-v1/webtransport"+certhashParts(hashes), id)
	e := fail.New(fail.WebTransportCerthash, "the certificate of %s is not one of the %d in the address: its hash is %s", w.who(), len(certhashes(w.spot.ma)), certhashText(x.hash))
	why := "the certificate is renewed every 14 days, and the address is older"
	switch {
	case slices.ContainsFunc(certhashes(w.spot.ma), x.is):
		e = fail.New(fail.WebTransportCerthash, "the address has a certhash that %s no longer announces; libp2p demands that all are known", w.who())
	case id != "" && w.spot.peer != "" && id != w.spot.peer:
		e.Message += fmt.Sprintf("; and the peer is another one, %s", id)
		e, why = e.WithDetail("actual_peer_id", id.String()), "was the node's identity regenerated?"
	}
	return e.WithDetail("actual", certhashText(x.hash)).WithDetail("repaired", fixed).WithHint("%s: p2p probe %s", why, fixed)
}

// certhashes returns the multihashes in an address.
func certhashes(m ma.Multiaddr) [][]byte {
	var all [][]byte
	for _, c := range m {
		if c.Protocol().Code == ma.P_CERTHASH {
			all = append(all, c.RawValue())
		}
	}
	return all
}

func certhashText(hash []byte) string {
	text, err := multibase.Encode(multibase.Base64url, hash)
	if err != nil {
		return ""
	}
	return text
}

func certhashParts(hashes [][]byte) string {
	text := ""
	for _, h := range hashes {
		text += "/certhash/" + certhashText(h)
	}
	return text
}
