package addr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// form is one spelling of a peer id: how it begins, how long it is, of what letters it is made.
type form struct {
	prefix, kind string
	length       int
	letters      string
}

const (
	base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	base32 = "abcdefghijklmnopqrstuvwxyz234567"
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
)

func forms() []form {
	return []form{
		{"12D3KooW", "an ed25519 id", 52, base58},
		{"16Uiu2HA", "a secp256k1 id", 53, base58},
		{"Qm", "an RSA or ECDSA id", 46, base58},
		{"bafzaaj", "an ed25519 id as CID", 65, base32},
		{"bafzbei", "an RSA or ECDSA id as CID", 59, base32},
		{"k51", "an ed25519 id as CID", 62, base36},
		{"k2k4r8", "an RSA or ECDSA id as CID", 56, base36},
	}
}

func validPeerID(s string) bool { return len(s) > 30 && len(s) < 200 && badPeerID(s) == "" }

// badPeerID says why s is no peer id; "" if it is one.
func badPeerID(s string) string {
	if len(s) > 256 { // base58 takes quadratic time
		return fmt.Sprintf("it has %d characters, no peer id is so long", len(s))
	}
	id, err := peer.Decode(s)
	if err == nil {
		err = sound(id)
	}
	if err == nil {
		return ""
	}
	for _, f := range forms() {
		if strings.HasPrefix(s, f.prefix) {
			return f.why(s)
		}
		if len(s) == f.length && len(f.prefix) > 2 && strings.HasPrefix(strings.ToLower(s), strings.ToLower(f.prefix)) {
			return fmt.Sprintf("%s begins with %s: upper and lower case were changed", f.kind, f.prefix)
		}
	}
	if c, err := cid.Decode(s); err == nil && c.Type() != cid.Libp2pKey {
		return "it is the CID of content, not of a peer's key"
	}
	return fmt.Sprintf("it is not a peer id: one begins with 12D3KooW (52 characters), 16Uiu2HA (53), Qm (46) or k51 (62), this has %d characters", len(s))
}

func (f form) why(s string) string {
	for i, c := range s {
		if !strings.ContainsRune(f.letters, c) {
			return fmt.Sprintf("its character %q (number %d) is never part of %s", c, i+1, f.kind)
		}
	}
	switch n := len(s); {
	case n < f.length:
		return fmt.Sprintf("it is cut off: it has %d characters, %s beginning with %s has %d", n, f.kind, f.prefix, f.length)
	case n > f.length:
		return fmt.Sprintf("it is too long: it has %d characters, %s beginning with %s has %d", n, f.kind, f.prefix, f.length)
	}
	return fmt.Sprintf("it has the length of %s but its bytes are not one: a character is mistyped", f.kind)
}

// sound refuses ids that embed something else than a public key.
func sound(id peer.ID) error {
	if _, err := id.ExtractPublicKey(); err != nil && !errors.Is(err, peer.ErrNoPublicKey) {
		return err
	}
	return id.Validate()
}
