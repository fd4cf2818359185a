package probe

// The protocols of circuit relays (libp2p specs, relay).
const (
	hopID   = "/libp2p/circuit/relay/0.2.0/hop"
	hopV1ID = "/libp2p/circuit/relay/0.1.0"
)
