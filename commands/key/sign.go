package key

import (
	"context"
	"encoding/base64"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
	"p2p/lib/out"
)

func signCommand() *cmd.Node {
	var o signOptions
	return cmd.Command(cmd.Leaf{
		Name:  "sign",
		Short: "sign a message with a peer key",
		Long: "The message is a file or stdin, at most 64 MiB. What is signed is the text \"" + identity.SignedPrefix + "\"\n" +
			"followed by the bytes of the message, with the plain libp2p signature of the key's type; this is also what\n" +
			"`ipfs key sign` and `ipfs key verify` do. A signature can therefore not pass for a libp2p record's.\n\n" +
			"    p2p key sign --identity id.json release.tar.gz",
		Args:    []string{"[file]"},
		Flags:   o.flags(),
		Results: []any{Signed{}},
		Run:     func(_ context.Context, c *cmd.Call) error { return runSign(c, o) },
	})
}

type signOptions struct{ identity string }

func (o *signOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "identity", TakesFile: true, Usage: "file of the private key", EnvVars: []string{"P2P_IDENTITY"}, Destination: &o.identity},
	}
}

// Signed is a signature and what checks it: the peer id, or for RSA and ECDSA the public key.
type Signed struct {
	PeerID       string `json:"peer_id"`
	Type         string `json:"type"`
	PubKey       string `json:"pubkey"`
	Signature    string `json:"signature"`
	Prefix       string `json:"prefix"`
	MessageBytes int    `json:"message_bytes"`
}

// Text shows the signature and who made it.
func (s Signed) Text(w *out.Text) {
	w.Row("peer id", s.PeerID)
	w.Row("signature", s.Signature)
}

func runSign(c *cmd.Call, o signOptions) error {
	if o.identity == "" {
		return fail.New(fail.UsageFlag, "--identity is missing").WithHint("name the file of the private key; `p2p keygen --out id.json` makes one")
	}
	k, err := identity.LoadKey(o.identity)
	if err != nil {
		return err
	}
	if _, err := k.Private(); err != nil {
		return err
	}
	warnExposed(c, o.identity)
	text, err := message(c)
	if err != nil {
		return err
	}
	sig, err := k.Sign(text)
	if err != nil {
		return err
	}
	j, err := k.JSON()
	if err != nil {
		return err
	}
	return c.Print(Signed{PeerID: j.ID, Type: j.Type, PubKey: j.PubKey, Signature: base64.StdEncoding.EncodeToString(sig),
		Prefix: identity.SignedPrefix, MessageBytes: len(text)})
}
