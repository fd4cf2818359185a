package out

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

const defaultWidth = 100 // columns where the stream is not a terminal

// stream is one of the two outputs with what it can show.
type stream struct {
	w     io.Writer
	fd    int
	tty   bool
	utf8  bool
	color bool
}

func newStream(w io.Writer, getenv func(string) string) *stream {
	s := &stream{w: w, fd: -1}
	if f, ok := w.(*os.File); ok {
		s.fd = int(f.Fd())
		s.tty = term.IsTerminal(s.fd)
	}
	s.utf8 = utf8Locale(getenv)
	s.color = s.tty && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return s
}

// utf8Locale follows POSIX: the first of LC_ALL, LC_CTYPE, LANG that is set decides.
func utf8Locale(getenv func(string) string) bool {
	for _, k := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(k); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// width is asked anew each time, because a terminal may be resized.
func (s *stream) width() int {
	if s.tty {
		if w, _, err := term.GetSize(s.fd); err == nil && w > 0 {
			return w
		}
	}
	return defaultWidth
}

func (s *stream) height() int {
	if s.tty {
		if _, h, err := term.GetSize(s.fd); err == nil && h > 0 {
			return h
		}
	}
	return 24
}

func (s *stream) text(w io.Writer) *Text {
	return &Text{Writer: w, Width: s.width(), Height: s.height(), UTF8: s.utf8, Color: s.color}
}
