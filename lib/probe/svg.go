package probe

import (
	_ "embed" // the style sheet of the pictures
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

//go:embed picture.css
var pictureCSS string

// Columns of the waterfall, in pixels.
const (
	barX  = 128.0
	barW  = 500.0
	timeX = 700.0 // the right end of the times
	noteX = 716.0
	rowH  = 26.0

	noteChars = 30 // in a line from noteX to the margin
)

// SVG draws the waterfalls of one or more targets, one below the other: light and dark, without
// scripts or outside resources.
func SVG(reports []*Report) []byte {
	c := &canvas{y: 1}
	for i, r := range reports {
		if i > 0 {
			c.y += margin
		}
		r.picture(c)
	}
	return wrapSVG(c, reports, pictureCSS)
}

func wrapSVG(c *canvas, reports []*Report, css string) []byte {
	title := fmt.Sprintf("probe of %d targets", len(reports))
	if len(reports) == 1 {
		title = "probe of " + out.Clean(reports[0].Target, whole)
	}
	title = html.EscapeString(title)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%d" height="%.0f" role="img" aria-label="%s">`+"\n",
		canvasWidth, c.y+1, canvasWidth, c.y+1, title)
	fmt.Fprintf(&b, "<title>%s</title>\n", title)
	if css != "" {
		b.WriteString("<style>\n" + css + "</style>\n")
	}
	b.WriteString(c.b.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// picture draws one target as a card.
func (r *Report) picture(to *canvas) {
	c := &canvas{y: to.y + margin}
	r.headline(c)
	end := r.ends()
	for _, a := range r.Addresses {
		a.picture(c, end, r)
	}
	if r.Error != nil {
		c.verdictBox(r.Error)
	}
	r.drawFacts(c)
	for _, e := range r.Warnings {
		c.drawError(e, "warn")
	}
	c.y += margin - 8
	to.add(`<rect x="1" y="%.1f" width="%d" height="%.1f" rx="10" class="bg"/>`, to.y, canvasWidth-2, c.y-to.y)
	to.b.WriteString(c.b.String())
	to.y = c.y
}

func (r *Report) headline(c *canvas) {
	c.badge(margin+markR, c.y+markR, r.OK)
	text := "answers"
	switch {
	case r.Error != nil && r.Error.Stage != "":
		text = fmt.Sprintf("%s in the stage %s", r.Error.Code, r.Error.Stage)
	case r.Error != nil:
		text = string(r.Error.Code)
	case r.Verified:
		text = "answers, and is who it should be"
	}
	c.text(margin+2*markR+10, c.y+markR+6, "head", "", out.Clean(text, 0))
	c.text(canvasWidth-margin, c.y+markR+5, "dim time", "end", span(r.TookMS)+" · "+r.Time.UTC().Format(time.DateTime)+" UTC")
	c.y += 32
	c.para(margin, "", out.Clean(r.Target, whole))
	c.y += 10
}

// picture draws the waterfall of one address.
func (a *Address) picture(c *canvas, end float64, r *Report) {
	if a.Addr != r.Target || len(r.Addresses) > 1 {
		c.y += 8
		c.tick(margin+5, c.y+9, a.OK)
		c.para(margin+18, "", out.Clean(a.Addr, whole))
		c.y += 2
	}
	if len(a.Stages) == 0 {
		return
	}
	top := c.y + 20
	rows := a.rows()
	notes := make([][]string, len(rows))
	y := top
	tops := make([]float64, len(rows))
	for i, row := range rows {
		notes[i], tops[i] = fold(row.note, noteChars), y
		y += rowH + lineHeight*float64(max(len(notes[i])-1, 0))
	}
	for i := range rows {
		if i%2 == 0 {
			bottom := y
			if i+1 < len(rows) {
				bottom = tops[i+1]
			}
			c.add(`<rect x="%d" y="%.1f" width="%d" height="%.1f" rx="4" class="band"/>`, margin-8, tops[i], canvasWidth-2*margin+16, bottom-tops[i])
		}
	}
	c.y = top
	c.axis(end, y)
	for i, row := range rows {
		c.row(tops[i], row, notes[i], end)
	}
	c.y = y + 8
}

// axis draws the lines and the times above them; about six on round numbers.
func (c *canvas) axis(end, bottom float64) {
	step := roundStep(end / 6)
	for t := 0.0; t <= end*1.0001; t += step {
		x := barX + barW*t/math.Max(end, 1e-9)
		c.add(`<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="grid"/>`, x, x, c.y, bottom)
		c.text(x, c.y-6, "tick", "middle", tickText(t, step))
	}
}

func tickText(t, step float64) string {
	switch {
	case t == 0:
		return "0"
	case step >= 1000:
		return fmt.Sprintf("%g s", t/1000)
	case step >= 1:
		return fmt.Sprintf("%.0f ms", t)
	}
	return fmt.Sprintf("%.*f ms", int(math.Ceil(-math.Log10(step))), t)
}

// roundStep is the next 1, 2 or 5 with zeros.
func roundStep(x float64) float64 {
	if x <= 0 {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*base >= x {
			return m * base
		}
	}
	return 10 * base
}

// row draws name, bar, time and note in columns of their own.
func (c *canvas) row(y float64, r row, note []string, end float64) {
	mid := y + rowH/2
	c.tick(margin+4, mid, r.ok)
	c.text(margin+16, mid+4.5, "", "", out.Clean(r.name, 16))
	x := barX + barW*r.start/math.Max(end, 1e-9)
	w := math.Max(barW*r.took/math.Max(end, 1e-9), 3)
	x = math.Min(x, barX+barW-w)
	c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="12" rx="3" class="%s"/>`, x, mid-6, w, barClass(r))
	c.text(timeX, mid+4.5, "time", "end", span(r.took))
	class := "mono dim"
	if !r.ok {
		class = "mono bad"
	}
	for i, line := range note {
		c.text(noteX, mid+4+lineHeight*float64(i), class, "", line)
	}
}

// barClass colours a bar by the layer that its stage belongs to.
func barClass(r row) string {
	switch {
	case !r.ok:
		return "fail"
	case r.name == "dns" || r.name == "connect" || r.name == "relay":
		return "net"
	case r.name == "tls" || r.name == "http":
		return "web"
	case r.name == "psk" || r.name == "security" || r.name == "identity":
		return "sec"
	case r.name == "muxer":
		return "mux"
	case r.name == "alive" || r.name == "protocol":
		return "app"
	}
	return "net"
}

func (r *Report) drawFacts(c *canvas) {
	c.y += 8
	for _, f := range r.factList() {
		c.fact(f[0], f[1])
	}
}

// drawError writes a warning with its hint.
func (c *canvas) drawError(e *fail.Error, class string) {
	c.y += 6
	c.text(margin, c.y+13, class, "", string(e.Code))
	c.y += lineHeight
	c.para(margin+14, "", out.Clean(e.Message, whole))
	c.hint(margin+14, e.Hint)
}

func (c *canvas) hint(x float64, hint string) {
	for _, line := range strings.Split(hint, "\n") {
		if line != "" {
			c.para(x, "dim", "→ "+out.Clean(line, whole))
		}
	}
}

// verdictBox frames what is the matter and what to do.
func (c *canvas) verdictBox(e *fail.Error) {
	c.y += 4
	inner := &canvas{y: c.y + 10}
	inner.para(margin+8, "", out.Clean(e.Message, whole))
	inner.hint(margin+8, e.Hint)
	c.add(`<rect x="%d" y="%.1f" width="%d" height="%.1f" rx="6" class="box"/>`, margin-8, c.y, canvasWidth-2*margin+16, inner.y+10-c.y)
	c.b.WriteString(inner.b.String())
	c.y = inner.y + 12
}
