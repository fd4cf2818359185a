package faulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// CA is a certificate authority of a test.
type CA struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
	up   []*x509.Certificate // the way to the root, without the root
}

// NewCA makes a root.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	tmpl := template(name)
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	key, cert := sign(t, tmpl, nil, nil)
	return &CA{Cert: cert, key: key}
}

// Sub makes an intermediate authority.
func (ca *CA) Sub(t testing.TB, name string) *CA {
	t.Helper()
	tmpl := template(name)
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	key, cert := sign(t, tmpl, ca.Cert, ca.key)
	return &CA{Cert: cert, key: key, up: append([]*x509.Certificate{cert}, ca.up...)}
}

// Pool returns the authority as the roots of a client.
func (ca *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.Cert)
	return p
}

// PEM returns the authority's certificate as a file has it.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw})
}

// Leaf makes a server certificate for 127.0.0.1, ::1 and localhost, with the whole chain; change may spoil it.
func (ca *CA) Leaf(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	tmpl := leafTemplate()
	if change != nil {
		change(tmpl)
	}
	key, cert := sign(t, tmpl, ca.Cert, ca.key)
	chain := [][]byte{cert.Raw}
	for _, c := range ca.up {
		chain = append(chain, c.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: cert}
}

// SelfSigned makes a certificate that is its own authority.
func SelfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, cert := sign(t, leafTemplate(), nil, nil)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func template(name string) *x509.Certificate {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	return &x509.Certificate{SerialNumber: n, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
}

func leafTemplate() *x509.Certificate {
	c := template("node")
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c.DNSNames, c.IPAddresses = []string{"localhost", "node.example.com"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	return c
}

func sign(t testing.TB, tmpl, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// TLS puts a TLS server in front of handle; an error of the handshake ends the connection.
func TLS(t testing.TB, c *tls.Config, handle func(net.Conn)) string {
	return Raw(t, func(conn net.Conn) {
		tc := tls.Server(conn, c)
		if tc.Handshake() == nil {
			handle(tc)
		}
	})
}
