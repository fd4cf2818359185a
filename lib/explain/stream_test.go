package explain

import (
	"bufio"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"p2p/lib/fail"
)

func TestLog(t *testing.T) {
	log := "start\nfailed to dial " + idA + ": all dials failed\n" +
		"  * [/ip4/192.0.2.7/tcp/4001] dial tcp4: connect: connection refused\n" +
		"\x1b[31mERROR\x1b[0m no \x1b[1mgood\x1b[0m addresses for /dnsaddr/example.com\n" +
		strings.Repeat("again /ip4/192.0.2.7/tcp/4001/p2p/"+idA+": connection refused\n", 3)
	var found []Cause
	sum, err := Log(strings.NewReader(log), func(c Cause) error { found = append(found, c); return nil })
	if err != nil || sum.Lines != 7 || sum.Count != len(found) || sum.Codes[fail.DialRefused] < 4 {
		t.Fatalf("%+v %v %v", sum, err, found)
	}
	refused := 0
	if sum.Codes[fail.DNSNoDnsaddr] != 1 {
		t.Errorf("the coloured line was not read: %+v", sum)
	}
	for _, c := range found {
		if c.Code == fail.DialRefused && c.Address != "" {
			refused++
			if c.Line != 3 || c.Address != atA {
				t.Errorf("%+v", c)
			}
		}
	}
	if refused != 1 {
		t.Errorf("%d findings for one address: %+v", refused, found)
	}
}

func TestLogBounds(t *testing.T) {
	long := strings.Repeat("x", 3<<20) + " connection refused\nconnection refused at the end"
	n := 0
	sum, err := Log(strings.NewReader(long), func(c Cause) error { n = c.Line; return nil })
	if err != nil || sum.Lines != 2 || n != 2 {
		t.Errorf("%+v, line %d, %v", sum, n, err)
	}
	if line, err := boundedLine(bufio.NewReader(strings.NewReader(long))); err != nil || len(line) != maxText {
		t.Errorf("%d bytes of a line, %v", len(line), err)
	}
	if _, err := Log(iotest.ErrReader(errors.New("disk")), nil); fail.Of(err).Code != fail.FileUnreadable {
		t.Errorf("%v", err)
	}
	stop := errors.New("stop")
	if _, err := Log(strings.NewReader("EOF\nconnection refused\n"), func(Cause) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if sum, err := Log(strings.NewReader(""), nil); err != nil || sum.Lines != 0 {
		t.Errorf("%+v %v", sum, err)
	}
	many := strings.Repeat("\\n dial /ip4/1.2.3.4/tcp/1 connection refused [dial.refused] EOF ", maxText/64)
	if _, err := Log(strings.NewReader(many), func(Cause) error { return nil }); err != nil {
		t.Error(err)
	}
}

// command is all that may ever be shown for pasting into a shell.
var command = regexp.MustCompile(`^p2p probe (<multiaddr>|/[A-Za-z0-9/._:%-]+)( --want /[A-Za-z0-9/._+-]+| --swarm-key swarm\.key| --ca ca\.pem| --muxer yamux,mplex| --browser)?$`)

func FuzzMatch(f *testing.F) {
	for _, s := range []string{
		"failed to dial " + idA + ":\n * [/ip4/1.2.3.4/tcp/1/p2p-circuit] error opening hop stream to relay: failed to dial " + idB + ": refused",
		"cert hash not found: e92309e1c04b670dba54c343d061413bc17887fca52c0f97254914141fa2ca56 (expected /certhash/x) /ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/uEiANfmkbiaEutV2zTBQkJtzdFgVOYzcHPkti4M_o7DRucg",
		"peer id mismatch: expected " + idA + ", but remote key matches " + idC + " /ip4/1.2.3.4/tcp/1",
		"protocols not supported: [/a/$(id)/1.0.0]", "wss://[::1]:443/ failed ERR_CERT_DATE_INVALID", `{"code":"dial.refused"}`,
		"/dns4/x/tcp/1/p2p-webrtc-star; `id`\x1b[31m\u202e", "connect ECONNREFUSED ::1:1 /ip6/::", "/p2p/Qm/p2p-circuit/ipfs/Qm connection refused",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := Match(s)
		if len(m.Found) > maxMatches || len(m.Addresses) > maxAddresses {
			t.Fatalf("%d matches, %d addresses", len(m.Found), len(m.Addresses))
		}
		for _, c := range m.Found {
			if !c.Code.Known() || c.Why == "" || !command.MatchString(c.ConfirmCommand) {
				t.Fatalf("%+v", c)
			}
			for _, r := range c.Excerpt + c.Why + c.Address {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q has %U", c.Excerpt, r)
				}
			}
		}
	})
}

func BenchmarkMatchHostile(b *testing.B) {
	for name, text := range map[string]string{
		"letters": strings.Repeat("f", maxText), "envelopes": strings.Repeat("failed to negotiate ", maxText/20),
		"lines": strings.Repeat("\\nabcdef", maxText/8), "addresses": strings.Repeat("/ip4/1.2.3.4/tcp/1 ", maxText/19),
		"matches": strings.Repeat("EOF connection refused\n", maxText/23), "slashes": strings.Repeat("/ip4/", maxText/5),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Match(text)
			}
		})
	}
}
