package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"github.com/libp2p/go-libp2p/core/pnet"
	"golang.org/x/crypto/salsa20"

	"p2p/lib/fail"
)

const (
	swarmHeader   = "/key/swarm/psk/1.0.0/"
	swarmKeyBytes = 32
)

const swarmHint = "three lines: /key/swarm/psk/1.0.0/ then /base16/ then 64 hex digits; `p2p swarmkey gen` makes one"

// SwarmKey is the pre-shared key of a private network.
type SwarmKey struct {
	PSK      pnet.PSK
	Encoding string // base16, base64 or bin
}

// NewSwarmKey makes a random key.
func NewSwarmKey() (*SwarmKey, error) {
	b := make([]byte, swarmKeyBytes)
	if _, err := io.ReadFull(rand.Reader, b); err != nil {
		return nil, fail.New(fail.Internal, "read random bytes").WithCause(err)
	}
	return &SwarmKey{PSK: b, Encoding: "base16"}, nil
}

// File returns the key as the three lines of a swarm.key file.
func (s *SwarmKey) File() []byte {
	return []byte(swarmHeader + "\n/base16/\n" + hex.EncodeToString(s.PSK) + "\n")
}

// Fingerprint returns the 32 hex digits that kubo prints at its start: SHAKE128 over 64 bytes of the salsa20
// stream with the nonce "finprint" (kubo, core/node/libp2p/pnet.go). It does not give the key away.
func (s *SwarmKey) Fingerprint() string {
	stream := make([]byte, 64)
	salsa20.XORKeyStream(stream, stream, []byte("finprint"), (*[swarmKeyBytes]byte)(s.PSK))
	return hex.EncodeToString(sha3.SumSHAKE128(stream, 16))
}

// Problems returns warnings about a key that is well formed.
func (s *SwarmKey) Problems() []*fail.Error {
	problems := []*fail.Error{}
	if allSame(s.PSK) {
		problems = append(problems, fail.New(fail.SwarmKeyWeak, "the key is one byte repeated 32 times: everyone can guess it").
			WithHint("`p2p swarmkey gen --out swarm.key` makes a random one"))
	}
	if s.Encoding != "base16" {
		problems = append(problems, fail.New(fail.SwarmKeyGoOnly, "the encoding /%s/ is read by go-libp2p only, js and rust want /base16/", s.Encoding).
			WithHint("write the key as 64 hex digits under /base16/"))
	}
	return problems
}

// LoadSwarmKey reads a swarm key file (--swarm-key).
func LoadSwarmKey(path string) (*SwarmKey, error) {
	b, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := ReadSwarmKey(b)
	return s, inFile(path, err)
}

// ReadSwarmKey reads a swarm key file as go-libp2p does, but refuses what go-libp2p ignores: anything after the key.
func ReadSwarmKey(b []byte) (*SwarmKey, error) {
	switch {
	case len(b) > MaxFileBytes:
		return nil, tooLarge("the swarm key")
	case len(bytes.TrimSpace(b)) == 0:
		return nil, badSwarmKey("the swarm key is empty")
	case isUTF16(b):
		return nil, badSwarmKey("the swarm key is UTF-16 text").WithHint("PowerShell's > writes UTF-16; use `p2p swarmkey gen --out swarm.key`")
	case bytes.HasPrefix(b, []byte("\ufeff")):
		return nil, badSwarmKey("the swarm key begins with a byte order mark").WithHint("save it as UTF-8 without BOM; kubo would refuse it too")
	}
	header, rest, err := swarmLine(b, 1, swarmHeader)
	if err != nil {
		return nil, err
	}
	if header != swarmHeader {
		return nil, wrongHeader(header)
	}
	encoding, body, err := swarmLine(rest, 2, "/base16/")
	if err != nil {
		return nil, err
	}
	var key []byte
	switch encoding {
	case "/base16/":
		key, err = decodeBase16(body)
	case "/base64/":
		key, err = decodeSwarmBase64(body)
	case "/bin/":
		key, err = body, nil
		if n := len(body) - swarmKeyBytes; n == 1 && body[swarmKeyBytes] == '\n' {
			key = body[:swarmKeyBytes]
		}
	default:
		return nil, badSwarmKey("line 2 is %s, not an encoding", swarmQuote(encoding)).WithHint("line 2 is /base16/ (or /base64/ or /bin/)")
	}
	if err != nil {
		return nil, err
	}
	if len(key) != swarmKeyBytes {
		return nil, badSwarmKey("the key has %d bytes, 32 wanted", len(key))
	}
	return &SwarmKey{PSK: bytes.Clone(key), Encoding: strings.Trim(encoding, "/")}, nil
}

// swarmLine takes one line off; like go-libp2p it forgives a carriage return.
func swarmLine(b []byte, number int, want string) (line string, rest []byte, err error) {
	head, rest, ok := bytes.Cut(b, []byte{'\n'})
	line = strings.TrimRight(string(head), "\r")
	if ok {
		return line, rest, nil
	}
	if number == 1 && line != swarmHeader {
		return "", nil, wrongHeader(line)
	}
	return "", nil, badSwarmKey("the swarm key ends in line %d, which should be %s and more lines after it", number, want)
}

func wrongHeader(line string) *fail.Error {
	e := badSwarmKey("line 1 is %s, not %s", swarmQuote(line), swarmHeader)
	if _, err := hex.DecodeString(line); err == nil && len(line) == 2*swarmKeyBytes {
		e = e.WithHint("the two header lines are missing: put /key/swarm/psk/1.0.0/ and /base16/ before it")
	}
	return e
}

func decodeBase16(body []byte) ([]byte, error) {
	text, after := body, []byte(nil)
	if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
		text, after = body[:i], body[i:]
	}
	for i, c := range text {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return nil, badSwarmKey("line 3, character %d is not a hex digit", i+1)
		}
	}
	if len(text) != 2*swarmKeyBytes {
		return nil, badSwarmKey("line 3 has %d hex digits, 64 wanted", len(text))
	}
	if err := nothingAfter(after); err != nil {
		return nil, err
	}
	return hex.DecodeString(string(text))
}

func decodeSwarmBase64(body []byte) ([]byte, error) {
	text, after := body, []byte(nil)
	if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
		text, after = body[:i], body[i:]
	}
	key, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		at, _ := err.(base64.CorruptInputError)
		return nil, badSwarmKey("line 3, character %d is not base64 (44 characters with = at the end wanted, there are %d)", int64(at)+1, len(text))
	}
	return key, nothingAfter(after)
}

func nothingAfter(b []byte) error {
	if n := len(bytes.TrimSpace(b)); n > 0 {
		return badSwarmKey("%d bytes too many after the key", n)
	}
	return nil
}

func badSwarmKey(format string, args ...any) *fail.Error {
	return fail.New(fail.SwarmKeyMalformed, format, args...).WithHint(swarmHint)
}

// swarmQuote quotes a line only if it is a header gone wrong; anything else may be the key itself.
func swarmQuote(line string) string {
	if strings.HasPrefix(line, "/") && len(line) <= 40 {
		return `"` + strings.ToValidUTF8(line, "?") + `"`
	}
	return "another text"
}
