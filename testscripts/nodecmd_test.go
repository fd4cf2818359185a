package testscripts

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/pnet"
)

// nodeMain is the test-only command "node": a go-libp2p host that prints its addresses as one JSON
// line and lives until it is interrupted.
func nodeMain() {
	listen := flag.String("listen", "/ip4/127.0.0.1/tcp/0", "addresses, separated by commas")
	agent := flag.String("agent", "node", "agent version")
	swarm := flag.String("swarm-key", "", "swarm key file")
	flag.Parse()
	opts := []libp2p.Option{libp2p.ListenAddrStrings(strings.Split(*listen, ",")...), libp2p.UserAgent(*agent), libp2p.DisableMetrics()}
	if *swarm != "" {
		f, err := os.Open(*swarm)
		fatal(err)
		psk, err := pnet.DecodeV1PSK(f)
		fatal(err)
		opts = append(opts, libp2p.PrivateNetwork(psk))
	}
	h, err := libp2p.New(opts...)
	fatal(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	addrs := []string{}
	for _, a := range h.Addrs() {
		addrs = append(addrs, a.String()+"/p2p/"+h.ID().String())
	}
	fatal(json.NewEncoder(os.Stdout).Encode(map[string]any{"id": h.ID().String(), "addrs": addrs}))
	<-stop
	fatal(h.Close())
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}
