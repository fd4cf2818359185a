package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
)

func keygenCommand() *cmd.Node {
	var o keygenOptions
	return cmd.Command(cmd.Leaf{
		Name:  "keygen",
		Short: "make peer identities, at random or from a seed",
		Long: "Prints one JSON object a key, which js-libp2p, kubo's tools and every command of p2p read:\n" +
			"id, privKey and pubKey (base64 of the libp2p protobuf), type. With --out the key goes to a file of\n" +
			"mode 0600, and only what is public is printed.\n\n" +
			"A fleet can have its ed25519 keys from one seed. Key number N is\n" +
			"HKDF-SHA256(secret = all bytes of the seed file, salt = none, info = \"p2p/identity/v1/N\"), 32 bytes,\n" +
			"taken as the ed25519 seed. Whoever has the seed has every key.\n\n" +
			"    p2p keygen > id.json\n" +
			"    p2p keygen --type rsa --bits 4096 --format pem --out id.pem\n" +
			"    p2p keygen --new-seed --out fleet.seed\n" +
			"    p2p keygen --seed fleet.seed --index 0..9 --out keys",
		Flags:   o.flags(),
		Words:   map[string][]string{"type": identity.Types(), "format": {"json", "protobuf", "pem"}},
		Results: []any{identity.JSON{}, identity.Written{}, NewSeed{}},
		Bare:    true,
		Run:     func(ctx context.Context, c *cmd.Call) error { return runKeygen(ctx, c, o) },
	})
}

type keygenOptions struct {
	typ, seed, index, format, out string
	bits, count                   int
	newSeed, force                bool
}

func (o *keygenOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "type", Usage: "ed25519, secp256k1, ecdsa or rsa", Value: "ed25519", Destination: &o.typ},
		&cli.IntFlag{Name: "bits", Usage: "size of an RSA key, 2048 to 8192", Value: 2048, Destination: &o.bits},
		&cli.IntFlag{Name: "count", Usage: "how many keys", Value: 1, Destination: &o.count},
		&cli.StringFlag{Name: "seed", TakesFile: true, Usage: "derive the keys from this file of at least 32 bytes", Destination: &o.seed},
		&cli.StringFlag{Name: "index", Usage: "which keys of the seed: N or A..B, both ends included", Destination: &o.index},
		&cli.BoolFlag{Name: "new-seed", Usage: "write a seed of 32 random bytes to --out", Destination: &o.newSeed},
		&cli.StringFlag{Name: "format", Usage: "json, protobuf or pem (PKCS8)", Value: "json", Destination: &o.format},
		&cli.StringFlag{Name: "out", TakesFile: true, Usage: "write to this file, or of several keys to this directory", Destination: &o.out},
		&cli.BoolFlag{Name: "force", Usage: "let --out overwrite a file", Destination: &o.force},
	}
}

// NewSeed tells where a seed went.
type NewSeed struct {
	File string `json:"file"`
}

func runKeygen(ctx context.Context, c *cmd.Call, o keygenOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.newSeed {
		return writeSeed(c, o)
	}
	first, last, one, err := o.source(c)
	if err != nil {
		return err
	}
	several := last > first
	if several && o.out == "" && o.format != "json" {
		return fail.New(fail.UsageFlag, "several keys as %s cannot share stdout", o.format).WithHint("--out DIR writes one file a key")
	}
	if identity.Type(o.typ) == identity.ECDSA {
		c.Warn("js-libp2p refuses ECDSA peer ids: take ed25519 where browsers or Node.js peers matter")
	}
	ext := map[string]string{"json": ".json", "protobuf": ".key", "pem": ".pem"}[o.format]
	name := func(i uint64) string { return filepath.Join(o.out, fmt.Sprint(i, ext)) }
	if several && o.out != "" {
		if err := prepareDir(o, first, last, name); err != nil {
			return err
		}
	}
	for i := first; i <= last; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, err := one(i)
		if err != nil {
			return err
		}
		file := o.out
		if several && o.out != "" {
			file = name(i)
		}
		if err := deliver(c, k, o, file); err != nil {
			return err
		}
	}
	return nil
}

