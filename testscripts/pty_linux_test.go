package testscripts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"p2p/lib/out"
)

// pty STATUS COLSxROWS FILE CMD ARG...: runs the command on a terminal of that size. FILE gets what
// is on the screen at the end, scrolled lines included, FILE.raw every byte that was written, and
// FILE.seen every line that was ever drawn. It fails where a line was drawn over that had wrapped.
func ptyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: pty STATUS COLSxROWS FILE CMD ARG...")
	}
	var cols, rows uint16
	_, err := fmt.Sscanf(args[1], "%dx%d", &cols, &rows)
	ts.Check(err)
	raw, status := onTerminal(ts, cols, rows, args[3:])
	s := &screen{cols: int(cols)}
	s.play(raw)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(s.text()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]+".raw"), raw, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]+".seen"), []byte(strings.Join(s.seen, "\n")), 0o600))
	if want, err := strconv.Atoi(args[0]); err != nil || want != status {
		ts.Fatalf("exit status %d, want %s\n%s", status, args[0], s.text())
	}
	if s.fault != "" {
		ts.Fatalf("%s\n%s", s.fault, s.text())
	}
}

// openTerminal returns both ends of a new terminal of that size.
func openTerminal(ts *testscript.TestScript, cols, rows uint16) (ptmx, tty *os.File) {
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	ts.Check(err)
	fd := int(ptmx.Fd())
	ts.Check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows}))
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	ts.Check(err)
	return ptmx, tty
}

func onTerminal(ts *testscript.TestScript, cols, rows uint16, args []string) (raw []byte, status int) {
	ptmx, tty := openTerminal(ts, cols, rows)
	defer ptmx.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "LANG", "NO_COLOR", "TERM", "XDG_CACHE_HOME"} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	ts.Check(cmd.Start())
	_ = tty.Close()
	var b bytes.Buffer
	_, _ = io.Copy(&b, ptmx) // ends with EIO when the command closes the terminal
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return b.Bytes(), exit.ExitCode()
	}
	ts.Check(err)
	return b.Bytes(), 0
}

// screen is as much of a terminal as p2p uses; any other control character is a fault.
type screen struct {
	cols     int
	lines    []string // of one screen width
	wrapped  []bool   // the line goes on from the one before
	row, col int
	seen     []string
	fault    string
}

func (s *screen) play(raw []byte) {
	s.lines, s.wrapped = []string{""}, []bool{false}
	for text := string(raw); len(text) > 0; {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case text[0] == 0x1b:
			n = s.escape(text)
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.seen = append(s.seen, s.lines[s.row])
			s.down(false)
		case r < 0x20 || r == 0x7f:
			s.fault = fmt.Sprintf("the control character %q reached the screen", r)
		default:
			s.put(r)
		}
		text = text[n:]
	}
}

func (s *screen) down(wrapped bool) {
	if s.row++; s.row == len(s.lines) {
		s.lines, s.wrapped = append(s.lines, ""), append(s.wrapped, wrapped)
	}
}

func (s *screen) put(r rune) {
	w := out.Cells(string(r))
	if s.col+w > s.cols {
		s.down(true)
		s.col = 0
	}
	line := []rune(s.lines[s.row])
	for len(line) < s.col {
		line = append(line, ' ')
	}
	s.lines[s.row] = string(append(line[:s.col:s.col], append([]rune{r}, line[min(s.col+1, len(line)):]...)...))
	s.col += w
}

func (s *screen) escape(text string) int {
	end := strings.IndexAny(text, "ABJKmhl")
	if end < 0 || !strings.HasPrefix(text, "\x1b[") {
		s.fault = fmt.Sprintf("the escape sequence %.20q reached the screen", text)
		return 1
	}
	n, _ := strconv.Atoi(text[2:end])
	switch text[end] {
	case 'A':
		for range n {
			if s.wrapped[s.row] {
				s.fault = "a line that wrapped is drawn over: " + s.lines[s.row]
			}
			s.row = max(s.row-1, 0)
		}
	case 'B':
		s.row = min(s.row+n, len(s.lines)-1)
	case 'K':
		s.lines[s.row] = ""
	case 'm':
	default:
		s.fault = fmt.Sprintf("the escape sequence %q reached the screen", text[:end+1])
	}
	return end + 1
}

func (s *screen) text() string {
	return strings.TrimRight(strings.Join(s.lines, "\n"), "\n ") + "\n"
}
