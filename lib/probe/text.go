package probe

import (
	"fmt"
	"strings"

	"p2p/lib/fail"
	"p2p/lib/out"
)

const (
	whole    = 4096 // runes: multiaddrs and peer ids are never cut
	label    = 11   // columns of the facts' names
	maxNames = 12   // protocols of an identify answer that are named to people
)

// TellsFailure makes that the failure is not shown again on stderr where that is the same screen.
func (r *Report) TellsFailure() {}

// Text shows each address's waterfall, what the peer says of itself, the verdict and what to do.
func (r *Report) Text(w *out.Text) {
	end := r.ends()
	for i, a := range r.Addresses {
		if i > 0 {
			w.Printf("\n")
		}
		a.text(w, end, r)
	}
	if len(r.Addresses) == 0 {
		w.Printf("%s\n", w.Bold(out.Clean(r.Target, whole)))
	}
	w.Printf("\n")
	r.facts(w)
	for _, e := range r.Warnings {
		told(w, w.Warn(pick(w, "▲", "!")), e.Code, e.Message, e.Hint)
	}
	r.verdict(w)
}

// text shows the waterfall of one address; an error that is not the report's own is told with it.
func (a *Address) text(w *out.Text, end float64, r *Report) {
	w.Printf("%s\n", w.Bold(out.Clean(a.Addr, whole)))
	about := pad(w.Mark(a.OK), 3) + " " + out.Clean(a.Transport, 32) + ", " + span(a.ends())
	w.Printf("%s\n", about)
	if a.ResolvedFrom != "" && a.ResolvedFrom != a.Addr {
		fact(w, "from", out.Clean(a.ResolvedFrom, whole))
	}
	if len(a.Stages) > 0 {
		rows := a.rows()
		newGrid(rows, w.Width).draw(w, rows, end)
	}
	if a.Error != nil && (r.Error == nil || r.Error.Code != a.Error.Code) {
		told(w, w.Bad(pick(w, "✗", "no")), a.Error.Code, a.Error.Message, a.Error.Hint)
	}
}

// facts tells what is known of the peer that answered.
func (r *Report) facts(w *out.Text) {
	for _, f := range r.factList() {
		fact(w, f[0], f[1])
	}
}

// factList is what is known of the peer that answered, by name, fit for a terminal.
func (r *Report) factList() [][2]string {
	var list [][2]string
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	switch {
	case r.Verified:
		add("peer", out.Clean(r.PeerID, whole)+" verified")
	case r.OK:
		add("peer", out.Clean(r.PeerID, whole)+" not named by the address, so whoever answers is trusted")
	}
	if id := r.Identify; id != nil {
		add("agent", out.Clean(id.Agent, 0))
		add("protocols", protocolsLine(id))
		add("roles", strings.Join(r.Roles, " "))
		add("listens on", count(len(id.ListenAddrs), "address", "addresses"))
		add("sees us as", out.Clean(id.ObservedAddr, whole))
		if id.SignedRecord != nil && !id.SignedRecord.Valid {
			add("record", "bad signed record: "+out.Clean(id.SignedRecord.Why, 0))
		}
	}
	if p := r.Ping; p != nil {
		add("ping", p.line())
	}
	add("missing", strings.Join(cleaned(r.MissingProtocols), " "))
	if c := r.Relay; c != nil {
		add("relay", c.line())
	}
	if b := r.Browser; b != nil {
		if b.Dialable {
			add("browser", "can dial "+strings.Join(cleaned(b.Addrs), " "))
		} else {
			add("browser", "cannot dial it")
		}
		for _, why := range b.WhyNot {
			add("", out.Clean(why, whole))
		}
	}
	return list
}

// line says in one line how the pings went.
func (p *Ping) line() string {
	return fmt.Sprintf("%d sent, %d lost, min %s, avg %s, max %s", p.Sent, p.Lost, span(p.MinMS), span(p.AvgMS), span(p.MaxMS))
}

func (c *Relay) line() string {
	text := out.Clean(c.Addr, whole)
	if !c.Limited {
		return text + " without limits"
	}
	var limits []string
	if c.LimitMS > 0 {
		limits = append(limits, span(c.LimitMS))
	}
	if c.LimitDataByte > 0 {
		limits = append(limits, fmt.Sprintf("%d bytes", c.LimitDataByte))
	}
	return text + " limited to " + strings.Join(limits, " and ")
}

func protocolsLine(id *Identify) string {
	names := cleaned(id.Protocols[:min(len(id.Protocols), maxNames)])
	text := fmt.Sprintf("%d: %s", id.ProtocolsTotal, strings.Join(names, " "))
	if more := id.ProtocolsTotal - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func cleaned(list []string) []string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = out.Clean(s, whole)
	}
	return texts
}

// verdict ends the text: what is the matter, and what to do.
func (r *Report) verdict(w *out.Text) {
	if r.Error == nil {
		good := 0
		for _, a := range r.Addresses {
			if a.OK {
				good++
			}
		}
		text := "good: it answers"
		if len(r.Addresses) > 1 {
			text = fmt.Sprintf("good: %d of %d addresses answer", good, len(r.Addresses))
		}
		w.Printf("%s %s\n", pad(w.Mark(true), 3), w.Bold(text)+fmt.Sprintf(" (%s)", span(r.TookMS)))
		return
	}
	told(w, w.Bad(pick(w, "✗", "no")), r.Error.Code, r.Error.Message, r.Error.Hint)
	w.Printf("    %s\n", w.Dim("p2p explain "+string(r.Error.Code)))
}

// fact writes one "name  value" line with the value in a column of its own; an empty value is left out.
func fact(w *out.Text, name, value string) {
	if value == "" {
		return
	}
	in := strings.Repeat(" ", 4+label+1)
	if w.Width < 60 {
		in = "      "
	}
	w.Printf("%s\n", out.Flow(w.Dim(pad("    "+name, 4+label)+" "), strings.Fields(value), w.Width-1, in))
}

// told writes what is the matter and what to do about it.
func told(w *out.Text, mark string, code fail.Code, message, hint string) {
	w.Printf("%s %s\n", pad(mark, 3), w.Bold(string(code)))
	w.Printf("    %s\n", out.Wrap(out.Clean(message, whole), w.Width-5, "    "))
	for _, line := range strings.Split(hint, "\n") {
		if line != "" {
			arrow := "    " + w.Good(pick(w, "→", ">")) + " "
			w.Printf("%s\n", out.Flow(arrow, hintWords(out.Clean(line, whole), w.Width-7), w.Width-1, "      "))
		}
	}
}

// hintWords splits a hint at its blanks, but leaves the command in it whole, for it is there to be pasted.
func hintWords(line string, width int) []string {
	before, command := "", line
	if i := strings.LastIndex(line, ": "); i >= 0 {
		before, command = line[:i+1], line[i+2:]
	}
	if strings.HasPrefix(command, "p2p ") || before != "" && out.Cells(command) <= width {
		return append(strings.Fields(before), command)
	}
	return strings.Fields(line)
}
