package identity

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"

	"p2p/lib/fail"
)

const (
	edID   = "12D3KooWNukxYYymoboQZfYpLkeZYmsijLT8NUduycw2xcWvAMPU"
	hashID = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
)

func edKey(t testing.TB) *Key {
	t.Helper()
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i)
	}
	k, err := Derive(seed, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func encoded(t testing.TB, k *Key, format string) string {
	t.Helper()
	b, err := k.Encode(format)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadIDSpellings(t *testing.T) {
	k := edKey(t)
	cid := peer.ToCid(k.ID)
	base32, err := cid.StringOfBase('b')
	if err != nil {
		t.Fatal(err)
	}
	base58, err := cid.StringOfBase('z')
	if err != nil {
		t.Fatal(err)
	}
	base36 := cid.String()
	if base36[0] != 'k' {
		base36, err = cid.StringOfBase('k')
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []string{edID, base36, base32, base58, "/p2p/" + edID, "/ipfs/" + edID, "/ipns/" + base36, "/p2p/" + edID + "/", " " + edID + "\n", "\ufeff" + edID} {
		got, err := Read([]byte(in))
		if err != nil || got.ID != k.ID || got.Form != "peer-id" || got.Type() != Ed25519 {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	if got, err := Read([]byte(hashID)); err != nil || got.ID.String() != hashID || got.Pub != nil || got.Type() != "" {
		t.Errorf("%s: %+v %v", hashID, got, err)
	}
}

func TestReadForms(t *testing.T) {
	k := edKey(t)
	j, err := k.JSON()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := j.PrivKey[:40] + "\r\n" + j.PrivKey[40:]
	for form, inputs := range map[string][]string{
		"json": {
			fmt.Sprintf(`{"id":%q,"privKey":%q,"pubKey":%q}`, j.ID, j.PrivKey, j.PubKey), // js-libp2p
			fmt.Sprintf("\ufeff\r\n{\"privKey\":%q}", j.PrivKey),
			fmt.Sprintf(`{"id":%q,"privKey":"","pubKey":null,"type":"Ed25519","other":[1]}`, j.ID),
		},
		"kubo-config": {
			fmt.Sprintf(`{"API":{},"Identity":{"PeerID":%q,"PrivKey":%q}}`, j.ID, j.PrivKey),
			fmt.Sprintf(`{"Identity":{"PeerID":%q}}`, j.ID), // as `ipfs config show` prints it
		},
		"base64": {j.PrivKey, strings.TrimRight(j.PrivKey, "="), wrapped, j.PubKey, base64.URLEncoding.EncodeToString([]byte(encoded(t, k, "protobuf")))},
		"pem":    {"Bag Attributes\n    none\n" + encoded(t, k, "pem"), encoded(t, k, "pem-public")},
	} {
		for _, in := range inputs {
			got, err := Read([]byte(in))
			if err != nil || got.ID != k.ID || got.Form != form {
				t.Errorf("%s: %+v %v", form, got, err)
			}
		}
	}
	block, _ := pem.Decode([]byte(encoded(t, k, "pem")))
	if got, err := Read(block.Bytes); err != nil || got.Form != "der" || got.Priv == nil {
		t.Errorf("DER: %+v %v", got, err)
	}
	legacy := []byte(encoded(t, k, "protobuf")) // 96 bytes: the public half twice
	raw := legacy[4:]
	legacy = append([]byte{8, 1, 18, 96}, append(slices.Clone(raw), raw[32:]...)...)
	if got, err := Read(legacy); err != nil || !got.Priv.Equals(k.Priv) {
		t.Errorf("legacy ed25519 of 96 bytes: %v", err)
	}
}

func TestMismatch(t *testing.T) {
	k, other := edKey(t), oneOfEach(t)[Secp256k1]
	j, _ := k.JSON()
	o, _ := other.JSON()
	for _, in := range []string{
		fmt.Sprintf(`{"id":%q,"privKey":%q}`, o.ID, j.PrivKey),
		fmt.Sprintf(`{"id":%q,"pubKey":%q}`, o.ID, j.PubKey),
		fmt.Sprintf(`{"privKey":%q,"pubKey":%q}`, j.PrivKey, o.PubKey),
		fmt.Sprintf(`{"id":%q,"privKey":%q,"type":"rsa"}`, j.ID, j.PrivKey),
		fmt.Sprintf(`{"Identity":{"PeerID":%q,"PrivKey":%q}}`, o.ID, j.PrivKey),
	} {
		got, err := Read([]byte(in))
		wantCode(t, err, fail.KeyMismatch)
		if got == nil || got.ID != k.ID {
			t.Errorf("%s: the key itself is not reported", in)
		}
	}
	// A public half that is not the seed's: signing with it would give the private key away.
	forged := []byte(encoded(t, k, "protobuf"))
	forged[len(forged)-1] ^= 1
	_, err := Read(forged)
	wantCode(t, err, fail.KeyMismatch, "public half")
}

// The same for secp256k1 in PKCS8, whose last 65 bytes are the public point.
func TestMismatchedPoint(t *testing.T) {
	a, b := oneOfEach(t)[Secp256k1], oneOfEach(t)[Secp256k1]
	der, err := marshalPKCS8(a)
	if err != nil {
		t.Fatal(err)
	}
	other, err := marshalPKCS8(b)
	if err != nil {
		t.Fatal(err)
	}
	copy(der[len(der)-65:], other[len(other)-65:])
	_, err = Read(der)
	wantCode(t, err, fail.KeyMismatch, "secp256k1")
}

func bigRSA(t testing.TB, bits uint) (public, private []byte) {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.SetBit(n, 0, 1)
	public, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	seven := big.NewInt(7)
	private, err = asn1.Marshal(struct{ Version, N, E, D, P, Q, Dp, Dq, Qinv *big.Int }{new(big.Int), n, big.NewInt(65537), n, n, seven, seven, seven, seven})
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func protobuf(typ byte, data []byte) []byte {
	return append(binary.AppendUvarint([]byte{8, typ, 18}, uint64(len(data))), data...)
}

// CVE-2023-39533: a huge modulus is refused before anything is computed with it.
func TestHugeRSA(t *testing.T) {
	for _, bits := range []uint{1024, 2047, 8193, 16384, 3_000_000} {
		public, private := bigRSA(t, bits)
		start := time.Now()
		inputs := [][]byte{
			protobuf(0, public), protobuf(0, private), public,
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		}
		for i, in := range inputs {
			if len(in) > MaxFileBytes {
				continue
			}
			_, err := Read(in)
			wantCode(t, err, fail.KeySize, fmt.Sprint(bits))
			if fail.Of(err).Detail["bits"] != int(bits) {
				t.Errorf("input %d: detail %v", i, fail.Of(err).Detail)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("refusing %d bits took %s", bits, took)
		}
	}
}

// cidOf spells a libp2p-key CID whose hash no peer id has.
func cidOf(t testing.TB, code uint64, size int) string {
	t.Helper()
	hash, err := mh.Encode(make([]byte, size), code)
	if err != nil {
		t.Fatal(err)
	}
	return peer.ToCid(peer.ID(hash)).String()
}

func TestMalformed(t *testing.T) {
	k := edKey(t)
	j, _ := k.JSON()
	raw := encoded(t, k, "protobuf")
	pemText := encoded(t, k, "pem")
	for _, c := range []struct {
		in   string
		code fail.Code
		says []string
	}{
		{"", fail.KeyMalformed, []string{"empty", "p2p keygen"}},
		{" \n\t", fail.KeyMalformed, []string{"empty"}},
		{"\ufeff", fail.KeyMalformed, []string{"empty"}},
		{"\xff\xfe{\x00", fail.KeyMalformed, []string{"UTF-16", "--out"}},
		{strings.Repeat("A", MaxFileBytes+1), fail.FileTooLarge, []string{"1048576"}},
		{"hello world", fail.KeyMalformed, []string{"known forms"}},
		{"hello", fail.KeyMalformed, []string{`"hello"`, "12D3Koo"}},
		{edID[:51], fail.KeyMalformed, []string{"51 characters, 52 wanted"}},
		{edID + "X", fail.KeyMalformed, []string{"53 characters, 52 wanted"}},
		{strings.Replace(edID, "w", "0", 1), fail.KeyMalformed, []string{"is not base58", "no 0, O"}},
		{hashID[:45], fail.KeyMalformed, []string{"45 characters, 46 wanted"}},
		{"/p2p/", fail.KeyMalformed, []string{`"/p2p/"`}},
		{"/ip4/1.2.3.4/tcp/1", fail.KeyMalformed, []string{"/ip4/1.2.3.4/tcp/1", "p2p addr parse"}},
		{"bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", fail.KeyMalformed, []string{"CID of other content"}},
		{cidOf(t, mh.SHA1, 20), fail.KeyMalformed, []string{"no peer id: hash function sha1"}},
		{cidOf(t, mh.SHA2_512, 64), fail.KeyMalformed, []string{"no peer id: hash function sha2-512"}},
		{cidOf(t, mh.SHA2_256, 20), fail.KeyMalformed, []string{"no peer id"}},
		{cidOf(t, mh.IDENTITY, 36), fail.KeyMalformed, []string{"no peer id: no libp2p key protobuf"}},
		{cidOf(t, mh.IDENTITY, 80), fail.KeyMalformed, []string{"no peer id: 80 bytes inline, 42 are the most"}},
		{"{", fail.KeyMalformed, []string{"line 1, column"}},
		{"{\n \"id\": 5}", fail.KeyMalformed, []string{"id in the JSON is no text (line 2"}},
		{"{}", fail.KeyMalformed, []string{"no id, privKey or pubKey"}},
		{`{"id":"x"}`, fail.KeyMalformed, []string{`"x"`}},
		{`{"Identity":{}}`, fail.KeyMalformed, []string{"no id"}},
		{fmt.Sprintf(`{"privKey":%q}`, j.PubKey), fail.KeyMalformed, []string{"privKey holds a public key"}},
		{fmt.Sprintf(`{"pubKey":%q}`, j.PrivKey), fail.KeyMalformed, []string{"pubKey holds a private key"}},
		{fmt.Sprintf(`{"privKey":%q}`, j.PrivKey[:50]), fail.KeyMalformed, []string{"privKey", "cut off"}},
		{fmt.Sprintf(`{"privKey":%q}`, j.PrivKey[:50]+"!"+j.PrivKey[51:]), fail.KeyMalformed, []string{"privKey is no base64: wrong at character 51 of"}},
		{fmt.Sprintf(`{"privKey":%q}{}`, j.PrivKey), fail.KeyMalformed, []string{"line 1, column"}},
		{raw[:30], fail.KeyMalformed, []string{"cut off: 26 bytes of 64"}},
		{raw + "\n", fail.KeyMalformed, []string{"1 bytes too many after byte 68", "newline"}},
		{"\x08", fail.KeyMalformed, []string{"byte 0"}},
		{"\x08\x04\x12\x00", fail.KeyType, []string{"byte 1", "ed25519"}},
		{"\x08\x01\x1a\x00", fail.KeyMalformed, []string{"byte 2"}},
		{"\x08\x01\x12", fail.KeyMalformed, []string{"byte 3"}},
		{"\x08\x01\x12\x00", fail.KeyMalformed, []string{"ed25519 key of 0 bytes"}},
		{string(protobuf(2, make([]byte, 32))), fail.KeyMalformed, []string{"out of range"}},
		{string(protobuf(2, []byte(strings.Repeat("\xff", 32)))), fail.KeyMalformed, []string{"out of range"}},
		{string(protobuf(2, make([]byte, 33))), fail.KeyMalformed, []string{"not valid"}},
		{string(protobuf(2, make([]byte, 31))), fail.KeyMalformed, []string{"31 bytes"}},
		{string(protobuf(3, []byte("xx"))), fail.KeyMalformed, []string{"not valid"}},
		{string(protobuf(0, []byte("xx"))), fail.KeyMalformed, []string{"DER"}},
		{j.PrivKey[:60], fail.KeyMalformed, []string{"cut off"}},
		{"0" + strings.Repeat("x", 40), fail.KeyMalformed, []string{"DER"}},
		{strings.Replace(pemText, "-----END", "-----EN", 1), fail.KeyMalformed, []string{"PEM block is broken"}},
		{pemText + pemText, fail.KeyMalformed, []string{"second PEM block"}},
		{"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", fail.KeyType, []string{`"CERTIFICATE"`, "openssl x509"}},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n", fail.KeyType, []string{"ssh-keygen"}},
		{"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", fail.KeyMalformed, []string{"DER"}},
	} {
		_, err := Read([]byte(c.in))
		wantCode(t, err, c.code, c.says...)
		noSecret(t, err, j.PrivKey)
	}
}

// noSecret looks for any 6 characters in a row of the secret behind its header.
func noSecret(t testing.TB, err error, secret string) {
	t.Helper()
	e := fail.Of(err)
	text := fmt.Sprint(e.Message, e.Hint, e.Cause, e.Detail, e.Unwrap())
	for i := 6; i+6 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+6]) {
			t.Fatalf("the error gives a secret away: %s", text)
		}
	}
}

// A private key that was cut, damaged or put where an id or a file name belongs is never repeated in the error.
func TestErrorsKeepSecrets(t *testing.T) {
	keys := oneOfEach(t)
	keys[Ed25519] = edKey(t)
	for name, k := range keys {
		secret := strings.TrimSpace(encoded(t, k, "base64"))
		for _, format := range []string{"json", "base64", "pem"} {
			text := encoded(t, k, format)
			for _, bad := range []string{
				text[1:], text[:len(text)/2], text[5:], "x" + text, strings.Replace(text, "A", "*", 3), text + text,
				`{"id":"` + secret + `"}`, `{"privKey":["` + secret + `"]}`, `{"type":"` + secret + `","id":"` + edID + `","pubKey":"CAES"}`,
			} {
				_, err := Read([]byte(bad))
				checkSecret(t, err, secret, bad)
				_, err = ReadSwarmKey([]byte(bad))
				checkSecret(t, err, secret, bad)
				if name == Ed25519 { // one key for all time: whether a damaged one looks like a path is chance
					_, err = Find(bad)
					checkSecret(t, err, secret, bad)
				}
			}
		}
	}
}

func checkSecret(t testing.TB, err error, secret, bad string) {
	t.Helper()
	if err == nil {
		return
	}
	noSecret(t, err, secret)
	if strings.Contains(bad, `"id"`) { // an id may be quoted
		return
	}
	for _, line := range strings.Split(bad, "\n") {
		if !strings.Contains(line, "-") {
			noSecret(t, err, strings.Repeat(" ", 6)+line[min(len(line), 30):])
		}
	}
}

// The parts of an RSA private key are bounded by its modulus, not by the file.
func TestHugeRSAParts(t *testing.T) {
	n := new(big.Int).SetBit(big.NewInt(1), 2047, 1)
	p := new(big.Int).SetBit(big.NewInt(1), 400_000, 1)
	der, err := asn1.Marshal(struct{ Version, N, E, D, P, Q, Dp, Dq, Qinv *big.Int }{new(big.Int), n, big.NewInt(65537), n, p, p, p, p, p})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = Read(protobuf(0, der))
	wantCode(t, err, fail.KeyMalformed, "longer than its modulus")
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}
