package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2p/lib/fail"
)

var (
	oidRSA       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC        = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519   = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

type algorithm struct {
	OID    asn1.ObjectIdentifier
	Params asn1.RawValue `asn1:"optional"`
}

// curve returns the named curve of an EC key, nil if there is none.
func (a algorithm) curve() asn1.ObjectIdentifier {
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(a.Params.FullBytes, &oid); err != nil {
		return nil
	}
	return oid
}

type spki struct {
	Algorithm algorithm
	Key       asn1.BitString
}

// pkcs8 is PrivateKeyInfo of RFC 5208 and RFC 5958; encoding/asn1 skips the attributes after the key.
type pkcs8 struct {
	Version   int
	Algorithm algorithm
	Key       []byte
}

// sec1 is ECPrivateKey of RFC 5915, for the one curve that crypto/x509 does not know.
type sec1 struct {
	Version int
	Key     []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// isSPKI tells a SubjectPublicKeyInfo (its first member is a SEQUENCE) from a private key (an INTEGER).
func isSPKI(der []byte) bool {
	var s, first asn1.RawValue
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return false
	}
	_, err := asn1.Unmarshal(s.Bytes, &first)
	return err == nil && first.Tag == asn1.TagSequence
}

func readSPKI(der []byte) (*Key, error) {
	var p spki
	if err := unmarshalDER(der, &p); err != nil {
		return nil, err
	}
	switch {
	case p.Algorithm.OID.Equal(oidRSA):
		return readRSAPublic(der)
	case p.Algorithm.OID.Equal(oidEd25519):
		return publicKey(crypto.UnmarshalEd25519PublicKey(p.Key.RightAlign()))
	case p.Algorithm.OID.Equal(oidEC) && p.Algorithm.curve().Equal(oidSecp256k1):
		return publicKey(crypto.UnmarshalSecp256k1PublicKey(p.Key.RightAlign()))
	case p.Algorithm.OID.Equal(oidEC):
		return publicKey(crypto.UnmarshalECDSAPublicKey(der))
	}
	return nil, wrongAlgorithm(p.Algorithm.OID)
}

func readPKCS8(der []byte) (*Key, error) {
	var p pkcs8
	if err := unmarshalDER(der, &p); err != nil {
		return nil, err
	}
	switch {
	case p.Algorithm.OID.Equal(oidRSA):
		return readRSAPrivate(p.Key)
	case p.Algorithm.OID.Equal(oidEd25519):
		return ed25519FromSeed(p.Key)
	case p.Algorithm.OID.Equal(oidEC):
		return readSEC1(p.Key, p.Algorithm.curve(), der)
	}
	return nil, wrongAlgorithm(p.Algorithm.OID)
}

// ed25519FromSeed reads CurvePrivateKey of RFC 8410, an OCTET STRING with the seed.
func ed25519FromSeed(der []byte) (*Key, error) {
	var seed []byte
	if err := unmarshalDER(der, &seed); err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, malformed("ed25519 private key of %d bytes, 32 wanted", len(seed)).WithHint(cutHint)
	}
	return privateKey(crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed)))
}

// readSEC1 reads an EC private key; whole is the PKCS8 around it, or nil. The curve may be named in either.
func readSEC1(der []byte, curve asn1.ObjectIdentifier, whole []byte) (*Key, error) {
	var p sec1
	if err := unmarshalDER(der, &p); err != nil {
		return nil, err
	}
	if len(curve) == 0 {
		curve = p.Curve
	}
	if curve.Equal(oidSecp256k1) {
		if len(p.Key) != 32 {
			return nil, malformed("secp256k1 private key of %d bytes, 32 wanted", len(p.Key)).WithHint(cutHint)
		}
		k, err := readSecp256k1(p.Key)
		if err != nil {
			return nil, err
		}
		return k, matchPublicPoint(k, p.Public.RightAlign())
	}
	if whole == nil {
		return privateKey(crypto.UnmarshalECDSAPrivateKey(der))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(whole)
	if err != nil {
		return nil, malformed("the EC private key inside is not valid, or on a curve that libp2p does not use").
			WithHint("libp2p peers use curve P-256; `p2p keygen --type ecdsa` makes such a key")
	}
	priv, _, err := crypto.KeyPairFromStdKey(parsed)
	return privateKey(priv, err)
}

func matchPublicPoint(k *Key, point []byte) error {
	if len(point) == 0 {
		return nil
	}
	pub, err := crypto.UnmarshalSecp256k1PublicKey(point)
	if err != nil || !pub.Equals(k.Pub) {
		return fail.New(fail.KeyMismatch, "the public key inside this secp256k1 private key is not its own").
			WithHint("the key was put together wrongly or damaged; use a sound copy")
	}
	return nil
}

// readRSAPrivate reads PKCS1. The sizes are checked on the plain integers first: crypto/x509 computes with
// them (more than ten minutes for a prime of 3,000,000 bits, measured).
func readRSAPrivate(der []byte) (*Key, error) {
	var p struct {
		Version                    int
		N, E, D, P, Q, Dp, Dq, Inv *big.Int
	}
	if err := unmarshalDER(der, &p); err != nil {
		return nil, err
	}
	if err := checkModulus(p.N); err != nil {
		return nil, err
	}
	if p.Version != 0 {
		return nil, malformed("RSA private key of version %d; only two primes (version 0) are for libp2p", p.Version).WithHint(newKeyHint)
	}
	for _, n := range []*big.Int{p.E, p.D, p.P, p.Q, p.Dp, p.Dq, p.Inv} {
		if n.BitLen() > p.N.BitLen() {
			return nil, malformed("RSA private key with a part longer than its modulus").WithHint(cutHint)
		}
	}
	return privateKey(crypto.UnmarshalRsaPrivateKey(der))
}

func readRSAPublic(der []byte) (*Key, error) {
	var p spki
	if err := unmarshalDER(der, &p); err != nil {
		return nil, err
	}
	if !p.Algorithm.OID.Equal(oidRSA) {
		return nil, wrongAlgorithm(p.Algorithm.OID)
	}
	var n struct {
		N *big.Int
		E *big.Int
	}
	if err := unmarshalDER(p.Key.RightAlign(), &n); err != nil {
		return nil, err
	}
	if err := checkModulus(n.N); err != nil {
		return nil, err
	}
	return publicKey(crypto.UnmarshalRsaPublicKey(der))
}

const newKeyHint = "make another key; ed25519 is the usual choice: `p2p keygen`"

func checkModulus(n *big.Int) error {
	if bits := n.BitLen(); bits < MinRSABits || bits > MaxRSABits {
		return rsaSize(bits).WithHint(newKeyHint)
	}
	return nil
}

func unmarshalDER(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err != nil {
		return malformed("the key's DER encoding is broken").WithHint(cutHint)
	}
	if len(rest) > 0 {
		return malformed("%d bytes too many after the key's DER encoding", len(rest)).WithHint(cutHint)
	}
	return nil
}

func wrongAlgorithm(oid asn1.ObjectIdentifier) *fail.Error {
	name := map[string]string{
		"1.3.101.110": "X25519", "1.3.101.111": "X448", "1.3.101.113": "Ed448", "1.2.840.10040.4.1": "DSA",
		"1.2.840.113549.1.1.10": "RSA-PSS", "1.2.840.113549.1.3.1": "Diffie-Hellman",
	}[oid.String()]
	if name == "" {
		name = "algorithm " + oid.String()
	}
	return fail.New(fail.KeyType, "%s keys are not for libp2p", name).
		WithHint("make an ed25519 key: `p2p keygen`")
}
