package swarmkey

import (
	"context"
	"encoding/json"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/identity"
)

func genCommand() *cmd.Node {
	var o genOptions
	return cmd.Command(cmd.Leaf{
		Name:  "gen",
		Short: "make a swarm key",
		Long: "Prints a swarm.key file as kubo, js-libp2p and rust-libp2p read it. Give the same file to every peer\n" +
			"of the private network, over a channel that nobody else reads. With --out the key goes to a file of mode\n" +
			"0600, and its fingerprint is printed.\n\n" +
			"    p2p swarmkey gen --out swarm.key",
		Flags:   o.flags(),
		Results: []any{Written{}},
		Bare:    true,
		Run:     func(_ context.Context, c *cmd.Call) error { return runGen(c, o) },
	})
}

type genOptions struct {
	out   string
	force bool
}

func (o *genOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "out", TakesFile: true, Usage: "write to this file, mode 0600", Destination: &o.out},
		&cli.BoolFlag{Name: "force", Usage: "let --out overwrite a file", Destination: &o.force},
	}
}

// Written is what is told about a key that went to a file: nothing secret.
type Written struct {
	Fingerprint string `json:"fingerprint"`
	File        string `json:"file"`
}

func runGen(c *cmd.Call, o genOptions) error {
	s, err := identity.NewSwarmKey()
	if err != nil {
		return err
	}
	if o.out == "" {
		return c.Raw(s.File())
	}
	if err := identity.WriteFile(o.out, s.File(), o.force); err != nil || c.Out.Quiet {
		return err
	}
	line, err := json.Marshal(Written{Fingerprint: s.Fingerprint(), File: o.out})
	if err != nil {
		return err
	}
	return c.Raw(append(line, '\n'))
}
