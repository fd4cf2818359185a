// Command p2p runs and diagnoses one's own libp2p and IPFS infrastructure.
package main

import (
	"p2p/commands"
	"p2p/lib/cmd"
)

func main() { cmd.Exec(commands.All()) }
