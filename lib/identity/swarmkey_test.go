package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/pnet"

	"p2p/lib/fail"
)

const counting = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func swarmFile(encoding, body string) string { return swarmHeader + "\n/" + encoding + "/\n" + body }

// Computed without this program: salsa20 by hand in Python (checked against the eSTREAM vector), SHAKE128 by hashlib.
func TestFingerprint(t *testing.T) {
	for key, want := range map[string]string{
		counting:                 "41dfbf48d882a8ee665983adfa7a48f7",
		strings.Repeat("ab", 32): "fd957768903569d239aaec7c59b359e3",
	} {
		s, err := ReadSwarmKey([]byte(swarmFile("base16", key)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, want %s", key, got, want)
		}
	}
}

func TestNewSwarmKey(t *testing.T) {
	a, err := NewSwarmKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewSwarmKey()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.PSK, b.PSK) || a.Fingerprint() == b.Fingerprint() || len(a.Problems()) != 0 {
		t.Errorf("two keys: %s %s", a.Fingerprint(), b.Fingerprint())
	}
	got, err := pnet.DecodeV1PSK(bytes.NewReader(a.File()))
	if err != nil || !bytes.Equal(got, a.PSK) {
		t.Errorf("go-libp2p reads it otherwise: %v", err)
	}
}

func TestReadSwarmKey(t *testing.T) {
	raw, _ := hex.DecodeString(counting)
	b64 := base64.StdEncoding.EncodeToString(raw)
	for _, in := range []string{
		swarmFile("base16", counting), swarmFile("base16", counting+"\n"), swarmFile("base16", strings.ToUpper(counting)+"\r\n"),
		strings.ReplaceAll(swarmFile("base16", counting+"\n"), "\n", "\r\n"),
		swarmFile("base64", b64), swarmFile("base64", b64+"\n\n"), swarmFile("bin", string(raw)), swarmFile("bin", string(raw)+"\n"),
	} {
		s, err := ReadSwarmKey([]byte(in))
		if err != nil || !bytes.Equal(s.PSK, raw) {
			t.Fatalf("%q: %v", in, err)
		}
		if only := s.Encoding != "base16"; only != (len(s.Problems()) == 1) {
			t.Errorf("%s: %v", s.Encoding, s.Problems())
		}
		if got, err := pnet.DecodeV1PSK(strings.NewReader(in)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%q: go-libp2p: %v", in, err)
		}
	}
	s, err := ReadSwarmKey([]byte(swarmFile("base16", strings.Repeat("00", 32))))
	if err != nil || len(s.Problems()) != 1 || s.Problems()[0].Code != fail.SwarmKeyWeak {
		t.Errorf("a key of zeros: %v", err)
	}
}

func TestMalformedSwarmKey(t *testing.T) {
	raw, _ := hex.DecodeString(counting)
	for in, says := range map[string]string{
		"":                                       "empty",
		"\n\n":                                   "empty",
		"\ufeff" + swarmFile("base16", counting): "byte order mark",
		"\xff\xfe/\x00k\x00":                     "UTF-16",
		counting + "\n":                          "two header lines are missing",
		counting:                                 "two header lines are missing",
		"/key/swarm/psk/1.0.1/\n/base16/\n" + counting:                  `line 1 is "/key/swarm/psk/1.0.1/"`,
		" " + swarmFile("base16", counting):                             "line 1 is another text",
		swarmHeader:                                                     "ends in line 1",
		swarmHeader + "\n":                                              "ends in line 2",
		swarmHeader + "\n/base16/":                                      "ends in line 2",
		swarmHeader + "\n" + counting + "\n":                            "line 2 is another text",
		swarmFile("base32", counting):                                   `line 2 is "/base32/"`,
		swarmFile("base16", ""):                                         "line 3 has 0 hex digits, 64 wanted",
		swarmFile("base16", counting[:62]):                              "line 3 has 62 hex digits, 64 wanted",
		swarmFile("base16", counting[:63]):                              "line 3 has 63 hex digits, 64 wanted",
		swarmFile("base16", counting+"00"):                              "line 3 has 66 hex digits, 64 wanted",
		swarmFile("base16", counting[:10]+"g"+counting[11:]):            "line 3, character 11 is not a hex digit",
		swarmFile("base16", " "+counting):                               "line 3, character 1 is not a hex digit",
		swarmFile("base16", counting+"\nmore"):                          "4 bytes too many after the key",
		swarmFile("base64", base64.StdEncoding.EncodeToString(raw[1:])): "31 bytes, 32 wanted",
		swarmFile("base64", base64.RawStdEncoding.EncodeToString(raw)):  "line 3, character",
		swarmFile("base64", "!"):                                        "line 3, character 1 is not base64",
		swarmFile("bin", string(raw[1:])):                               "31 bytes, 32 wanted",
		swarmFile("bin", string(raw)+"xx"):                              "34 bytes, 32 wanted",
	} {
		_, err := ReadSwarmKey([]byte(in))
		wantCode(t, err, fail.SwarmKeyMalformed, says)
		if fail.Of(err).Hint == "" {
			t.Errorf("%q: no hint", in)
		}
		noSecret(t, err, counting)
	}
	_, err := ReadSwarmKey(make([]byte, MaxFileBytes+1))
	wantCode(t, err, fail.FileTooLarge)
}
