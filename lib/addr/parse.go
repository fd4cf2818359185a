package addr

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2p/lib/fail"
)

// reader walks one text; base is where the trimmed text begins in the input.
type reader struct {
	text string
	base int
	out  Address
}

func parse(s string) (*Address, *fault) {
	if len(s) > MaxInput {
		return nil, &fault{code: fail.AddrSyntax, what: fmt.Sprintf("it has %d bytes, an address has at most %d", len(s), MaxInput)}
	}
	text := strings.TrimFunc(s, blank)
	if text == "" {
		return nil, &fault{code: fail.AddrEmpty, what: "there is nothing in it"}
	}
	r := &reader{text: text, base: strings.Index(s, text), out: Address{Input: s}}
	if f := r.clean(); f != nil && !drive(text) {
		return nil, f
	}
	if text[0] != '/' {
		return nil, r.foreign()
	}
	if f := r.walk(); f != nil {
		return nil, f
	}
	m, err := assemble(r.out.Components)
	if err != nil {
		return nil, &fault{code: fail.AddrSyntax, offset: r.base, what: "go-multiaddr refuses it: " + clip(err.Error(), 300)}
	}
	r.out.MA = m
	r.out.describe()
	return &r.out, nil
}

// blank is what may surround a pasted address: white space, a byte order mark, zero-width characters.
func blank(c rune) bool {
	return unicode.IsSpace(c) || c == 0xFEFF || c == 0x200B || c == 0x200E || c == 0x2060
}

// clean refuses what no address contains: broken UTF-8, control characters, blanks.
func (r *reader) clean() *fault {
	for i, c := range r.text {
		if unicode.IsPrint(c) && !blank(c) && c != utf8.RuneError {
			continue
		}
		f := &fault{code: fail.AddrSyntax, offset: r.base + i}
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(r.text[i:], string(utf8.RuneError)):
			f.what = fmt.Sprintf("the byte 0x%02x at offset %d is not UTF-8", r.text[i], f.offset)
		case blank(c):
			f.what = fmt.Sprintf("there is a blank (%q) at offset %d", c, f.offset)
			words := strings.FieldsFunc(r.text, blank)
			f.repair = strings.Join(words, "")
			if strings.Count(strings.Join(words, " "), " /") == len(words)-1 {
				f.repair, f.hint = "", fmt.Sprintf("these are %d addresses: give each as an argument of its own", len(words))
			}
		case !unicode.IsPrint(c):
			f.what = fmt.Sprintf("there is a control character (%q) at offset %d", c, f.offset)
		default:
			continue
		}
		return f
	}
	return nil
}

// walk reads the components one by one; a slash at the end is ignored, as go-multiaddr does.
func (r *reader) walk() *fault {
	text := strings.TrimRight(r.text, "/")
	if text == "" {
		return &fault{code: fail.AddrEmpty, offset: r.base, what: "there is nothing behind the slash"}
	}
	for at := 0; at < len(text); {
		if len(r.out.Components) == MaxComponents {
			return &fault{code: fail.AddrSyntax, offset: r.base + at, what: fmt.Sprintf("it has more than %d components", MaxComponents)}
		}
		next, f := r.component(text, at)
		if f != nil {
			return f
		}
		at = next
	}
	return nil
}

// component reads the one whose slash is at text[at] and returns where the next begins.
func (r *reader) component(text string, at int) (int, *fault) {
	name, end := word(text, at)
	if name == "" {
		return 0, &fault{code: fail.AddrSyntax, offset: r.base + at, component: "//",
			what:   fmt.Sprintf("there is an empty component at offset %d: two slashes in a row", r.base+at),
			repair: text[:at] + text[at+1:]}
	}
	if o, ok := obsolete(name); ok {
		return 0, r.obsolete(text, at, end, name, o)
	}
	p := ma.ProtocolWithName(name)
	if p.Code == 0 {
		return 0, r.unknown(text, at, end, name)
	}
	c := Component{Name: p.Name, Code: p.Code, Offset: r.base + at}
	if p.Size == 0 {
		r.out.Components = append(r.out.Components, c)
		return end, nil
	}
	v := span{start: end + 1, end: len(text)}
	if p.Path {
		if v.start < v.end {
			c.Value = text[end:]
		}
	} else if end < len(text) {
		c.Value, v.end = word(text, end)
	}
	if c.Value == "" || (knownName(c.Value) && !isName(p.Code)) {
		return 0, r.missing(text, c, v)
	}
	value, f := r.value(text, c, v)
	if f != nil {
		f.code = orCode(f.code, fail.AddrBadValue)
		f.offset = r.base + v.start
		f.component = clip("/"+c.Name+"/"+strings.TrimPrefix(c.Value, "/"), 256)
		return 0, f
	}
	if name == "ipfs" {
		r.out.Warnings = append(r.out.Warnings, oldSpelling(r.out.Input, c.Offset, value))
	}
	c.Value = value
	r.out.Components = append(r.out.Components, c)
	return v.end, nil
}

