package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/keystore"

	"p2p/lib/fail"
)

// oneOfEach makes a key of every type; RSA takes a while, so it is made once a test.
func oneOfEach(t testing.TB) map[Type]*Key {
	t.Helper()
	keys := map[Type]*Key{}
	for _, name := range Types() {
		k, err := Generate(Type(name), 2048)
		if err != nil {
			t.Fatal(err)
		}
		if k.Type() != Type(name) {
			t.Fatalf("asked for %s, got %s", name, k.Type())
		}
		keys[Type(name)] = k
	}
	return keys
}

func wantCode(t testing.TB, err error, code fail.Code, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	e := fail.Of(err)
	if e.Code != code {
		t.Fatalf("code %s (%s), want %s", e.Code, e.Message, code)
	}
	for _, p := range parts {
		if !strings.Contains(e.Message+"\n"+e.Hint, p) {
			t.Errorf("%q / hint %q: does not say %q", e.Message, e.Hint, p)
		}
	}
}

// Every format that holds the private key gives the same key back, and so do the public ones.
func TestRoundTrip(t *testing.T) {
	for name, k := range oneOfEach(t) {
		for _, format := range Formats() {
			b, err := k.Encode(format)
			if err != nil {
				t.Fatalf("%s to %s: %v", name, format, err)
			}
			got, err := Read(b)
			if err != nil {
				t.Fatalf("%s from %s: %v", name, format, err)
			}
			if got.ID != k.ID {
				t.Errorf("%s through %s: id %s, want %s", name, format, got.ID, k.ID)
			}
			switch format {
			case "json", "protobuf", "base64", "pem", "kubo-keystore":
				if got.Priv == nil || !got.Priv.Equals(k.Priv) {
					t.Errorf("%s through %s: another private key", name, format)
				}
			case "public", "pem-public":
				if got.Priv != nil || !got.Pub.Equals(k.Pub) {
					t.Errorf("%s through %s: another public key", name, format)
				}
			default:
				if inline := name == Ed25519 || name == Secp256k1; (got.Pub != nil) != inline {
					t.Errorf("%s through %s: public key known: %v", name, format, got.Pub != nil)
				}
			}
		}
	}
}

