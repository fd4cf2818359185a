package commands

import (
	"context"

	"p2p/lib/cmd"
)

func versionCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:    "version",
		Short:   "print the versions of p2p and of what it is built on",
		Long:    "A library that this binary does not link is absent.\n\n    p2p version --json",
		Results: []any{cmd.Version{}},
		Run:     func(_ context.Context, c *cmd.Call) error { return c.Print(cmd.ReadVersion()) },
	})
}
