package identity

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2p/lib/fail"
)

// Bounds of an RSA modulus in bits. Below, go-libp2p and js-libp2p refuse the key; above, checking a
// signature burns the other side's CPU (CVE-2023-39533).
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// MinSeedBytes is the least length of a seed that keys are derived from.
const MinSeedBytes = 32

// MaxIndex is the highest index of a derived key.
const MaxIndex = 1<<32 - 1

// Generate makes a new key. Bits counts for RSA only.
func Generate(t Type, bits int) (*Key, error) {
	var priv crypto.PrivKey
	var err error
	switch t {
	case Ed25519:
		priv, _, err = crypto.GenerateEd25519Key(rand.Reader)
	case Secp256k1:
		priv, _, err = crypto.GenerateSecp256k1Key(rand.Reader)
	case ECDSA:
		priv, _, err = crypto.GenerateECDSAKeyPair(rand.Reader)
	case RSA:
		if err := CheckRSABits(bits); err != nil {
			return nil, err
		}
		priv, _, err = crypto.GenerateRSAKeyPair(bits, rand.Reader)
	default:
		return nil, fail.New(fail.KeyType, "unknown key type %q", t).WithHint("write one of %s", strings.Join(Types(), ", "))
	}
	if err != nil {
		return nil, fail.New(fail.Internal, "make %s key", t).WithCause(err)
	}
	return FromPrivate(priv)
}

// CheckRSABits refuses sizes that no peer would accept, before any work is done.
func CheckRSABits(bits int) error {
	switch {
	case bits < MinRSABits:
		return rsaSize(bits).WithHint("--bits 2048 is the least; ed25519 keys are smaller and faster: `p2p keygen --type ed25519`")
	case bits > MaxRSABits:
		return rsaSize(bits).WithHint("--bits 8192 is the most; larger keys only burn the other side's CPU")
	case bits%8 != 0:
		return rsaSize(bits).WithHint("write a multiple of 8, such as 2048, 3072 or 4096")
	}
	return nil
}

func rsaSize(bits int) *fail.Error {
	return fail.New(fail.KeySize, "RSA key of %d bits, %d to %d wanted", bits, MinRSABits, MaxRSABits).
		WithDetail("type", string(RSA)).WithDetail("bits", bits)
}

// Derive returns the ed25519 key number index of a seed. The ed25519 seed is
// HKDF-SHA256(secret = all bytes of the seed, salt = none, info = "p2p/identity/v1/" + index in decimal), 32 bytes (RFC 5869).
func Derive(seed []byte, index uint64) (*Key, error) {
	if err := CheckSeed(seed); err != nil {
		return nil, err
	}
	if index > MaxIndex {
		return nil, fail.New(fail.KeySeed, "index %d is too high, %d is the highest", index, uint64(MaxIndex))
	}
	raw, err := hkdf.Key(sha256.New, seed, nil, fmt.Sprintf("p2p/identity/v1/%d", index), 32)
	if err != nil {
		return nil, fail.New(fail.Internal, "derive key %d", index).WithCause(err)
	}
	priv, _, err := crypto.GenerateEd25519Key(bytes.NewReader(raw))
	if err != nil {
		return nil, fail.New(fail.Internal, "derive key %d", index).WithCause(err)
	}
	return FromPrivate(priv)
}

// CheckSeed refuses a seed that is too short or plainly no secret.
func CheckSeed(seed []byte) error {
	if len(seed) < MinSeedBytes {
		return fail.New(fail.KeySeed, "the seed has %d bytes, at least %d wanted", len(seed), MinSeedBytes).
			WithHint("`p2p keygen --new-seed --out fleet.seed` makes one")
	}
	if allSame(seed) {
		return fail.New(fail.KeySeed, "the seed is one byte repeated %d times: everyone can guess the keys", len(seed)).
			WithHint("`p2p keygen --new-seed --out fleet.seed` makes one")
	}
	return nil
}

// NewSeed returns 32 random bytes.
func NewSeed() ([]byte, error) {
	b := make([]byte, MinSeedBytes)
	if _, err := io.ReadFull(rand.Reader, b); err != nil {
		return nil, fail.New(fail.Internal, "read random bytes").WithCause(err)
	}
	return b, nil
}

// ParseIndex reads "7" or "0..99" (both ends included) as --index takes it.
func ParseIndex(s string) (first, last uint64, err error) {
	a, b, isRange := strings.Cut(s, "..")
	if !isRange {
		b = a
	}
	first, errA := strconv.ParseUint(a, 10, 32)
	last, errB := strconv.ParseUint(b, 10, 32)
	if errA != nil || errB != nil {
		return 0, 0, fail.New(fail.UsageFlag, "bad value %q for --index", s).
			WithHint("write one number or a range such as --index 0..9, from 0 to %d", uint64(MaxIndex))
	}
	if last < first {
		return 0, 0, fail.New(fail.UsageFlag, "bad value %q for --index: the range runs backwards", s).
			WithHint("write --index %d..%d", last, first)
	}
	return first, last, nil
}

func allSame(b []byte) bool {
	return len(b) > 0 && bytes.Count(b, b[:1]) == len(b)
}
