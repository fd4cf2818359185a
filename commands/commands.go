// Package commands is the list of everything that p2p can do.
// Its rule: one line per group or lone command, in the order that help shows.
package commands

import (
	"p2p/commands/addr"
	"p2p/commands/key"
	"p2p/commands/probe"
	"p2p/commands/swarmkey"
	"p2p/lib/cmd"
)

// All returns the command tree.
func All() []*cmd.Node {
	return []*cmd.Node{
		keygenCommand(),
		key.Group(),
		swarmkey.Group(),
		addr.Group(),
		probe.Group(),
		explainCommand(),
		completionCommand(),
		versionCommand(),
		helpCommand(),
	}
}
