package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"p2p/lib/addr"
	"p2p/lib/fail"
)

// tls runs the TLS handshake of a secure WebSocket and judges the certificate itself, so that every
// fault of it has its own name. Nothing is trusted before that judgement.
func (w *walk) tls(ctx context.Context) *fail.Error {
	return w.stage(ctx, "tls", w.p.o.StageTimeout, func(ctx context.Context, s *Stage) *fail.Error {
		defer limit(ctx, w.raw)()
		asked := false
		c := tls.Client(w.raw, &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // judged below, by certificate
			ServerName:         w.spot.host,
			NextProtos:         []string{"http/1.1"}, // h2 would break the upgrade
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				return &tls.Certificate{}, nil
			},
		})
		watched := w.watchPath(ctx, false)
		err := c.HandshakeContext(ctx)
		way := watched()
		if err != nil {
			if e := w.vanished(way, "our ClientHello", err); e != nil && isTimeout(err) {
				return e
			}
			return w.tlsError(ctx, err, asked)
		}
		st := c.ConnectionState()
		describeTLS(s, &st)
		if st.NegotiatedProtocol != "" {
			w.rep.Offered.ALPN = append(w.rep.Offered.ALPN, bounded(st.NegotiatedProtocol, 64))
		}
		if err := w.certificate(c, st.PeerCertificates, time.Now()); err != nil {
			return err
		}
		if asked {
			if err := w.clientCert(c); err != nil {
				return err
			}
		}
		w.expiry(st.PeerCertificates[0])
		w.conn = c
		return nil
	})
}

func describeTLS(s *Stage, st *tls.ConnectionState) {
	leaf := st.PeerCertificates[0]
	s.set("version", tls.VersionName(st.Version))
	s.set("issuer", bounded(leaf.Issuer.String(), 256))
	s.set("not_after", leaf.NotAfter.UTC().Format(time.RFC3339))
	s.set("days_left", int(time.Until(leaf.NotAfter)/(24*time.Hour)))
	s.set("names", sans(leaf))
	s.set("chain", len(st.PeerCertificates))
}

// sans returns the names and addresses that a certificate is for, at most 32.
func sans(c *x509.Certificate) []string {
	names := []string{}
	for _, n := range c.DNSNames[:min(len(c.DNSNames), 32)] {
		names = append(names, bounded(n, 253))
	}
	for _, ip := range c.IPAddresses[:min(len(c.IPAddresses), 32)] {
		names = append(names, ip.String())
	}
	return names
}

func (w *walk) tlsError(ctx context.Context, err error, asked bool) *fail.Error {
	head := w.raw.seen()
	alert := remoteAlert(err)
	switch s := service(head); {
	case s != "" && s != "tls":
		return w.notTLS(ctx, s, head)
	case asked && (isClosed(err) || alert != ""):
		return w.wantsClientCert(err)
	case alert != "":
		return w.alert(alert, err)
	case strings.Contains(err.Error(), "unsupported protocol version"):
		return w.oldTLS(err)
	case isTimeout(err):
		return w.tlsSilent(err)
	case isClosed(err) && len(head) == 0:
		return w.closedHello(ctx, err)
	case isClosed(err):
		return fail.New(fail.TLSMalformed, "%s %s the connection in the middle of the TLS handshake", w.who(), how(err)).WithCause(err).
			WithHint("look at the log of what terminates TLS there")
	}
	return fail.New(fail.TLSMalformed, "%s answers the TLS ClientHello with what is no TLS handshake", w.who()).WithCause(err).
		WithHint("look at what listens on port %s", w.port())
}

func (w *walk) notTLS(ctx context.Context, s string, head []byte) *fail.Error {
	switch s {
	case "http":
		return w.plainHTTP(w.askHTTP(ctx))
	case "libp2p":
		fixed := w.spot.with("/tcp/"+w.port(), "")
		return fail.New(fail.DialWrongService, "%s speaks libp2p, but over plain TCP", w.who()).WithDetail("service", "libp2p").
			WithDetail("repaired", fixed).WithHint("p2p probe %s", fixed)
	}
	return w.wrongService(finding{service: s, banner: banner(head, 80)})
}

