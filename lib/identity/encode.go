package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/crypto"

	"p2p/lib/fail"
)

// Formats returns the names that Encode takes: what `p2p key convert --to` offers.
func Formats() []string {
	return []string{"json", "protobuf", "base64", "pem", "public", "pem-public", "kubo-keystore", "peer-id", "cid"}
}

// Encode writes the key in a format of Formats. "protobuf" and "kubo-keystore" are raw bytes, all others text
// that ends in a newline. "base64" is the private protobuf as a kubo config has it, "public" the public one.
func (k *Key) Encode(format string) ([]byte, error) {
	switch format {
	case "json":
		j, err := k.JSON()
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(j)
		return append(b, '\n'), err
	case "protobuf", "kubo-keystore", "base64":
		return k.encodePrivate(format == "base64")
	case "pem":
		if _, err := k.Private(); err != nil {
			return nil, err
		}
		return pemBlock("PRIVATE KEY", k, marshalPKCS8)
	case "pem-public":
		if _, err := k.Public(); err != nil {
			return nil, err
		}
		return pemBlock("PUBLIC KEY", k, marshalSPKI)
	case "public":
		pub, err := k.Public()
		if err != nil {
			return nil, err
		}
		b, err := crypto.MarshalPublicKey(pub)
		return base64Line(b), err
	case "peer-id":
		return []byte(k.ID.String() + "\n"), nil
	case "cid":
		return []byte(k.CID() + "\n"), nil
	}
	return nil, fail.New(fail.UsageFlag, "unknown key format %q", format).WithHint("write one of %s", strings.Join(Formats(), ", "))
}

// KeystoreName returns the name of a key's file in a kubo keystore directory.
func KeystoreName(name string) string {
	return "key_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(name)))
}

func (k *Key) encodePrivate(text bool) ([]byte, error) {
	priv, err := k.Private()
	if err != nil {
		return nil, err
	}
	b, err := crypto.MarshalPrivateKey(priv)
	if err == nil && text {
		b = base64Line(b)
	}
	return b, err
}

func base64Line(b []byte) []byte {
	return append([]byte(base64.StdEncoding.EncodeToString(b)), '\n')
}

func pemBlock(kind string, k *Key, marshal func(*Key) ([]byte, error)) ([]byte, error) {
	der, err := marshal(k)
	if err != nil {
		return nil, malformed("the %s key cannot be written as PEM", k.Type())
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
}

// marshalSPKI writes a public key as SubjectPublicKeyInfo.
func marshalSPKI(k *Key) ([]byte, error) {
	if pub, ok := k.Pub.(*crypto.Secp256k1PublicKey); ok {
		point := (*secp256k1.PublicKey)(pub).SerializeUncompressed()
		return asn1.Marshal(spki{secpAlgorithm(), asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	}
	std, err := crypto.PubKeyToStdKey(k.Pub)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(std)
}

// marshalPKCS8 writes a private key as PKCS8.
func marshalPKCS8(k *Key) ([]byte, error) {
	if priv, ok := k.Priv.(*crypto.Secp256k1PrivateKey); ok {
		key := (*secp256k1.PrivateKey)(priv)
		point := key.PubKey().SerializeUncompressed()
		inner, err := asn1.Marshal(sec1{Version: 1, Key: key.Serialize(), Public: asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
		if err != nil {
			return nil, err
		}
		return asn1.Marshal(struct {
			Version   int
			Algorithm algorithm
			Key       []byte
		}{0, secpAlgorithm(), inner})
	}
	std, err := crypto.PrivKeyToStdKey(k.Priv)
	if err != nil {
		return nil, err
	}
	if p, ok := std.(*ed25519.PrivateKey); ok {
		std = *p
	}
	return x509.MarshalPKCS8PrivateKey(std)
}

func secpAlgorithm() algorithm {
	curve, _ := asn1.Marshal(oidSecp256k1)
	return algorithm{OID: oidEC, Params: asn1.RawValue{FullBytes: curve}}
}
