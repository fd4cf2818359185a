package addr

import (
	"context"
	"fmt"
	"strings"

	"p2p/lib/addr"
	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
)

// whole bounds what is shown of an address: multiaddrs are never cut.
const whole = 2 * addr.MaxInput

func parseCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "parse",
		Short: "take multiaddrs apart and say what is wrong with them",
		Long: "Nothing is dialed or resolved. A text that is no multiaddr is a finding (exit status 2) with the byte,\n" +
			"the component and the address that was meant; what keeps a good one from being dialed is in problems[].\n\n" +
			"    p2p addr parse /ip4/192.0.2.1/tcp/4001/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf\n" +
			"    p2p addr parse - < peers.txt",
		Args:    []string{"<multiaddr>..."},
		Targets: true,
		Results: []any{Parsed{}, cmd.Summary{}},
		Run: func(ctx context.Context, c *cmd.Call) error {
			return c.Diagnose(ctx, 1, func(_ context.Context, target string) cmd.Finding { return parse(target) })
		},
	})
}

// Parsed is what one text says as a multiaddr. Only valid ones have more than target, problems and error.
type Parsed struct {
	OK         bool             `json:"ok"`
	Target     string           `json:"target"`
	Valid      bool             `json:"valid"`
	Normalized string           `json:"normalized,omitempty"`
	Components []addr.Component `json:"components"`
	PeerID     string           `json:"peer_id,omitempty"`
	Transport  string           `json:"transport,omitempty"`
	Public     *bool            `json:"public,omitempty"`
	Dialable   *bool            `json:"dialable,omitempty"`
	Relay      *RelayPart       `json:"relay,omitempty"`
	Browser    *addr.Reach      `json:"browser,omitempty"`
	Problems   []*fail.Error    `json:"problems"`
	Error      *fail.Error      `json:"error,omitempty"`
}

// RelayPart is the relay of a circuit address.
type RelayPart struct {
	Addr      string `json:"addr,omitempty"`
	PeerID    string `json:"peer_id,omitempty"`
	Transport string `json:"transport,omitempty"`
}

func (p *Parsed) Failure() *fail.Error { return p.Error }

// Text shows the components one a line, or the input with a mark under the bad byte.
func (p *Parsed) Text(w *out.Text) {
	if p.Error != nil {
		p.mark(w)
		return
	}
	w.Printf("%s\n", w.Bold(out.Clean(p.Normalized, whole)))
	for _, c := range p.Components {
		w.Printf("  %4d  %-13s %s\n", c.Offset, c.Name, out.Clean(c.Value, whole))
	}
	w.Row("transport", orNone(p.Transport))
	w.Row("peer id", orNone(p.PeerID))
	if p.Relay != nil {
		w.Row("relay", out.Clean(p.Relay.Addr, whole))
	}
	w.Row("public", fmt.Sprint(*p.Public))
	w.Row("browser", orNone(browsers(*p.Browser)))
	for _, e := range p.Problems {
		w.Printf("%s\n", w.Warn(string(e.Code)))
		w.Printf("  %s\n", out.Wrap(out.Clean(e.Message, whole), w.Width-1, "  "))
		w.Printf("  %s\n", out.Wrap(out.Clean(e.Hint, whole), w.Width-1, "  "))
	}
}

func (p *Parsed) mark(w *out.Text) {
	at, _ := p.Error.Detail["offset"].(int)
	shown := out.Clean(p.Target, whole)
	w.Printf("%s\n", shown)
	if shown == p.Target && at < w.Width {
		w.Printf("%s%s %s\n", strings.Repeat(" ", at), w.Bad("^"), p.Error.Code)
	}
}

func browsers(r addr.Reach) string {
	var names []string
	for _, t := range []struct {
		fits bool
		name string
	}{{r.WS, "ws"}, {r.WSS, "wss"}, {r.WebTransport, "webtransport"}, {r.WebRTCDirect, "webrtc-direct"}} {
		if t.fits {
			names = append(names, t.name)
		}
	}
	return strings.Join(names, " ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func parse(target string) *Parsed {
	p := &Parsed{Target: target, Components: []addr.Component{}, Problems: []*fail.Error{}}
	a, e := addr.Parse(target)
	if e != nil {
		p.Error = e
		p.Problems = append(p.Problems, e)
		return p
	}
	p.OK, p.Valid = true, true
	p.Normalized, p.Components, p.Transport = a.MA.String(), a.Components, a.Transport
	p.PeerID = a.PeerID.String()
	public, browser := addr.Public(a.MA), addr.Browser(a.MA)
	p.Public, p.Browser = &public, &browser
	if r := a.Relay; r != nil {
		p.Relay = &RelayPart{Addr: r.MA.String(), PeerID: r.PeerID.String(), Transport: r.Transport}
	}
	e = a.Dialable()
	dialable := e == nil
	p.Dialable = &dialable
	if e != nil {
		p.Problems = append(p.Problems, e)
	}
	for _, warning := range a.Warnings {
		if e == nil || warning.Code != e.Code {
			p.Problems = append(p.Problems, warning)
		}
	}
	return p
}
