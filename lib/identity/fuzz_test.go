package identity

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"

	"p2p/lib/fail"
)

// FuzzRead: no panic; a refusal has a known code and a hint; what is accepted can be written and read again,
// and go-libp2p's own reader agrees about protobuf.
func FuzzRead(f *testing.F) {
	for _, k := range oneOfEach(f) {
		for _, format := range Formats() {
			b := []byte(encoded(f, k, format))
			f.Add(b)
			f.Add(b[:len(b)/2])
			if block, _ := pem.Decode(b); block != nil {
				f.Add(block.Bytes)
			}
		}
	}
	for _, s := range []string{"", "{}", `{"Identity":{"PeerID":"x"}}`, "/p2p/" + edID, hashID, "\xff\xfe{", "-----BEGIN EC PRIVATE KEY-----\n\n-----END EC PRIVATE KEY-----"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := Read(b)
		if err != nil {
			e := fail.Of(err)
			if !e.Code.Known() || e.Code == fail.Internal || e.Hint == "" {
				t.Fatalf("refused with %+v", e)
			}
			return
		}
		again, err := Read([]byte(encoded(t, k, "json")))
		if err != nil || again.ID != k.ID || (again.Priv == nil) != (k.Priv == nil) {
			t.Fatalf("accepted, but its own JSON is not: %v", err)
		}
		if k.Form == "protobuf" && k.Priv != nil {
			if priv, err := crypto.UnmarshalPrivateKey(b); err != nil || !priv.Equals(k.Priv) {
				t.Fatalf("go-libp2p disagrees: %v", err)
			}
		}
		if k.Priv != nil && !k.Priv.GetPublic().Equals(k.Pub) {
			t.Fatal("private and public key differ")
		}
	})
}

// FuzzParseID: what we accept, go-libp2p accepts as the same id, behind the prefixes that we take off.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{edID, hashID, "/p2p/" + edID, "/ipfs/" + hashID, peer.ToCid(edKey(f).ID).String(), "12D3", "Qm", "k51", "", "/", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if fail.Of(err).Code != fail.KeyMalformed {
				t.Fatal(err)
			}
			return
		}
		if again, err := peer.Decode(id.String()); err != nil || again != id {
			t.Fatalf("%q was accepted as %s: %v", s, id, err)
		}
		text := strings.TrimSpace(s)
		if !strings.Contains(text, "/") {
			if theirs, err := peer.Decode(text); err != nil || theirs != id {
				t.Fatalf("go-libp2p disagrees about %q: %v", text, err)
			}
		}
	})
}

// FuzzReadSwarmKey: what we accept, go-libp2p reads as the same key, and kubo's form of it reads back.
func FuzzReadSwarmKey(f *testing.F) {
	for _, s := range []string{"", swarmHeader, swarmFile("base16", counting), swarmFile("base16", counting+"\r\n"), swarmFile("base64", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
		swarmFile("bin", strings.Repeat("k", 32)), swarmFile("base16", counting+"00"), "\ufeff" + swarmFile("base16", counting), counting} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSwarmKey(b)
		if err != nil {
			if e := fail.Of(err); e.Code != fail.SwarmKeyMalformed && e.Code != fail.FileTooLarge || e.Hint == "" {
				t.Fatalf("refused with %+v", e)
			}
			return
		}
		theirs, err := pnet.DecodeV1PSK(bytes.NewReader(b))
		if err != nil || !bytes.Equal(theirs, s.PSK) {
			t.Fatalf("go-libp2p disagrees: %v", err)
		}
		if again, err := ReadSwarmKey(s.File()); err != nil || again.Fingerprint() != s.Fingerprint() {
			t.Fatalf("the key's own file is refused: %v", err)
		}
	})
}