func TestJSONOrder(t *testing.T) {
	k, err := Generate(Ed25519, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Encode("json")
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, field := range []string{`{"id":"12D3Koo`, `,"privKey":"CAES`, `,"pubKey":"CAES`, `,"type":"ed25519"}`} {
		i := bytes.Index(b, []byte(field))
		if i <= at {
			t.Errorf("%s is not at its place in the JSON", field)
		}
		at = i
	}
}

// kubo's own keystore reads what we write and we read what it writes.
func TestKuboKeystore(t *testing.T) {
	dir := t.TempDir()
	store, err := keystore.NewFSKeystore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range oneOfEach(t) {
		b, err := k.Encode("kubo-keystore")
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(dir+"/"+KeystoreName("from p2p "+string(name)), b, false); err != nil {
			t.Fatal(err)
		}
		got, err := store.Get("from p2p " + string(name))
		if err != nil || !got.Equals(k.Priv) {
			t.Errorf("kubo reads another %s key: %v", name, err)
		}
		if err := store.Put("from kubo "+string(name), k.Priv); err != nil {
			t.Fatal(err)
		}
		priv, err := Load(dir + "/" + KeystoreName("from kubo "+string(name)))
		if err != nil || !priv.Equals(k.Priv) {
			t.Errorf("we read another %s key: %v", name, err)
		}
	}
}

func TestRSASizes(t *testing.T) {
	for _, bits := range []int{-1, 0, 512, 2040, 2047, 2049, 8200, 1 << 30} {
		start := time.Now()
		_, err := Generate(RSA, bits)
		wantCode(t, err, fail.KeySize)
		if took := time.Since(start); took > time.Second {
			t.Errorf("refusing %d bits took %s", bits, took)
		}
	}
	_, err := Generate("dsa", 0)
	wantCode(t, err, fail.KeyType, `"dsa"`, "ed25519")
}

// Computed without this program: HKDF by Python's hmac and by `openssl kdf`, public keys by openssl, base58 by hand.
func TestDerive(t *testing.T) {
	counting := make([]byte, 32)
	for i := range counting {
		counting[i] = byte(i)
	}
	phrase := []byte("correct horse battery staple, 32+ bytes\n") // the newline counts
	for _, v := range []struct {
		seed      []byte
		index     uint64
		key, peer string
	}{
		{counting, 0, "4386239b8d6dbb3e3b391a1a33a96cb8a638bb204a0974dca08f3949b8baf577", "12D3KooWNukxYYymoboQZfYpLkeZYmsijLT8NUduycw2xcWvAMPU"},
		{counting, 1, "49c7cda9f97024558781ab20dac38f5be4950d0e7e8cf0aaaf2a3915ddcffe08", "12D3KooWMfZqeY7usS4ewi8nxBLm8gePqyavj9eRpUeLxwc5hLAf"},
		{counting, 4294967295, "52e89a0667fa4778e410e66940bbed2132d851c15261e26598f50fd41050e95d", "12D3KooWRLfsmLVmfWgoGcAGJM1L3RfyaKjvnoPks22E92kSEtDv"},
		{phrase, 7, "0a47c9755e14b800829720c3b9b71e17a9be984314ac3dd44500f1794910a6f1", "12D3KooWJUhGK7AFvzvaEgtbK5KCzeGyFGqTrqoLSLmtdNfpchCz"},
	} {
		k, err := Derive(v.seed, v.index)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := k.Priv.Raw()
		if got := hex.EncodeToString(raw[:32]); got != v.key || k.ID.String() != v.peer {
			t.Errorf("index %d: %s %s, want %s %s", v.index, got, k.ID, v.key, v.peer)
		}
	}
	_, err := Derive(counting[:31], 0)
	wantCode(t, err, fail.KeySeed, "31 bytes", "--new-seed")
	_, err = Derive(make([]byte, 64), 0)
	wantCode(t, err, fail.KeySeed, "one byte repeated 64 times")
	_, err = Derive(counting, MaxIndex+1)
	wantCode(t, err, fail.KeySeed, "4294967296")
}

func TestParseIndex(t *testing.T) {
	for in, want := range map[string][2]uint64{"0": {0, 0}, "7": {7, 7}, "0..9": {0, 9}, "3..3": {3, 3}, "4294967295": {MaxIndex, MaxIndex}} {
		a, b, err := ParseIndex(in)
		if err != nil || a != want[0] || b != want[1] {
			t.Errorf("%q: %d..%d %v", in, a, b, err)
		}
	}
	for _, in := range []string{"", "-1", "x", "1..", "..1", "1...3", "4294967296", "1-3", " 1"} {
		_, _, err := ParseIndex(in)
		wantCode(t, err, fail.UsageFlag)
	}
	_, _, err := ParseIndex("9..2")
	wantCode(t, err, fail.UsageFlag, "backwards", "--index 2..9")
}

// Our signatures are kubo's: the libp2p signature over the prefix and the message.
func TestSign(t *testing.T) {
	message := []byte("hello\n")
	for name, k := range oneOfEach(t) {
		sig, err := k.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := k.Pub.Verify([]byte("libp2p-key signed message:hello\n"), sig); !ok || err != nil {
			t.Errorf("%s: not the signature that kubo checks: %v", name, err)
		}
		if err := k.Verify(message, sig); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantCode(t, k.Verify([]byte("hello"), sig), fail.KeySignature, k.ID.String())
		for _, bad := range [][]byte{nil, {}, sig[:len(sig)-1], append([]byte{0}, sig...), bytes.Repeat([]byte{0xff}, 64), {0x30, 0}} {
			wantCode(t, k.Verify(message, bad), fail.KeySignature)
		}
	}
	public, err := Read([]byte("12D3KooWNukxYYymoboQZfYpLkeZYmsijLT8NUduycw2xcWvAMPU"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = public.Sign(message)
	wantCode(t, err, fail.KeyNoPrivate, "12D3KooWNukx")
	hash, err := Read([]byte("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"))
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, hash.Verify(message, nil), fail.KeyNoPublic, "QmYyQSo1")
}

func TestParseSignature(t *testing.T) {
	want := bytes.Repeat([]byte{0xba, 0xff, 0xbe}, 22)[:64]
	if want[0] != 0xba {
		t.Fatal("the base64 must begin with u, as kubo's multibase does")
	}
	for _, in := range []string{
		base64.StdEncoding.EncodeToString(want), base64.RawStdEncoding.EncodeToString(want), base64.URLEncoding.EncodeToString(want),
		base64.RawURLEncoding.EncodeToString(want), "u" + base64.RawURLEncoding.EncodeToString(want), " " + base64.StdEncoding.EncodeToString(want) + "\n",
	} {
		readings, err := ParseSignature(in)
		if err != nil || !slices.ContainsFunc(readings, func(b []byte) bool { return bytes.Equal(b, want) }) {
			t.Errorf("%q: %x %v", in, readings, err)
		}
	}
	for _, in := range []string{"", "  ", "!!", strings.Repeat("A", 5000)} {
		_, err := ParseSignature(in)
		wantCode(t, err, fail.KeyMalformed)
	}
}

func TestPublicJSON(t *testing.T) {
	k, err := Generate(Secp256k1, 0)
	if err != nil {
		t.Fatal(err)
	}
	public, err := FromPublic(k.Pub)
	if err != nil {
		t.Fatal(err)
	}
	b, err := public.Encode("json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	if _, there := fields["privKey"]; there || len(fields) != 3 {
		t.Errorf("public JSON: %s", b)
	}
	for _, format := range []string{"pem", "protobuf", "base64", "kubo-keystore"} {
		_, err := public.Encode(format)
		wantCode(t, err, fail.KeyNoPrivate)
	}
	_, err = public.Encode("der")
	wantCode(t, err, fail.UsageFlag, `"der"`, "pem-public")
}
