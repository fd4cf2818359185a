package probe

import (
	_ "embed" // the style sheet of the page
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"

	"p2p/lib/out"
)

//go:embed page.css
var pageCSS string

// HTML is one page on which every target has its picture, the verdict, a table of the stages and the
// report itself. It loads nothing and runs nothing.
func HTML(reports []*Report) []byte {
	p := &page{}
	title := fmt.Sprintf("p2p probe: %d targets", len(reports))
	if len(reports) == 1 {
		title = "p2p probe: " + out.Clean(reports[0].Target, whole)
	}
	p.add("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n", html.EscapeString(title))
	p.add("<style>\n%s%s</style></head><body><main>\n", pictureCSS, pageCSS)
	p.head(reports)
	if len(reports) > 1 {
		p.index(reports)
	}
	for i, r := range reports {
		p.add("<section id=\"t%d\">\n", i+1)
		p.target(r, len(reports) > 1)
		p.add("</section>\n")
	}
	p.add("</main></body></html>\n")
	return []byte(p.b.String())
}

type page struct{ b strings.Builder }

func (p *page) add(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// safe cleans and escapes: all text of the page goes through it.
func safe(s string) string { return html.EscapeString(out.Clean(s, whole)) }

func (p *page) head(reports []*Report) {
	good := 0
	for _, r := range reports {
		if r.OK {
			good++
		}
	}
	p.add("<h1>p2p probe</h1>\n")
	if len(reports) > 0 {
		p.add("<p class=\"sum\">%d of %s good · %s UTC</p>\n", good, count(len(reports), "target", "targets"), reports[0].Time.UTC().Format(time.DateTime))
	}
}

// index is the list of many targets.
func (p *page) index(reports []*Report) {
	p.add("<table><thead><tr><th>target</th><th>verdict</th><th class=\"n\">took</th></tr></thead><tbody>\n")
	for i, r := range reports {
		verdict := ""
		if r.Error != nil {
			verdict = string(r.Error.Code)
		} else if r.Identify != nil {
			verdict = r.Identify.Agent
		}
		p.add("<tr><td><a href=\"#t%d\"><code>%s</code></a></td><td>%s %s</td><td class=\"n\">%s</td></tr>\n",
			i+1, safe(r.Target), verdictMark(r.OK), safe(verdict), span(r.TookMS))
	}
	p.add("</tbody></table>\n")
}

func (p *page) target(r *Report, many bool) {
	if many {
		p.add("<h2>%s %s</h2>\n", verdictMark(r.OK), safe(r.Target))
	}
	c := &canvas{y: 1}
	r.picture(c)
	p.b.Write(wrapSVG(c, []*Report{r}, ""))
	if e := r.Error; e != nil {
		p.add("<p>%s <b>%s</b> %s</p>\n", verdictMark(false), safe(string(e.Code)), safe(e.Message))
		if e.Hint != "" {
			p.add("<pre>%s</pre>\n", strings.ReplaceAll(safe(e.Hint), `\n`, "\n"))
		}
		if e.Cause != "" {
			p.add("<p class=\"meta\">cause: <code>%s</code></p>\n", safe(e.Cause))
		}
	}
	p.table(r)
	if b, err := json.MarshalIndent(r, "", "  "); err == nil {
		p.add("<details><summary>report as JSON</summary><pre>%s</pre></details>\n", html.EscapeString(cleanLines(string(b))))
	}
}

func verdictMark(ok bool) string {
	if ok {
		return `<span class="yes">✓</span>`
	}
	return `<span class="no">✗</span>`
}

// cleanLines cleans text that has line breaks of our own.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = out.Clean(l, len(l)+1)
	}
	return strings.Join(lines, "\n")
}

func (p *page) table(r *Report) {
	if len(r.Addresses) == 0 {
		return
	}
	p.add("<table><thead><tr><th>address</th><th>stage</th><th class=\"n\">start</th><th class=\"n\">took</th><th>result</th></tr></thead><tbody>\n")
	for _, a := range r.Addresses {
		for i, row := range a.rows() {
			name := ""
			if i == 0 {
				name = "<code>" + safe(a.Addr) + "</code>"
			}
			p.add("<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td>%s %s</td></tr>\n",
				name, safe(row.name), span(row.start), span(row.took), verdictMark(row.ok), safe(row.note))
		}
	}
	p.add("</tbody></table>\n")
}
