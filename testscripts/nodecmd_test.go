package testscripts

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/pnet"
)

// nodeMain is the test-only command "peernode": a go-libp2p host that prints its addresses as one JSON
// line and lives until it is interrupted. It is not called "node", because testscript puts its commands
// into PATH, where npm looks for Node.
func nodeMain() {
	listen := flag.String("listen", "/ip4/127.0.0.1/tcp/0", "addresses, separated by commas")
	agent := flag.String("agent", "node", "agent version, with the escapes of JSON")
	silent := flag.Bool("silent", false, "accept on TCP in place of a host, and never say a word")
	swarm := flag.String("swarm-key", "", "swarm key file")
	flag.Parse()
	if *silent {
		serveSilent()
		return
	}
	fatal(json.Unmarshal([]byte(`"`+*agent+`"`), agent))
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

func serveSilent() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(os.Stderr, "accepted")
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	addr := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)
	fatal(json.NewEncoder(os.Stdout).Encode(map[string]any{"addrs": []string{addr}}))
	<-stop
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}
