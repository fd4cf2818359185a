module p2p

go 1.26.0

require (
	github.com/fatih/color v1.19.0
	github.com/libp2p/go-libp2p v0.51.0
	github.com/libp2p/go-libp2p-kad-dht v0.42.1
	github.com/ipfs/boxo v0.42.2
	github.com/multiformats/go-multiaddr v0.16.1
	github.com/urfave/cli/v2 v2.27.7
)
