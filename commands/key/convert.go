package key

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
)

func convertCommand() *cmd.Node {
	var o convertOptions
	return cmd.Command(cmd.Leaf{
		Name:  "convert",
		Short: "write a key in another form",
		Long: "Forms: json (keygen's), protobuf (raw), base64 (of the protobuf, as in a kubo config), pem (PKCS8),\n" +
			"kubo-keystore (with --name and --out DIR: the file that kubo looks for), and without the private key\n" +
			"public (base64 of the protobuf), pem-public, peer-id, cid.\n\n" +
			"    p2p key convert --to pem id.json --out id.pem\n" +
			"    p2p key convert --to cid 12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf\n" +
			"    p2p key convert --to kubo-keystore --name web --out ~/.ipfs/keystore id.json",
		Args:    []string{"<file|id>"},
		Flags:   o.flags(),
		Words:   map[string][]string{"to": identity.Formats()},
		Results: []any{identity.JSON{}, identity.Written{}},
		Bare:    true,
		Run:     func(_ context.Context, c *cmd.Call) error { return runConvert(c, o) },
	})
}

type convertOptions struct {
	to, out, name string
	force         bool
}

func (o *convertOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "to", Usage: "the form to write", Destination: &o.to},
		&cli.StringFlag{Name: "out", TakesFile: true, Usage: "write to this file, mode 0600", Destination: &o.out},
		&cli.StringFlag{Name: "name", Usage: "name of the key in the kubo keystore that --out is", Destination: &o.name},
		&cli.BoolFlag{Name: "force", Usage: "let --out overwrite a file", Destination: &o.force},
	}
}

func runConvert(c *cmd.Call, o convertOptions) error {
	switch {
	case o.to == "":
		return fail.New(fail.UsageFlag, "--to is missing").WithHint("write --to and one of %s", strings.Join(identity.Formats(), ", "))
	case o.name != "" && (o.to != "kubo-keystore" || o.out == ""):
		return fail.New(fail.UsageFlag, "--name is for --to kubo-keystore --out DIR").WithHint("leave --name out, and give --out the file")
	}
	k, err := find(c, c.Args[0])
	if err != nil {
		return err
	}
	b, err := k.Encode(o.to)
	if err != nil {
		return err
	}
	if o.out == "" {
		return c.Raw(b)
	}
	file := o.out
	if o.name != "" {
		file = filepath.Join(o.out, identity.KeystoreName(o.name))
	}
	if err := identity.WriteFile(file, b, o.force); err != nil {
		return err
	}
	j, err := k.JSON()
	if err != nil || c.Out.Quiet {
		return err
	}
	line, err := json.Marshal(identity.Written{ID: j.ID, PubKey: j.PubKey, Type: j.Type, File: file})
	if err != nil {
		return err
	}
	return c.Raw(append(line, '\n'))
}
