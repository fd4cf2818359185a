package identity

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"strings"

	"p2p/lib/fail"
)

const formsHint = "known forms: keygen's or js-libp2p's JSON, a kubo config, protobuf (raw or base64), PEM (PKCS8 or public), a peer id"

// Read reads a key in any known form. With key.mismatch the Key is returned beside the error, as the key
// itself says it, so that a report can show both ids.
func Read(b []byte) (*Key, error) {
	if len(b) > MaxFileBytes {
		return nil, tooLarge("the key")
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff"))
	switch {
	case text == "":
		return nil, malformed("the key is empty").WithHint("`p2p keygen --out id.json` makes one")
	case isUTF16(b):
		return nil, malformed("the key is UTF-16 text").
			WithHint("PowerShell's > writes UTF-16; save the file as UTF-8, or let `p2p keygen --out id.json` write it")
	case b[0] == 0x08:
		return formed("protobuf")(readProtobuf(b))
	case b[0] == 0x30:
		return formed("der")(readDER(b))
	case text[0] == '{':
		return readJSON([]byte(text))
	case strings.Contains(text, "-----BEGIN "):
		return formed("pem")(readPEM([]byte(text)))
	case text[0] == 'C': // CAAS, CAES, CAIS, CAMS: base64 of 08, the type, 12
		raw, err := decodeBase64("the key", text)
		if err != nil {
			return nil, err
		}
		return formed("base64")(readProtobuf(raw))
	}
	if !looksLikeID(text) && !isOneWord(text) {
		return nil, malformed("this is no key that p2p knows").WithHint(formsHint)
	}
	id, err := ParseID(text)
	if err != nil {
		return nil, err
	}
	return fromID(id), nil
}

func formed(form string) func(*Key, error) (*Key, error) {
	return func(k *Key, err error) (*Key, error) {
		if k != nil {
			k.Form = form
		}
		return k, err
	}
}

func isUTF16(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})
}

func isOneWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Split returns the keys of a stream: several JSON objects one after the other, several lines of peer ids, or
// one key that is the whole.
func Split(b []byte) [][]byte {
	text := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	var parts [][]byte
	if bytes.HasPrefix(text, []byte("{")) {
		d := json.NewDecoder(bytes.NewReader(text))
		for {
			var part json.RawMessage
			switch err := d.Decode(&part); {
			case err == io.EOF:
				return parts
			case err != nil:
				return [][]byte{b}
			}
			parts = append(parts, part)
		}
	}
	for _, line := range bytes.Split(text, []byte{'\n'}) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !looksLikeID(string(line)) {
			return [][]byte{b}
		}
		if len(line) > 0 {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 {
		return [][]byte{b}
	}
	return parts
}

func readDER(b []byte) (*Key, error) {
	if isSPKI(b) {
		return readSPKI(b)
	}
	return readPKCS8(b)
}

func readPEM(b []byte) (*Key, error) {
	block, rest := pem.Decode(b)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, malformed("the PEM block is broken").
			WithHint("it is lines of base64 between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----, each on a line of its own")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, malformed("a second PEM block (%q) after the first (%q)", next.Type, block.Type).WithHint("one key a file")
	}
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, fail.New(fail.KeyEncrypted, "the PEM key is encrypted with a passphrase").
			WithHint("openssl pkcs8 -topk8 -nocrypt -in FILE -out plain.pem")
	}
	switch block.Type {
	case "PRIVATE KEY":
		return readPKCS8(block.Bytes)
	case "PUBLIC KEY":
		return readSPKI(block.Bytes)
	case "RSA PRIVATE KEY":
		return readRSAPrivate(block.Bytes)
	case "EC PRIVATE KEY":
		return readSEC1(block.Bytes, nil, nil)
	}
	hint := "PRIVATE KEY (PKCS8) and PUBLIC KEY are known"
	switch block.Type {
	case "OPENSSH PRIVATE KEY":
		hint = "ssh-keygen -p -N '' -m PKCS8 -f FILE rewrites it (not for ed25519: make a new key with `p2p keygen`)"
	case "CERTIFICATE":
		hint = "a certificate is no peer key; take its key: openssl x509 -pubkey -noout -in FILE"
	}
	return nil, fail.New(fail.KeyType, "PEM block %q is no key that p2p reads", block.Type).WithHint("%s", hint)
}

