package addr

import (
	"strings"
	"testing"
	"unicode"
)

// A record of DNS or a line of a list may hold anything; what is said of it holds no control character,
// and no valid address holds what a shell would take for more than a word.
func TestHostileText(t *testing.T) {
	for _, evil := range []string{"$(id)", "`id`", ";id", "a|b", "a&b", "a'b", `a"b`, `a\b`, "a>b", "a\x1b[2J", "a\u202eb", "a\u009b2Jb", "a\x07", "a*b", "a\xffb"} {
		for _, form := range []string{"/dns4/%/tcp/1", "/dnsaddr/%", "/ip4/1.2.3.4/tcp/1/tls/sni/%/ws", "/ip6zone/%/ip6/fe80::1/tcp/1", "/ip4/%/tcp/1", "/ip4/1.2.3.4/tcp/%",
			"/ip4/1.2.3.4/tcp/1/p2p/%", "/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/%", "/onion3/%:80", "/garlic32/%", "/garlic64/%", "/memory/%", "/%/x", "%", "http://%/", "%:80", "/ipcidr/%"} {
			text := strings.ReplaceAll(form, "%", evil)
			a, err := Parse(text)
			if err == nil {
				if strings.HasPrefix(form, "/ip") || strings.HasPrefix(form, "/dns") {
					t.Errorf("%q is an address: %s", text, a.MA)
				}
				continue
			}
			for _, s := range []string{err.Message, err.Hint} {
				if i := strings.IndexFunc(strings.ReplaceAll(s, "\n", ""), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("of %q it is said: %q", text, s)
				}
			}
			if strings.Contains(err.Message, "\n") {
				t.Errorf("of %q several lines are said: %q", text, err.Message)
			}
		}
	}
}
