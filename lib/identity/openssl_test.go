package identity

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"p2p/lib/fail"
)

func openssl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	c := exec.Command("openssl", args...)
	c.Stdin = strings.NewReader(stdin)
	var errs bytes.Buffer
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, errs.String())
	}
	return string(b)
}

func needOpenSSL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err == nil {
		return
	}
	if os.Getenv("P2P_REQUIRE") == "1" {
		t.Fatal("openssl is not installed")
	}
	t.Skip("openssl is not installed")
}

// openssl reads the PEM that we write: same public key, and it checks what we sign.
func TestOpenSSLReads(t *testing.T) {
	needOpenSSL(t)
	for name, k := range oneOfEach(t) {
		public := openssl(t, encoded(t, k, "pem"), "pkey", "-pubout")
		if public != encoded(t, k, "pem-public") {
			t.Errorf("%s: openssl's public key is another:\n%s%s", name, public, encoded(t, k, "pem-public"))
		}
		if out := openssl(t, encoded(t, k, "pem"), "pkey", "-check", "-noout"); name != Ed25519 && !strings.Contains(out, "is valid") {
			t.Errorf("%s: %s", name, out)
		}
		dir := t.TempDir()
		sig, err := k.Sign([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string]string{"pub": public, "sig": string(sig), "msg": SignedPrefix + "hello"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"pkeyutl", "-verify", "-pubin", "-inkey", dir + "/pub", "-rawin", "-in", dir + "/msg", "-sigfile", dir + "/sig"}
		if name != Ed25519 {
			args = append(args, "-digest", "sha256")
		}
		if out := openssl(t, "", args...); !strings.Contains(out, "Verified Successfully") {
			t.Errorf("%s: openssl on our signature: %s", name, out)
		}
	}
}

// We read what openssl writes, with the same public key.
func TestOpenSSLWrites(t *testing.T) {
	needOpenSSL(t)
	for _, c := range []struct {
		want Type
		args string
	}{
		{Ed25519, "genpkey -algorithm ed25519"},
		{RSA, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"},
		{RSA, "genrsa -traditional 2048"},
		{ECDSA, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"},
		{ECDSA, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384"},
		{ECDSA, "ecparam -name prime256v1 -genkey"},
		{Secp256k1, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"},
		{Secp256k1, "ecparam -name secp256k1 -genkey"},
	} {
		pem := openssl(t, "", strings.Fields(c.args)...)
		k, err := Read([]byte(pem))
		if err != nil || k.Type() != c.want || k.Priv == nil {
			t.Errorf("%s: %+v %v", c.args, k, err)
			continue
		}
		public := openssl(t, pem, "pkey", "-pubout")
		got, err := Read([]byte(public))
		if err != nil || got.ID != k.ID {
			t.Errorf("%s: its public key: %v", c.args, err)
		}
		if c.want == Secp256k1 {
			compressed := openssl(t, pem, "ec", "-pubout", "-conv_form", "compressed")
			if got, err := Read([]byte(compressed)); err != nil || got.ID != k.ID {
				t.Errorf("%s: its compressed public key: %v", c.args, err)
			}
		}
	}
}

func TestOpenSSLRefused(t *testing.T) {
	needOpenSSL(t)
	ed := openssl(t, "", "genpkey", "-algorithm", "ed25519")
	rsa := openssl(t, "", "genrsa", "2048")
	for _, c := range []struct {
		pem  string
		code fail.Code
		says string
	}{
		{openssl(t, ed, "pkcs8", "-topk8", "-v2", "aes-128-cbc", "-passout", "pass:x"), fail.KeyEncrypted, "-nocrypt"},
		{openssl(t, rsa, "rsa", "-traditional", "-aes128", "-passout", "pass:x"), fail.KeyEncrypted, "passphrase"},
		{openssl(t, "", "genrsa", "1024"), fail.KeySize, "1024 bits, 2048 to 8192 wanted"},
		{openssl(t, "", "genpkey", "-algorithm", "x25519"), fail.KeyType, "X25519 keys are not for libp2p"},
		{openssl(t, "", "genpkey", "-algorithm", "ed448"), fail.KeyType, "Ed448"},
		{openssl(t, "", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"), fail.KeyMalformed, "P-256"},
	} {
		_, err := Read([]byte(c.pem))
		wantCode(t, err, c.code, c.says)
	}
}
