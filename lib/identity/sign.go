package identity

import (
	"encoding/base64"
	"strings"

	"p2p/lib/fail"
)

// SignedPrefix goes before every message that is signed, so that no signature can pass for one of a
// libp2p record or handshake. It is kubo's: `ipfs key verify` checks our signatures and we check `ipfs key sign`'s.
const SignedPrefix = "libp2p-key signed message:"

// MaxMessageBytes bounds a message to sign: all key types hash or sign it from memory.
const MaxMessageBytes = 64 << 20

// maxSignatureText is beyond the base64 of RSA's 1024 bytes.
const maxSignatureText = 4 << 10

// Sign signs SignedPrefix + message as libp2p keys do (ed25519: the message itself, others: its SHA-256).
func (k *Key) Sign(message []byte) ([]byte, error) {
	priv, err := k.Private()
	if err != nil {
		return nil, err
	}
	sig, err := priv.Sign(append([]byte(SignedPrefix), message...))
	if err != nil {
		return nil, fail.New(fail.Internal, "sign with the key of %s", k.ID).WithCause(err)
	}
	return sig, nil
}

// Verify checks a signature that Sign or `ipfs key sign` made, given in one or several readings of its text;
// a bad one is key.signature.
func (k *Key) Verify(message []byte, readings ...[]byte) error {
	pub, err := k.Public()
	if err != nil {
		return err
	}
	signed := append([]byte(SignedPrefix), message...)
	var cause error
	for _, sig := range readings {
		ok, err := pub.Verify(signed, sig)
		if ok && err == nil {
			return nil
		}
		cause = err
	}
	return fail.New(fail.KeySignature, "the signature is not one of %s over this message", k.ID).WithCause(cause).
		WithHint("another key, a changed message (a newline at the end counts), or a signature without the prefix %q", SignedPrefix)
}

// ParseSignature reads base64 (standard or URL) or kubo's multibase base64url (u…). A text that begins with u
// can be both: then there are two readings.
func ParseSignature(s string) (readings [][]byte, err error) {
	s = strings.TrimSpace(s)
	if len(s) > maxSignatureText || s == "" {
		return nil, malformed("a signature of %d characters", len(s)).WithHint("give the base64 that `p2p key sign` printed")
	}
	plain, err := decodeBase64("the signature", s)
	if err == nil {
		readings = append(readings, plain)
	}
	if rest, ok := strings.CutPrefix(s, "u"); ok {
		if b, e := base64.RawURLEncoding.DecodeString(rest); e == nil {
			readings, err = append(readings, b), nil
		}
	}
	return readings, err
}
