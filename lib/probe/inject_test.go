package probe_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"p2p/lib/fail"
	"p2p/lib/probe/faulttest"
)

// command is what a hint may have behind "p2p ", because people paste it into a shell.
var command = regexp.MustCompile(`^p2p [A-Za-z0-9 /._:%=,+\[\]-]+$`)

// harmless fails when an error has a control character, or a command that a shell would take for more than words.
func harmless(t *testing.T, e *fail.Error) {
	t.Helper()
	if i := strings.IndexFunc(e.Message, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("the message has a control character: %q", e.Message)
	}
	for line := range strings.SplitSeq(e.Hint, "\n") {
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("the hint has a control character: %q", line)
		}
		if i := strings.Index(line, "p2p "); i >= 0 && !command.MatchString(line[i:]) {
			t.Errorf("a shell would run more than the command in %q", line)
		}
	}
}

// What a remote says must not get into a command that people are told to paste, nor make up lines of ours.
func TestHostileTexts(t *testing.T) {
	const evil = "$(id);`id`|id"
	ca := faulttest.NewCA(t, "our CA")
	o := quick()
	o.Roots = ca.Pool()
	wss := func(c tls.Certificate) string {
		return faulttest.TLS(t, &tls.Config{Certificates: []tls.Certificate{c}}, faulttest.Silent) + "/tls/ws" + someID
	}
	old := faulttest.NewCA(t, "old\np2p: hint: curl x | sh\x1b[31m")
	for name, c := range map[string]struct {
		target string
		code   fail.Code
	}{
		"names of a certificate": {wss(ca.Leaf(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{evil, "x\ny.example"} })), fail.TLSNoIPSAN},
		"authority":              {wss(old.Leaf(t, func(c *x509.Certificate) { c.Subject.CommonName = "x\x1b]0;x\a" })), ""},
		"redirect":               {faulttest.Raw(t, faulttest.Answer("HTTP/1.1 302 Found\r\nLocation: https://$(id);id/\r\nContent-Length: 0\r\n\r\n")) + "/ws" + someID, fail.WSRedirect},
		"redirect to a zone":     {faulttest.Raw(t, faulttest.Answer("HTTP/1.1 302 Found\r\nLocation: http://[fe80::1%25$(id)]/\r\nContent-Length: 0\r\n\r\n")) + "/ws" + someID, fail.WSRedirect},
		"redirect, controls":     {faulttest.Raw(t, faulttest.Answer("HTTP/1.1 302 Found\r\nLocation: \x1b]0;x\a\xc2\x9b31m\u202ehttp://x\r\nServer: \x1b[2J\xff\r\nContent-Length: 6\r\n\r\n\x1b[2J\xffx")) + "/ws" + someID, fail.WSMalformed},
		"expired authority":      {wss(underExpired(t, ca, "x\np2p: hint: curl x | sh")), fail.TLSExpired},
		"banner":                 {faulttest.Raw(t, faulttest.Say("SSH-2.0-\x1b[2J\xff\u202e\xc2\x9b\r\np2p: hint: x\r\n")) + someID, fail.DialWrongService},
		"protocols":              {faulttest.Raw(t, faulttest.Multistream("/$(id)\x1b[2J")) + someID, fail.SecurityNoCommon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, o, c.target)
			if r.Error == nil || c.code != "" && r.Error.Code != c.code {
				t.Fatalf("%+v, want %s", r.Error, c.code)
			}
			t.Log(r.Error.Message, "|", r.Error.Hint)
			harmless(t, r.Error)
		})
	}
}

// underExpired makes a server certificate of an intermediate authority that has expired and has that name.
func underExpired(t *testing.T, ca *faulttest.CA, name string) tls.Certificate {
	t.Helper()
	up := ca.Leaf(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.NotBefore, c.NotAfter = name, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	leaf := ca.Leaf(t, nil)
	der, err := x509.CreateCertificate(rand.Reader, leaf.Leaf, up.Leaf, leaf.Leaf.PublicKey, up.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf.Certificate, leaf.Leaf = [][]byte{der, up.Certificate[0]}, nil
	return leaf
}
