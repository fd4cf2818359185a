package probe

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"p2p/lib/addr/dnstest"
	"p2p/lib/fail"
)

// What a stranger asks for tells him nothing of the private network: not what its names resolve to, not
// where its DNS server is, not this machine's own address. Here 127.0.0.2 plays the public address.
func TestNothingPrivateIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skipf("this machine has no 127.0.0.2: %v", err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	public := fmt.Sprintf("/ip4/127.0.0.2/tcp/%d", l.Addr().(*net.TCPAddr).Port)
	dns := dnstest.Start(t, "secret.example A 10.1.2.3\nsix.example AAAA fd00::77\n"+
		"both.example A 127.0.0.2\nboth.example A 10.1.2.3\n"+
		"_dnsaddr.mixed.example TXT dnsaddr=/dns4/secret.example/tcp/1\n_dnsaddr.mixed.example TXT dnsaddr=/ip6/fd00::77/tcp/1\n"+
		"_dnsaddr.mixed.example TXT dnsaddr="+public+"\n_dnsaddr.mixed.example TXT dnsaddr=/ip4/10.1.2.3:4001\n"+
		"_dnsaddr.wrong.example TXT dnsaddr=/dns6/secret.example/tcp/1\n_dnsaddr.wrong.example TXT dnsaddr=/dns4/six.example/tcp/1\n"+
		"fails.example FAULT servfail\n")
	p := Policy{public: func(ip netip.Addr) bool { return ip.String() == "127.0.0.2" }}
	for _, target := range []string{
		"/dns6/secret.example/tcp/1", "/dns4/six.example/tcp/1", "/dnsaddr/mixed.example", "/dnsaddr/wrong.example", "/dns4/both.example/tcp/" + public[strings.LastIndexByte(public, '/')+1:],
		"/dns4/nowhere.example/tcp/1", "/dns4/fails.example/tcp/1", "/dnsaddr/nowhere.example", public,
	} {
		t.Run(target, func(t *testing.T) {
			r := guarded(t, p, dns, target)
			b, err := json.Marshal(r)
			if err != nil || r.Error == nil || r.Error.Code == fail.ServeForbidden {
				t.Fatalf("%v %s", err, b)
			}
			for _, secret := range []string{"10.1.2.3", "fd00::77", dns.Addr.String(), "127.0.0.1"} {
				if i := strings.Index(string(b), secret); i >= 0 {
					t.Errorf("it tells %s: …%s", secret, b[max(0, i-80):min(len(b), i+40)])
				}
			}
		})
	}
}
