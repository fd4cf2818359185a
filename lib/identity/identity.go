// Package identity makes, reads, writes and converts peer keys and swarm keys (PSK).
// Its rule: an input is understood whole or refused with a fail.Error that says where and how to mend it,
// and no error ever carries a byte of a private key, a seed or a swarm key.
package identity

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multibase"

	"p2p/lib/fail"
)

// Type is the name of a key's algorithm: ed25519, secp256k1, ecdsa or rsa.
type Type string

// The four key types that libp2p knows (libp2p spec, peer-ids).
const (
	Ed25519   Type = "ed25519"
	Secp256k1 Type = "secp256k1"
	ECDSA     Type = "ecdsa"
	RSA       Type = "rsa"
)

// Types returns the names of all key types, the default first.
func Types() []string {
	return []string{string(Ed25519), string(Secp256k1), string(ECDSA), string(RSA)}
}

// Key is what an input says: a private key, a public key, or a peer id alone.
type Key struct {
	ID     peer.ID        // always there
	Priv   crypto.PrivKey // nil when the input has no private key
	Pub    crypto.PubKey  // nil for a peer id that is only a hash of the key (Qm…)
	Form   string         // how it was written: "json", "protobuf", "pem", "kubo-config", "peer-id", …
	Stated peer.ID        // the peer id written beside the key, empty if there is none
}

// JSON is js-libp2p's peer-id JSON with the type added; the order of the fields is part of the contract.
// The keys are standard base64 of the libp2p protobuf.
type JSON struct {
	ID      string `json:"id"`
	PrivKey string `json:"privKey,omitempty"`
	PubKey  string `json:"pubKey,omitempty"`
	Type    string `json:"type,omitempty"`
}

// Written is what is told about a key that went to a file: nothing secret.
type Written struct {
	ID     string `json:"id"`
	PubKey string `json:"pubKey,omitempty"`
	Type   string `json:"type,omitempty"`
	File   string `json:"file"`
}

// FromPrivate returns the Key of a private key.
func FromPrivate(priv crypto.PrivKey) (*Key, error) {
	k, err := FromPublic(priv.GetPublic())
	if err != nil {
		return nil, err
	}
	k.Priv = priv
	return k, nil
}

// FromPublic returns the Key of a public key.
func FromPublic(pub crypto.PubKey) (*Key, error) {
	id, err := peer.IDFromPublicKey(pub)
	if err != nil {
		return nil, fail.New(fail.KeyMalformed, "no peer id can be made of this public key").WithCause(err)
	}
	return &Key{ID: id, Pub: pub}, nil
}

// Type returns the name of the key's type, or "" if only a hash of the key is known.
func (k *Key) Type() Type {
	if k.Pub == nil {
		return ""
	}
	return typeName(k.Pub.Type())
}

// JSON returns the key as the object that keygen prints.
func (k *Key) JSON() (JSON, error) {
	j := JSON{ID: k.ID.String(), Type: string(k.Type())}
	if k.Pub != nil {
		b, err := crypto.MarshalPublicKey(k.Pub)
		if err != nil {
			return JSON{}, fail.New(fail.KeyMalformed, "the public key cannot be written as protobuf").WithCause(err)
		}
		j.PubKey = base64.StdEncoding.EncodeToString(b)
	}
	if k.Priv != nil {
		b, err := crypto.MarshalPrivateKey(k.Priv)
		if err != nil {
			return JSON{}, fail.New(fail.KeyMalformed, "the private key cannot be written as protobuf")
		}
		j.PrivKey = base64.StdEncoding.EncodeToString(b)
	}
	return j, nil
}

// CID returns the peer id as CIDv1 libp2p-key in base36 (k51… for ed25519): the spelling that fits into a DNS label.
func (k *Key) CID() string {
	s, err := peer.ToCid(k.ID).StringOfBase(multibase.Base36)
	if err != nil {
		return ""
	}
	return s
}

// Bits returns the size of the key: the modulus of RSA, the curve of the others, 0 if only a hash is known.
func (k *Key) Bits() int {
	if k.Pub == nil {
		return 0
	}
	std, err := crypto.PubKeyToStdKey(k.Pub)
	if err != nil {
		return 0
	}
	switch pub := std.(type) {
	case *rsa.PublicKey:
		return pub.N.BitLen()
	case *ecdsa.PublicKey:
		return pub.Curve.Params().BitSize
	}
	return 256
}

// Problems returns warnings about a key that is sound.
func (k *Key) Problems() []*fail.Error {
	problems := []*fail.Error{}
	if k.Type() == ECDSA {
		problems = append(problems, fail.New(fail.KeyNotForJS, "js-libp2p refuses ECDSA peer ids: browsers and Node.js peers cannot talk to this one").
			WithHint("take another type where js peers matter: `p2p keygen --type ed25519`"))
	}
	return problems
}

// Private returns the private key, or key.no_private with what the input was instead.
func (k *Key) Private() (crypto.PrivKey, error) {
	if k.Priv == nil {
		return nil, fail.New(fail.KeyNoPrivate, "%s has no private key in it (read as %s)", k.ID, k.Form).
			WithHint("give the file that has the private key; `p2p keygen --out id.json` makes one")
	}
	return k.Priv, nil
}

// Public returns the public key, or key.no_public for a peer id that is only a hash of it.
func (k *Key) Public() (crypto.PubKey, error) {
	if k.Pub == nil {
		return nil, fail.New(fail.KeyNoPublic, "peer id %s is a hash of its public key, the key itself is not in it", k.ID).
			WithHint("give the public key's file; `p2p key convert --to public FILE` makes it")
	}
	return k.Pub, nil
}

func typeName(t pb.KeyType) Type {
	switch t {
	case pb.KeyType_RSA:
		return RSA
	case pb.KeyType_Ed25519:
		return Ed25519
	case pb.KeyType_Secp256k1:
		return Secp256k1
	default:
		return ECDSA
	}
}

// malformed is the refusal of an input; the format never gets secret bytes.
func malformed(format string, args ...any) *fail.Error {
	return fail.New(fail.KeyMalformed, format, args...)
}
