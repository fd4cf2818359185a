package explain

import (
	"fmt"
	"strings"

	"p2p/lib/out"
)

// Text shows the page.
func (e Entry) Text(w *out.Text) {
	w.Printf("%s  %s\n", w.Bold(string(e.Code)), e.Short)
	if e.Exit == 0 {
		w.Printf("%s\n", w.Dim("a warning: it does not change the exit status"))
	} else {
		w.Printf("%s\n", w.Dim(fmt.Sprintf("kind %s, exit status %d", e.Kind, e.Exit)))
	}
	w.Printf("\n%s\n", out.Wrap(e.Means, columns(w), ""))
	items(w, "Usual causes", e.Causes)
	w.Printf("\n%s\n", w.Bold("Confirm"))
	for _, c := range e.Confirm {
		w.Printf("    %s\n", c)
	}
	items(w, "Mend", e.Mend)
}

// Text shows what the error text can stand for, likeliest first.
func (m Matches) Text(w *out.Text) {
	for i, f := range m.Found {
		if i > 0 {
			w.Printf("\n")
		}
		f.Text(w)
	}
	if len(m.Found) > 0 && len(m.Addresses) == 0 {
		w.Printf("\n%s\n", out.Wrap("the text names no multiaddr: put yours in place of "+placeholder, columns(w), ""))
	}
}

// Text shows one possible cause.
func (c Cause) Text(w *out.Text) {
	if c.Line > 0 {
		w.Printf("%s\n", w.Dim(fmt.Sprintf("line %d: %s", c.Line, c.Excerpt)))
	}
	w.Printf("%s  %s\n", w.Bold(string(c.Code)), c.Short)
	w.Printf("  %s\n", out.Wrap(c.Why, columns(w)-2, "  "))
	w.Printf("    %s\n", c.ConfirmCommand)
}

// Text shows the end of a log.
func (s Summary) Text(w *out.Text) {
	w.Printf("\nfindings: %d in a log of %d lines\n", s.Count, s.Lines)
}

func items(w *out.Text, title string, list []string) {
	w.Printf("\n%s\n", w.Bold(title))
	for _, item := range list {
		text, verbatim, _ := strings.Cut(item, "\n")
		w.Printf("- %s\n", out.Wrap(text, columns(w)-2, "  "))
		if verbatim != "" {
			w.Printf("      %s\n", strings.ReplaceAll(verbatim, "\n", "\n      "))
		}
	}
}

func columns(w *out.Text) int { return min(max(w.Width, 40), 100) }
