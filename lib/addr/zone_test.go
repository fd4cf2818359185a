package addr

import (
	"net/netip"
	"strings"
	"testing"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
)

func TestRecords(t *testing.T) {
	long := ma.StringCast("/ip4/51.15.1.1/udp/1/quic-v1/webtransport/certhash/" + hash + "/certhash/" + hash + "/p2p/" + id1 + "/p2p-circuit/p2p/" + id2)
	quoted := ma.StringCast(`/dns4/a.com/tcp/1/http/http-path/a%22b`)
	r := Records("example.com", []ma.Multiaddr{long, quoted, long})
	if len(r) != 2 {
		t.Fatal(r)
	}
	if v := "dnsaddr=" + long.String(); r[0].Line != `_dnsaddr.example.com. 300 IN TXT "`+v[:255]+`" "`+v[255:]+`"` {
		t.Error(r[0].Line)
	}
	if got := zoneText("a\"\\\x01\xff"); got != `"a\"\\\001\255"` {
		t.Error(got)
	}
}

// AnswerBytes is what a real message takes.
func TestAnswerBytes(t *testing.T) {
	r := Records("example.com", []ma.Multiaddr{ma.StringCast("/ip4/51.15.1.1/tcp/1"), ma.StringCast("/dnsaddr/" + strings.Repeat("a.", 120) + "com/p2p/" + id1)})
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	b.EnableCompression()
	name := dnsmessage.MustNewName("_dnsaddr.example.com.")
	b.StartQuestions()
	b.Question(dnsmessage.Question{Name: name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET})
	b.StartAnswers()
	for _, x := range r {
		var parts []string
		for v := x.Value; v != ""; v = v[min(len(v), 255):] {
			parts = append(parts, v[:min(len(v), 255)])
		}
		b.TXTResource(dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}, dnsmessage.TXTResource{TXT: parts})
	}
	b.StartAdditionals()
	var h dnsmessage.ResourceHeader
	h.SetEDNS0(1232, 0, false)
	b.OPTResource(h, dnsmessage.OPTResource{})
	m, err := b.Finish()
	if got := AnswerBytes("example.com", r); err != nil || got != len(m) {
		t.Errorf("%d, a message has %d: %v", got, len(m), err)
	}
}

func TestServersFlag(t *testing.T) {
	var r Resolver
	v := (*servers)(&r)
	for in, want := range map[string]string{"127.0.0.1:5353": "127.0.0.1:5353", "1.1.1.1": "1.1.1.1:53", "[::1]": "[::1]:53", "::1": "[::1]:53", "1.1.1.1:53, [::1]:54": "1.1.1.1:53,[::1]:54"} {
		if err := v.Set(in); err != nil || v.String() != want {
			t.Errorf("%q: %s %v", in, v, err)
		}
	}
	for _, in := range []string{"", "dns.google", "1.1.1.1:0", "1.1.1.1:99999", "1.1.1.1:53,"} {
		if err := v.Set(in); err == nil {
			t.Errorf("%q is good: %v", in, []netip.AddrPort(r.Servers))
		}
	}
}
