// Package swarmkey is `p2p swarmkey …`: the pre-shared key of a private network.
// Its rule: the key is shown only by the command that makes it; the fingerprint is what is compared.
package swarmkey

import "p2p/lib/cmd"

// Group returns the leaves of `p2p swarmkey`.
func Group() *cmd.Node {
	return cmd.Group("swarmkey", "make and inspect the key of a private network",
		"Peers with the same swarm key form a network of their own: without the key nobody gets past the first\n"+
			"bytes. It works over TCP and WebSocket only.", "",
		genCommand(),
		inspectCommand(),
	)
}
