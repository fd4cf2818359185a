package key

import (
	"context"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
	"p2p/lib/out"
)

func verifyCommand() *cmd.Node {
	var o verifyOptions
	return cmd.Command(cmd.Leaf{
		Name:  "verify",
		Short: "check a signature that a peer key made",
		Long: "Checks what `p2p key sign` or `ipfs key sign` printed. A peer id is enough for ed25519 and secp256k1;\n" +
			"for RSA and ECDSA, whose ids are hashes, --key is a file with the public key, or its base64.\n" +
			"A signature that is not the key's is a finding with exit status 5.\n\n" +
			"    p2p key verify --key 12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf --signature BASE64 release.tar.gz",
		Args:    []string{"[file]"},
		Flags:   o.flags(),
		Results: []any{Verified{}},
		Run:     func(_ context.Context, c *cmd.Call) error { return runVerify(c, o) },
	})
}

type verifyOptions struct{ key, signature string }

func (o *verifyOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "key", TakesFile: true, Usage: "file of the key, or the peer id", Destination: &o.key},
		&cli.StringFlag{Name: "signature", Usage: "the signature in base64, or in kubo's multibase", Destination: &o.signature},
	}
}

// Verified says whether the signature is the key's.
type Verified struct {
	OK           bool        `json:"ok"`
	PeerID       string      `json:"peer_id"`
	Type         string      `json:"type"`
	MessageBytes int         `json:"message_bytes"`
	Error        *fail.Error `json:"error,omitempty"`
}

func (v Verified) Failure() *fail.Error { return v.Error }

// Text shows the verdict and whose key it was held against.
func (v Verified) Text(w *out.Text) {
	verdict := "signed by"
	if !v.OK {
		verdict = "not signed by"
	}
	w.Printf("%s %s %s\n", w.Mark(v.OK), verdict, v.PeerID)
}

func runVerify(c *cmd.Call, o verifyOptions) error {
	switch {
	case o.key == "":
		return fail.New(fail.UsageFlag, "--key is missing").WithHint("write --key and the peer id or the file of the public key")
	case o.signature == "":
		return fail.New(fail.UsageFlag, "--signature is missing").WithHint("write --signature and the base64 that `p2p key sign` printed")
	}
	readings, err := identity.ParseSignature(o.signature)
	if err != nil {
		return err
	}
	k, err := identity.Find(o.key)
	if err != nil {
		return err
	}
	if _, err := k.Public(); err != nil {
		return err
	}
	text, err := message(c)
	if err != nil {
		return err
	}
	v := Verified{OK: true, PeerID: k.ID.String(), Type: string(k.Type()), MessageBytes: len(text)}
	if err := k.Verify(text, readings...); err != nil {
		v.OK, v.Error = false, fail.Of(err)
	}
	if err := c.Print(v); err != nil {
		return err
	}
	return cmd.Finish(v.Error)
}