// document is the union of the JSON forms: keygen's, js-libp2p's and kubo's config.
type document struct {
	ID       *string `json:"id"`
	PrivKey  *string `json:"privKey"`
	PubKey   *string `json:"pubKey"`
	Type     *string `json:"type"`
	Identity *struct {
		PeerID  *string
		PrivKey *string
	}
}

func readJSON(b []byte) (*Key, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, badJSON(b, err)
	}
	if d.Identity != nil {
		k, err := assemble(d.Identity.PeerID, d.Identity.PrivKey, nil, nil)
		return formed("kubo-config")(k, err)
	}
	k, err := assemble(d.ID, d.PrivKey, d.PubKey, d.Type)
	return formed("json")(k, err)
}

// assemble takes the strongest part there is and holds the others against it.
func assemble(id, priv, pub, typ *string) (*Key, error) {
	var k *Key
	for _, part := range []struct {
		name    string
		value   *string
		private bool
	}{{"privKey", priv, true}, {"pubKey", pub, false}} {
		if part.value == nil || *part.value == "" {
			continue
		}
		got, err := readPart(part.name, *part.value, part.private)
		if err != nil {
			return nil, err
		}
		if k == nil {
			k = got
		} else if !got.Pub.Equals(k.Pub) {
			return k, mismatch("pubKey belongs to %s, privKey to %s", got.ID, k.ID)
		}
	}
	if id == nil || *id == "" {
		if k == nil {
			return nil, malformed("the JSON has no id, privKey or pubKey, and no Identity of a kubo config").WithHint(formsHint)
		}
		return k, checkType(k, typ)
	}
	stated, err := ParseID(*id)
	if err != nil {
		return nil, err
	}
	if k == nil {
		k = fromID(stated)
	}
	k.Stated = stated
	if stated != k.ID {
		return k, mismatch("the id says %s, the key is %s's", stated, k.ID)
	}
	return k, checkType(k, typ)
}

func readPart(name, value string, private bool) (*Key, error) {
	raw, err := decodeBase64(name, value)
	if err != nil {
		return nil, err
	}
	k, err := readProtobuf(raw)
	if err != nil {
		e := *fail.Of(err)
		e.Message = name + ": " + e.Message
		return nil, &e
	}
	if private && k.Priv == nil {
		return nil, malformed("privKey holds a public key").WithHint("put it under pubKey, or give the private key")
	}
	if !private && k.Priv != nil {
		return nil, malformed("pubKey holds a private key, which should be secret").
			WithHint("if this file was handed out, the key is burnt: make another with `p2p keygen`")
	}
	return k, nil
}

func checkType(k *Key, typ *string) error {
	if typ == nil || *typ == "" || k.Pub == nil || strings.EqualFold(*typ, string(k.Type())) {
		return nil
	}
	return mismatch("the type says %q, the key is %s", Quotable(*typ), k.Type())
}

func mismatch(format string, args ...any) *fail.Error {
	return fail.New(fail.KeyMismatch, format, args...).
		WithHint("the file was put together from two keys; `p2p key convert --to json` writes a sound one from the private key alone")
}

// badJSON gives the place but not the text of the error: encoding/json quotes the input.
func badJSON(b []byte, err error) *fail.Error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line, column := position(b, syntax.Offset)
		return malformed("broken JSON at line %d, column %d", line, column).WithHint(cutHint)
	case errors.As(err, &wrong):
		line, column := position(b, wrong.Offset)
		return malformed("%s in the JSON is no text (line %d, column %d)", wrong.Field, line, column).
			WithHint("id, privKey, pubKey and type are strings")
	}
	return malformed("broken JSON").WithHint(cutHint)
}

func position(b []byte, offset int64) (line, column int) {
	before := b[:min(max(offset-1, 0), int64(len(b)))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - bytes.LastIndexByte(before, '\n')
}
