package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"

	"p2p/lib/fail"
)

// Order of the secp256k1 group (SEC 2): a private key is 1 to N-1. go-libp2p reduces larger ones silently.
const secp256k1N = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

// readProtobuf reads the libp2p PublicKey or PrivateKey message (libp2p spec, peer-ids). The two look
// alike: which one it is follows from the key's own encoding.
func readProtobuf(b []byte) (*Key, error) {
	typ, data, err := splitProtobuf(b)
	if err != nil {
		return nil, err
	}
	switch typ {
	case pb.KeyType_Ed25519:
		return readEd25519(data)
	case pb.KeyType_Secp256k1:
		return readSecp256k1(data)
	case pb.KeyType_RSA:
		if isSPKI(data) {
			return readRSAPublic(data)
		}
		return readRSAPrivate(data)
	default:
		if isSPKI(data) {
			return publicKey(crypto.UnmarshalECDSAPublicKey(data))
		}
		return privateKey(crypto.UnmarshalECDSAPrivateKey(data))
	}
}

// splitProtobuf accepts exactly field 1 (varint, the type) and field 2 (bytes, the key), in this order and
// nothing after, as the spec demands of an encoder; anything else would not have the peer id it seems to have.
func splitProtobuf(b []byte) (pb.KeyType, []byte, error) {
	if len(b) < 2 || b[0] != 0x08 {
		return 0, nil, malformed("no libp2p key protobuf: byte 0 is not 08, the tag of the key type").WithHint(formsHint)
	}
	typ, n := binary.Uvarint(b[1:])
	if n != 1 || typ > uint64(pb.KeyType_ECDSA) {
		return 0, nil, fail.New(fail.KeyType, "key protobuf, byte 1: no known key type").
			WithHint("libp2p has 0 rsa, 1 ed25519, 2 secp256k1, 3 ecdsa")
	}
	rest := b[2:]
	if len(rest) == 0 || rest[0] != 0x12 {
		return 0, nil, malformed("key protobuf, byte 2: not 12, the tag of the key bytes").WithHint(cutHint)
	}
	size, n := binary.Uvarint(rest[1:])
	if n <= 0 {
		return 0, nil, malformed("key protobuf, byte 3: no length of the key bytes").WithHint(cutHint)
	}
	data := rest[1+n:]
	switch have := uint64(len(data)); {
	case have < size:
		return 0, nil, malformed("key protobuf is cut off: %d bytes of %d", have, size).WithHint(cutHint)
	case have > size:
		return 0, nil, malformed("key protobuf has %d bytes too many after byte %d", have-size, uint64(len(b))-(have-size)).
			WithHint("a trailing newline or a second key; write the key alone")
	}
	return pb.KeyType(typ), data, nil
}

const cutHint = "copy the whole key again; a key file is not edited by hand"

func readEd25519(data []byte) (*Key, error) {
	switch len(data) {
	case ed25519.PublicKeySize:
		return publicKey(crypto.UnmarshalEd25519PublicKey(bytes.Clone(data)))
	case ed25519.PrivateKeySize, ed25519.PrivateKeySize + ed25519.PublicKeySize:
		want := ed25519.NewKeyFromSeed(data[:ed25519.SeedSize])
		// Signing with a public half that is not the seed's leaks the private key.
		if !bytes.Equal(want, data[:ed25519.PrivateKeySize]) {
			return nil, fail.New(fail.KeyMismatch, "the public half inside this ed25519 private key is not its own").
				WithHint("the key was put together wrongly or damaged; use a sound copy")
		}
		return privateKey(crypto.UnmarshalEd25519PrivateKey(bytes.Clone(data)))
	}
	return nil, malformed("ed25519 key of %d bytes; a public key has 32, a private key 64", len(data)).WithHint(cutHint)
}

func readSecp256k1(data []byte) (*Key, error) {
	switch len(data) {
	case 33:
		return publicKey(crypto.UnmarshalSecp256k1PublicKey(data))
	case 32:
		order, _ := hex.DecodeString(secp256k1N)
		if bytes.Equal(data, make([]byte, 32)) || bytes.Compare(data, order) >= 0 {
			return nil, malformed("secp256k1 private key is out of range (1 to the group order - 1)").WithHint(cutHint)
		}
		return privateKey(crypto.UnmarshalSecp256k1PrivateKey(data))
	}
	return nil, malformed("secp256k1 key of %d bytes; a public key has 33, a private key 32", len(data)).WithHint(cutHint)
}

func publicKey(pub crypto.PubKey, err error) (*Key, error) {
	if err != nil {
		return nil, malformed("the public key inside is not valid").WithCause(err).WithHint(cutHint)
	}
	return FromPublic(pub)
}

// privateKey drops err's text: no library is trusted to keep a private key out of its messages.
func privateKey(priv crypto.PrivKey, err error) (*Key, error) {
	if err != nil {
		return nil, malformed("the private key inside is not valid").WithHint(cutHint)
	}
	return FromPrivate(priv)
}

// decodeBase64 takes standard or URL base64, padded or not, with line breaks.
func decodeBase64(what, s string) ([]byte, error) {
	at := int64(-1)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		b, err := enc.DecodeString(s)
		if err == nil {
			return b, nil
		}
		if c, ok := err.(base64.CorruptInputError); ok && int64(c) > at {
			at = int64(c)
		}
	}
	return nil, malformed("%s is no base64: wrong at character %d of %d", what, at+1, len(s)).WithHint(cutHint)
}