func (w *walk) tlsSilent(err error) *fail.Error {
	return fail.New(fail.TLSTimeout, "%s accepted the connection and is silent after our TLS ClientHello", w.who()).
		WithHint("look at the proxy's backend; or large packets vanish on the way (dial.mtu): the answer to a ClientHello is several kilobytes").WithCause(err)
}

// remoteAlert returns the name of the alert that the remote sent, as crypto/tls spells it, or "".
func remoteAlert(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

func (w *walk) alert(name string, err error) *fail.Error {
	switch name {
	case "protocol version not supported":
		return w.oldTLS(err)
	case "certificate required":
		return w.wantsClientCert(err)
	}
	e := fail.New(fail.TLSAlert, "%s ended the TLS handshake with the alert %q", w.who(), name).WithCause(err).WithDetail("alert", name)
	if name == "handshake failure" {
		return e.WithHint("the server offers no cipher or curve of today, or has no certificate for %s", w.serverName())
	}
	return e.WithHint("does what terminates TLS have a certificate for %s?", w.serverName())
}

func (w *walk) oldTLS(err error) *fail.Error {
	return fail.New(fail.TLSVersion, "%s speaks no TLS version of today (1.2 or 1.3)", w.who()).
		WithHint("enable TLS 1.2 and 1.3 on the server").WithCause(err)
}

func (w *walk) wantsClientCert(err error) *fail.Error {
	return fail.New(fail.TLSClientCert, "%s demands a client certificate (mutual TLS), which libp2p peers do not have", w.who()).
		WithHint("switch client certificates off for the libp2p path of the server").WithCause(err)
}

// clientCert sees whether a TLS 1.3 server, which judges our missing certificate only after the
// handshake, ends the connection; a server that only asks for one stays silent until we speak.
func (w *walk) clientCert(c *tls.Conn) *fail.Error {
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	var b [1]byte
	_, err := c.Read(b[:])
	if err != nil && !isTimeout(err) {
		return w.wantsClientCert(err)
	}
	return nil
}

// serverName is the name that a certificate must have.
func (w *walk) serverName() string {
	if w.spot.host != "" {
		return w.spot.host
	}
	return w.spot.ip.WithZone("").String()
}

// certificate judges a chain as a strict client does, and names the one fault that it has.
func (w *walk) certificate(c net.Conn, chain []*x509.Certificate, now time.Time) *fail.Error {
	leaf := chain[0]
	switch {
	case now.After(leaf.NotAfter):
		e := fail.New(fail.TLSExpired, "the certificate of %s expired on %s, %d days ago", w.serverName(),
			leaf.NotAfter.UTC().Format(time.DateOnly), int(now.Sub(leaf.NotAfter)/(24*time.Hour)))
		w.clock(c, leaf, now)
		return e.WithDetail("not_after", leaf.NotAfter.UTC().Format(time.RFC3339)).WithHint("renew it, and let what renews it reload the server")
	case now.Before(leaf.NotBefore):
		e := fail.New(fail.TLSNotYetValid, "the certificate of %s is valid only from %s on", w.serverName(), leaf.NotBefore.UTC().Format(time.RFC3339))
		w.clock(c, leaf, now)
		return e.WithDetail("not_before", leaf.NotBefore.UTC().Format(time.RFC3339)).WithHint("check the clocks of this machine and of the one that made it")
	}
	if err := w.authority(chain, now); err != nil {
		return err
	}
	if err := leaf.VerifyHostname(w.hostToVerify()); err != nil {
		return w.wrongName(leaf, err)
	}
	return nil
}

func (w *walk) hostToVerify() string {
	if w.spot.host == "" && w.spot.ip.Is6() {
		return "[" + w.spot.ip.WithZone("").String() + "]"
	}
	return w.serverName()
}

func (w *walk) wrongName(leaf *x509.Certificate, err error) *fail.Error {
	names := sans(leaf)
	if w.spot.host != "" {
		return fail.New(fail.TLSWrongHost, "the certificate is not for %s but for %s", w.spot.host, orNone(names)).WithCause(err).
			WithDetail("names", names).WithHint("dial a name that the certificate has, or get one for %s", w.spot.host)
	}
	e := fail.New(fail.TLSNoIPSAN, "the certificate is for %s, not for the IP address %s", orNone(names), w.serverName()).WithCause(err).WithDetail("names", names)
	if i := slices.IndexFunc(names, isHostName); i >= 0 {
		id := ""
		if w.spot.peer != "" {
			id = "/p2p/" + w.spot.peer.String()
		}
		return e.WithHint("dial by name: p2p probe /dns4/%s/tcp/%s/tls/ws%s\nor keep the IP address: p2p probe %s/tcp/%s/tls/sni/%s/ws%s",
			names[i], w.port(), id, w.spot.hostMA(), w.port(), names[i], id)
	}
	return e.WithHint("get a certificate with this IP address, or dial the node by its name")
}

// isHostName tells a name that can be dialed. What a certificate names may be anything, and the hint is there to be pasted into a shell.
func isHostName(name string) bool {
	_, err := addr.Parse("/dns/" + name)
	return err == nil && !strings.Contains(name, "/")
}

// authority verifies the chain's signatures up to a trusted root, at a time at which the leaf is valid.
func (w *walk) authority(chain []*x509.Certificate, now time.Time) *fail.Error {
	opts := x509.VerifyOptions{Roots: w.p.o.Roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opts)
	if err == nil {
		return nil
	}
	leaf, last := chain[0], chain[len(chain)-1]
	selfSigned := func(c *x509.Certificate) bool {
		return c.Issuer.String() == c.Subject.String() && c.CheckSignatureFrom(c) == nil || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	}
	issuer := bounded(last.Issuer.String(), 256)
	var inv x509.CertificateInvalidError
	switch {
	case errors.As(err, &inv) && inv.Reason == x509.Expired && inv.Cert != leaf:
		return fail.New(fail.TLSExpired, "a certificate of the chain of %s expired: %s", w.serverName(), quoted(fmt.Sprint(inv.Cert.Subject))).WithCause(err).
			WithHint("let the server send the current chain (fullchain.pem)")
	case selfSigned(leaf):
		return fail.New(fail.TLSSelfSigned, "the certificate of %s is signed by itself", w.serverName()).WithCause(err).
			WithHint("get one from a certificate authority; for your own tests: --ca cert.pem")
	case !selfSigned(last) && (len(leaf.IssuingCertificateURL) > 0 || len(chain) > 1):
		return fail.New(fail.TLSIncompleteChain, "the server of %s does not send the whole chain: the certificate of %s is missing", w.serverName(), quoted(issuer)).WithCause(err).
			WithDetail("missing", issuer).WithHint("configure the full chain (fullchain.pem), not the certificate alone")
	}
	return fail.New(fail.TLSUnknownAuthority, "the certificate of %s is signed by an authority that this machine does not trust: %s", w.serverName(), quoted(issuer)).
		WithCause(err).WithDetail("issuer", issuer).WithHint("if it is your own authority: --ca ca.pem")
}

func (w *walk) expiry(leaf *x509.Certificate) {
	left := time.Until(leaf.NotAfter)
	if days := int(left / (24 * time.Hour)); w.p.o.CertDays > 0 && days < w.p.o.CertDays {
		w.warn(fail.New(fail.TLSExpiresSoon, "the certificate of %s expires in %d days, on %s", w.serverName(), days, leaf.NotAfter.UTC().Format(time.DateOnly)).
			WithDetail("days_left", days).WithHint("renew it"))
	}
}

// clock compares the HTTP Date of the server with ours: where they differ so much that the
// certificate would be valid there, this machine's clock is the suspect.
func (w *walk) clock(c net.Conn, leaf *x509.Certificate, now time.Time) {
	if _, err := c.Write([]byte(upgradeRequest(w.spot.authority(), "/"))); err != nil {
		return
	}
	resp, err := readResponse(c)
	if err != nil {
		return
	}
	_ = resp.Body.Close()
	theirs, err := time.Parse(time.RFC1123, resp.Header.Get("Date"))
	if err != nil {
		return
	}
	if diff := now.Sub(theirs); diff.Abs() > time.Hour && theirs.After(leaf.NotBefore) && theirs.Before(leaf.NotAfter) {
		w.warn(fail.New(fail.ClockSkew, "the server's clock says %s, this machine's %s: by its clock the certificate is valid",
			theirs.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)).
			WithDetail("skew_s", int(diff.Seconds())).WithHint("set this machine's clock: timedatectl"))
	}
}
