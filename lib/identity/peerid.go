package identity

import (
	"fmt"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"

	"p2p/lib/fail"
)

// maxIDText bounds a peer id's text: base58 takes quadratic time. The longest sound one has 76 characters.
const maxIDText = 200

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

const idHint = "a peer id is 12D3Koo… (52 characters), 16Uiu2… (53), Qm… (46), k51… (62) or bafz… (65)"

// ParseID reads a peer id in any spelling: base58 (12D3…, 16U…, Qm…), CIDv1 libp2p-key in any base (k51…,
// bafz…, z5A…), each also after /p2p/, /ipfs/ or /ipns/. The code of its errors is key.malformed.
func ParseID(s string) (peer.ID, error) {
	text := strings.TrimSpace(s)
	for _, prefix := range []string{"/p2p/", "/ipfs/", "/ipns/"} {
		text = strings.TrimPrefix(text, prefix)
	}
	text = strings.TrimSuffix(text, "/")
	switch {
	case text == "":
		return "", malformed("no peer id in %q", Quotable(s)).WithHint(idHint)
	case len(text) > maxIDText:
		return "", malformed("%d characters are too many for a peer id", len(text)).WithHint(idHint)
	case strings.Contains(text, "/"):
		return "", malformed("%q is no peer id", Quotable(s)).WithHint("for an address: `p2p addr parse ADDR`")
	}
	if text[0] == '1' || strings.HasPrefix(text, "Qm") {
		if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(base58Alphabet, r) }); i >= 0 {
			return "", malformed("peer id %q: character %d is not base58", text, i+1).
				WithHint("base58 has no 0, O, I and l; copy the id again")
		}
	}
	id, err := peer.Decode(text)
	if err != nil {
		return "", badID(text, err)
	}
	if err := checkHash(id); err != nil {
		return "", malformed("%q is well spelled, but no peer id: %w", text, err).WithHint(idHint)
	}
	return id, nil
}

// checkHash admits what a libp2p key can have: SHA2-256 of it, or the whole key (at most 42 bytes) inline.
func checkHash(id peer.ID) error {
	d, err := mh.Decode([]byte(id))
	if err != nil {
		return err
	}
	if d.Code == mh.SHA2_256 && d.Length == 32 {
		return nil
	}
	if d.Code != mh.IDENTITY {
		return malformed("hash function %s is not for peer ids", d.Name)
	}
	if d.Length > 42 {
		return malformed("%d bytes inline, 42 are the most", d.Length)
	}
	k, err := readProtobuf(d.Digest)
	if err != nil {
		return err
	}
	if k.Priv != nil {
		return malformed("a private key inside the peer id")
	}
	return nil
}

func badID(text string, err error) *fail.Error {
	if c, e := cid.Decode(text); e == nil && c.Version() == 1 && c.Type() != cid.Libp2pKey {
		return malformed("%q is a CID of other content (codec %#x), not of a peer's key", text, c.Type()).WithHint(idHint)
	}
	want := 0
	switch {
	case strings.HasPrefix(text, "12D3"):
		want = 52
	case strings.HasPrefix(text, "16Uiu2"):
		want = 53
	case strings.HasPrefix(text, "Qm"):
		want = 46
	case strings.HasPrefix(text, "k51qzi5uqu5d"):
		want = 62
	case strings.HasPrefix(text, "bafzaajaia"):
		want = 65
	}
	if want != 0 && len(text) != want {
		return malformed("peer id %q has %d characters, %d wanted", text, len(text), want).WithHint("copy the whole id again").WithCause(err)
	}
	return malformed("%q is no peer id", Quotable(text)).WithHint(idHint).WithCause(err)
}

// fromID returns the Key of a peer id, with the public key if it is inline.
func fromID(id peer.ID) *Key {
	k := &Key{ID: id, Form: "peer-id"}
	if pub, err := id.ExtractPublicKey(); err == nil && pub != nil {
		k.Pub = pub
	}
	return k
}

// looksLikeID tells whether text starts as peer ids do.
func looksLikeID(s string) bool {
	for _, p := range []string{"12D3", "16Uiu", "Qm", "k51", "k2k4", "kzw", "bafz", "baf", "z5A", "/p2p/", "/ipfs/", "/ipns/"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Quotable bounds a text that might be a secret in the wrong place: whole when it starts as a peer id or has
// neither the words of a key file nor 40 characters of base64 in a row (a path may have slashes); else only its length.
func Quotable(s string) string {
	if looksLikeID(s) || !mayBeSecret(s) {
		return s[:min(len(s), 1024)]
	}
	return fmt.Sprintf("… %d characters …", len(s))
}

func mayBeSecret(s string) bool {
	if strings.Contains(s, "PRIVATE KEY") || strings.Contains(s, "rivKey") {
		return true
	}
	isPath := strings.HasPrefix(s, "/") || strings.HasPrefix(s, ".")
	run := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '+', r == '=', r == '/' && !isPath:
			run++
		default:
			run = 0
		}
		if run >= 40 {
			return true
		}
	}
	return false
}
