// Package addr is `p2p addr …`: what a multiaddr says, what the names in it lead to.
// Its rule: a bad address is a finding with its repair, never only a usage error.
package addr

import "p2p/lib/cmd"

// Group returns the leaves of `p2p addr`.
func Group() *cmd.Node {
	return cmd.Group("addr", "explain, resolve and publish multiaddrs",
		"A multiaddr says how a peer is reached: /ip4/192.0.2.1/tcp/4001/p2p/ID.", "",
		parseCommand(),
		resolveCommand(),
		dnsaddrCommand(),
	)
}
