package serve

import (
	"crypto/tls"
	"sync/atomic"
	"time"

	"p2p/lib/fail"
	"p2p/lib/identity"
)

// certificate is a key pair that can be read again while it is in use.
type certificate struct {
	cert, key string
	now       atomic.Pointer[tls.Certificate]
}

// reload reads the files; on failure the pair that is in use stays.
func (c *certificate) reload() *fail.Error {
	cert, err := identity.ReadFile(c.cert)
	if err != nil {
		return fail.Of(err).WithHint("--tls-cert names the certificate chain in PEM form")
	}
	key, err := identity.ReadFile(c.key)
	if err != nil {
		return fail.Of(err).WithHint("--tls-key names the private key in PEM form")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fail.New(fail.FileUnreadable, "%q and %q are no certificate with its key: %w", c.cert, c.key, err).WithCause(err).
			WithHint("both in PEM form, the server's own certificate first: openssl x509 -in %s -noout -subject -enddate", c.cert)
	}
	c.now.Store(&pair)
	return nil
}

// stale warns of a certificate that clients will refuse.
func (c *certificate) stale() *fail.Error {
	leaf := c.now.Load().Leaf
	if leaf == nil || time.Now().Before(leaf.NotAfter) {
		return nil
	}
	return fail.New(fail.TLSExpired, "the certificate %q expired on %s", c.cert, leaf.NotAfter.UTC().Format(time.RFC3339)).
		WithHint("renew it, then send SIGHUP")
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }}
}
