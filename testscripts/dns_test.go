package testscripts

import (
	"github.com/rogpeppe/go-internal/testscript"

	"p2p/lib/addr/dnstest"
)

// dns FILE VAR: a DNS server for the zone in FILE (see lib/addr/dnstest) runs until the script ends;
// $VAR is its IP:PORT.
func dns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dns FILE VAR")
	}
	s, err := dnstest.New(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Setenv(args[1], s.Addr.String())
}
