// Package probe is the list of `p2p probe …`: why a dial fails, stage by stage.
package probe

import "p2p/lib/cmd"

// Group returns the commands that diagnose.
func Group() *cmd.Node {
	return cmd.Group("probe", "dial an address stage by stage and say why it fails",
		"Walks an address through DNS, connect, TLS, HTTP, swarm key, security, muxer, identify and ping,\n"+
			"and names the cause where it stops. Without a command word it probes multiaddrs.\n\n"+
			"    p2p probe /ip4/127.0.0.1/tcp/4001", "multiaddr",
		multiaddrCommand(),
		selfCommand(),
		serveCommand(),
	)
}