// span is where a value stands in the text.
type span struct{ start, end int }

// word returns what stands between the slash at text[at] and the next one.
func word(text string, at int) (string, int) {
	end := strings.IndexByte(text[at+1:], '/')
	if end < 0 {
		return text[at+1:], len(text)
	}
	return text[at+1 : at+1+end], at + 1 + end
}

func (r *reader) missing(text string, c Component, v span) *fault {
	what := map[int]string{ma.P_TCP: "a port", ma.P_UDP: "a port", ma.P_P2P: "a peer id", ma.P_CERTHASH: "a certificate hash",
		ma.P_IP4: "an IPv4 address", ma.P_IP6: "an IPv6 address"}[c.Code]
	if what == "" {
		what = "a value"
	}
	f := &fault{code: fail.AddrBadValue, offset: c.Offset, component: "/" + c.Name,
		what: fmt.Sprintf("/%s at offset %d lacks its value: %s is missing", c.Name, c.Offset, what)}
	if c.Value != "" {
		f.what += fmt.Sprintf(", %q follows", "/"+clip(c.Value, 64))
	}
	switch c.Code {
	case ma.P_TCP, ma.P_UDP:
		f.hint = fmt.Sprintf("write the port: /%s/4001", c.Name)
	case ma.P_P2P:
		f.hint = "write the peer's id: /p2p/12D3KooW…"
	default:
		f.hint = fmt.Sprintf("write %s behind /%s/", what, c.Name)
	}
	return f
}

func (r *reader) obsolete(text string, at, end int, name string, o replacement) *fault {
	f := &fault{code: fail.AddrObsolete, offset: r.base + at, component: "/" + name, hint: o.instead,
		what: fmt.Sprintf("/%s at offset %d is obsolete: %s", name, r.base+at, o.was)}
	if o.name != "" {
		f.repair = text[:at] + "/" + o.name + text[end:]
	}
	return f
}

// assemble makes the multiaddr out of checked components.
func assemble(cs []Component) (ma.Multiaddr, error) {
	m := make(ma.Multiaddr, 0, len(cs))
	for i := range cs {
		value := cs[i].Value
		c, err := ma.NewComponent(cs[i].Name, value)
		if err != nil {
			return nil, err
		}
		m = append(m, *c)
	}
	if len(m) == 0 {
		return nil, errors.New("no component")
	}
	return m, nil
}

// describe fills what follows from the components.
func (a *Address) describe() {
	dest := a.MA
	for i := len(a.MA) - 1; i >= 0; i-- {
		if a.MA[i].Protocol().Code != ma.P_CIRCUIT {
			continue
		}
		dest = a.MA[i+1:]
		hop := a.MA[:i]
		a.Relay = &Relay{MA: hop, PeerID: lastID(hop)}
		a.Relay.Transport, _ = shape(hop)
		break
	}
	a.PeerID = lastID(dest)
	switch {
	case a.Relay == nil:
		a.Transport, _ = shape(a.MA)
	case has(dest, ma.P_WEBRTC):
		a.Transport = "webrtc"
	default:
		a.Transport = "p2p-circuit"
	}
}

func lastID(m ma.Multiaddr) peer.ID {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].Protocol().Code == ma.P_P2P {
			return peer.ID(m[i].RawValue())
		}
	}
	return ""
}

func has(m ma.Multiaddr, code int) bool { return index(m, code) >= 0 }

func index(m ma.Multiaddr, code int) int {
	for i := range m {
		if m[i].Protocol().Code == code {
			return i
		}
	}
	return -1
}

func orCode(c, def fail.Code) fail.Code {
	if c == "" {
		return def
	}
	return c
}