// check refuses flags that would otherwise be ignored, and sizes that no peer accepts, before any work.
func (o *keygenOptions) check() error {
	bad := func(format string, args ...any) *fail.Error { return fail.New(fail.UsageFlag, format, args...) }
	fromSeed := o.seed != "" || o.index != ""
	switch {
	case o.newSeed && (fromSeed || o.count != 1 || o.typ != "ed25519" || o.format != "json"):
		return bad("--new-seed takes only --out and --force").WithHint("p2p keygen --new-seed --out fleet.seed")
	case o.newSeed && o.out == "":
		return bad("--new-seed needs --out: a seed is raw bytes").WithHint("p2p keygen --new-seed --out fleet.seed")
	case o.newSeed:
		return nil
	case (o.seed == "") != (o.index == ""):
		return bad("--seed and --index belong together").WithHint("p2p keygen --seed fleet.seed --index 0..9")
	case fromSeed && o.typ != "ed25519":
		return bad("only ed25519 keys can be derived from a seed, not %s", o.typ).WithHint("leave --type out")
	case fromSeed && o.count != 1:
		return bad("--count and --index exclude each other").WithHint("--index 0..9 makes ten keys")
	case o.count < 1:
		return bad("bad value %d for --count", o.count).WithHint("write 1 or more")
	case o.format != "json" && o.format != "protobuf" && o.format != "pem":
		return bad("unknown key format %q", o.format).WithHint("write json, protobuf or pem; `p2p key convert` knows more")
	case o.typ != "rsa" && o.bits != 2048:
		return bad("--bits is for --type rsa; %s keys have one size", o.typ).WithHint("leave --bits out")
	case o.typ == "rsa":
		return identity.CheckRSABits(o.bits)
	}
	return nil
}

// source returns the numbers of the keys and what makes one.
func (o *keygenOptions) source(c *cmd.Call) (first, last uint64, one func(uint64) (*identity.Key, error), err error) {
	if o.seed == "" {
		one = func(uint64) (*identity.Key, error) { return identity.Generate(identity.Type(o.typ), o.bits) }
		return 0, uint64(o.count) - 1, one, nil
	}
	if first, last, err = identity.ParseIndex(o.index); err != nil {
		return 0, 0, nil, err
	}
	seed, err := identity.ReadFile(o.seed)
	if err != nil {
		return 0, 0, nil, err
	}
	if e := identity.Exposed(o.seed); e != nil {
		c.Warn("%s; %s", e.Message, e.Hint)
	}
	one = func(i uint64) (*identity.Key, error) { return identity.Derive(seed, i) }
	return first, last, one, identity.CheckSeed(seed)
}

// prepareDir makes the directory and refuses before the first key if any of its files is taken.
func prepareDir(o keygenOptions, first, last uint64, name func(uint64) string) error {
	if err := os.MkdirAll(o.out, 0o700); err != nil {
		return fail.New(fail.FileUnwritable, "cannot make the directory %q: %w", o.out, err).WithHint("several keys go to a directory: --out DIR")
	}
	for i := first; i <= last && !o.force; i++ {
		if _, err := os.Lstat(name(i)); err == nil {
			return fail.New(fail.FileExists, "%q exists already; no key was written", name(i)).
				WithHint("choose another directory; --force overwrites, and a key that is lost is lost for good")
		}
	}
	return nil
}

func deliver(c *cmd.Call, k *identity.Key, o keygenOptions, file string) error {
	b, err := k.Encode(o.format)
	if err != nil {
		return err
	}
	if file == "" {
		return c.Raw(b)
	}
	if err := identity.WriteFile(file, b, o.force); err != nil {
		return err
	}
	j, err := k.JSON()
	if err != nil {
		return err
	}
	return printLine(c, identity.Written{ID: j.ID, PubKey: j.PubKey, Type: j.Type, File: file})
}

func writeSeed(c *cmd.Call, o keygenOptions) error {
	seed, err := identity.NewSeed()
	if err != nil {
		return err
	}
	if err := identity.WriteFile(o.out, seed, o.force); err != nil {
		return err
	}
	return printLine(c, NewSeed{File: o.out})
}

func printLine(c *cmd.Call, v any) error {
	b, err := json.Marshal(v)
	if err != nil || c.Out.Quiet {
		return err
	}
	return c.Raw(append(b, '\n'))
}
