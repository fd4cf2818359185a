package probe_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
	"p2p/lib/probe"
)

const longAddr = "/dns4/a-rather-long-name-of-a-host.example.org/tcp/4001/tls/ws/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf"

// drawn is a report with all that a picture can show, and a remote that writes what it likes.
func drawn() *probe.Report {
	evil := "\x1b[31mevil\x07</text><script>alert(1)</script>\u202e]]>日本語 " + strings.Repeat("many words ", 30)
	bad := fail.New(fail.TLSExpired, "the certificate of %s expired", evil).WithStage("tls").WithHint("renew it\np2p probe --ca ca.pem %s", longAddr)
	return &probe.Report{
		Target: longAddr, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), TookMS: 1234.5, Error: bad, Roles: []string{"relay"}, MissingProtocols: []string{evil},
		Warnings: []*fail.Error{fail.New(fail.TLSExpiresSoon, "soon: %s", evil).WithHint("renew it")},
		Identify: &probe.Identify{Agent: evil, Protocols: []string{evil, "/ipfs/id/1.0.0"}, ProtocolsTotal: 5000, ObservedAddr: "/ip4/192.0.2.1/tcp/1"},
		Ping:     &probe.Ping{Sent: 3, Lost: 1, MinMS: 0.1, AvgMS: 12, MaxMS: 1500},
		Browser:  &probe.Browser{WhyNot: []string{evil}},
		Relay:    &probe.Relay{Addr: longAddr, Limited: true, LimitDataByte: 131072, LimitMS: 120000},
		Addresses: []*probe.Address{
			{Addr: longAddr, ResolvedFrom: "/dnsaddr/" + evil, Transport: "wss", Error: bad, Stages: []*probe.Stage{
				{Stage: "dns", OK: true, TookMS: 12.5},
				{Stage: "connect", OK: true, StartMS: 12.5, TookMS: 30, Detail: map[string]any{"local": "192.0.2.2:1"}},
				{Stage: "tls", StartMS: 42.5, TookMS: 900, Detail: map[string]any{"issuer": evil}},
			}},
			{Addr: "/ip4/192.0.2.1/tcp/1", Transport: "tcp", OK: true, Stages: []*probe.Stage{
				{Stage: "http", OK: true, Detail: map[string]any{"status": 101, "server": evil}},
				{Stage: "alive", OK: true, StartMS: 1, TookMS: 0.001, Detail: map[string]any{"identify": "ok", "ping": "ok"}},
			}},
		},
	}
}

// No line is wider than the terminal but for a word that may not be cut, and nothing of a remote is raw.
func TestTextFits(t *testing.T) {
	for _, width := range []int{20, 40, 80, 200} {
		for _, utf8 := range []bool{true, false} {
			for name, draw := range map[string]func(*out.Text){"report": drawn().Text, "brief": probe.Brief{Report: drawn()}.Text} {
				var b bytes.Buffer
				draw(&out.Text{Writer: &b, Width: width, Height: 24, UTF8: utf8})
				text := b.String()
				if strings.ContainsAny(text, "\x1b\x07\u202e") || !strings.Contains(text, longAddr) || !strings.Contains(text, "tls.expired") {
					t.Errorf("%s at %d columns:\n%s", name, width, text)
				}
				for _, line := range strings.Split(text, "\n") {
					longest := 0
					for _, word := range strings.Fields(line) {
						longest = max(longest, out.Cells(word))
					}
					if out.Cells(line) > width && longest < width-20 && width > 20 && !strings.Contains(line, "p2p probe") {
						t.Errorf("%s at %d columns: %q is wider", name, width, line)
					}
				}
			}
		}
	}
}

func TestASCII(t *testing.T) {
	r := drawn()
	r.Warnings, r.Error, r.Identify, r.Browser, r.MissingProtocols, r.Addresses[0] = nil, nil, nil, nil, nil, r.Addresses[1]
	r.Addresses[1].Stages[0].Detail = nil
	var b bytes.Buffer
	r.Text(&out.Text{Writer: &b, Width: 80, Height: 24})
	for _, c := range b.String() {
		if c > 0x7e {
			t.Fatalf("%q in\n%s", c, b.String())
		}
	}
}

// The pictures are well-formed, run nothing and load nothing, whatever a remote wrote.
func TestPictures(t *testing.T) {
	svg := probe.SVG([]*probe.Report{drawn(), drawn()})
	d := xml.NewDecoder(bytes.NewReader(svg))
	titles := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "title" {
			titles++
		}
		if strings.Contains("script image use foreignObject a", e.Name.Local) && e.Name.Local != "" && e.Name.Local != "g" {
			t.Errorf("the picture has the element %s", e.Name.Local)
		}
	}
	page := probe.HTML([]*probe.Report{drawn(), drawn()})
	for name, text := range map[string]string{"svg": string(svg), "html": string(page)} {
		if strings.ContainsAny(text, "\x1b\x07\u202e") || strings.Contains(text, "<script") || strings.Contains(text, "src=") || strings.Contains(text, "url(") {
			t.Errorf("%s has what it must not have:\n%s", name, text)
		}
	}
	if titles != 1 {
		t.Errorf("%d titles", titles)
	}
}

func FuzzPicture(f *testing.F) {
	f.Add("agent", 1.0, 2.0)
	f.Add("\x00\xff\ufffe<&\"'", -1.0, 1e300)
	f.Fuzz(func(t *testing.T, text string, start, took float64) {
		r := drawn()
		r.Target, r.Identify.Agent, r.Error.Message = text, text, text
		r.Addresses[0].Stages[1].StartMS, r.Addresses[0].Stages[1].TookMS = start, took
		var b bytes.Buffer
		r.Text(&out.Text{Writer: &b, Width: 60, UTF8: true})
		d := xml.NewDecoder(bytes.NewReader(probe.SVG([]*probe.Report{r})))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
