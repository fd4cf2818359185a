// Package out is the only writer of the program: results to stdout, errors and progress to stderr,
// as JSON or as text for people. Its rule: stdout is the answer and nothing else, and no control
// character of a remote reaches a terminal.
package out

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"

	"p2p/lib/fail"
)

// ErrClosedPipe tells that the reader of stdout went away (`| head -1`): the command ends silently, with 0.
var ErrClosedPipe = errors.New("the reader of stdout went away")

// Out writes for one command. Its methods may be called by several goroutines at once.
type Out struct {
	JSON    bool // print JSON, not text, on stdout
	ErrJSON bool // an explicit --json: usage errors are one JSON line on stderr
	Quiet   bool // nothing on success, one line on failure
	Verbose bool

	mu     sync.Mutex
	stdout *stream
	stderr *stream
	live   *Live
}

// New returns an Out that prints JSON unless stdout is a terminal.
func New(stdout, stderr io.Writer, getenv func(string) string) *Out {
	o := &Out{stdout: newStream(stdout, getenv), stderr: newStream(stderr, getenv)}
	o.JSON = !o.stdout.tty
	return o
}

type texter interface{ Text(*Text) }

// Object prints one result: a JSON object on one line that starts with its schema, or the result's Text.
// A result without a Text method is shown as indented JSON to people.
func (o *Out) Object(schema string, v any) error {
	return o.print(v, []field{{"schema", schema}})
}

// Event prints one line of a stream: a JSON object that starts with its type and schema.
func (o *Out) Event(typ, schema string, v any) error {
	return o.print(v, []field{{"type", typ}, {"schema", schema}})
}

type field struct{ name, value string }

func (o *Out) print(v any, head []field) error {
	t, isText := v.(texter)
	var b bytes.Buffer
	switch {
	case !o.JSON && isText:
		t.Text(o.stdout.text(&b))
	default:
		if err := encode(&b, v, head, !o.JSON); err != nil {
			return err
		}
	}
	return o.Raw(b.Bytes())
}

// Raw writes a bare artefact to stdout.
func (o *Out) Raw(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live.hide()
	_, err := o.stdout.w.Write(b)
	o.live.show()
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return ErrClosedPipe
	}
	if err != nil {
		return fail.New(fail.FileUnwritable, "write stdout: %w", err)
	}
	return nil
}

func encode(b *bytes.Buffer, v any, head []field, indent bool) error {
	body, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if len(body) < 2 || body[0] != '{' {
		return fmt.Errorf("encode result: %T is not an object", v)
	}
	line := []byte{'{'}
	for _, f := range head {
		kv, err := Marshal(f.value)
		if err != nil {
			return err
		}
		line = append(line, '"')
		line = append(line, f.name...)
		line = append(line, '"', ':')
		line = append(append(line, kv...), ',')
	}
	if len(body) == 2 && len(head) > 0 {
		line = line[:len(line)-1]
	}
	line = append(line, body[1:]...)
	if indent {
		return errors.Join(json.Indent(b, line, "", "  "), b.WriteByte('\n'))
	}
	b.Write(line)
	return b.WriteByte('\n')
}

// Marshal encodes v as JSON on one line, without HTML escaping. Every character that does not print is
// escaped, because JSON goes to terminals too: encoding/json leaves DEL, the C1 controls and bidi marks as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return visible(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// Fail shows an error on stderr as text, or as one JSON line under an explicit --json when nothing
// went to stdout (a usage error). Under --quiet the hint is left out.
func (o *Out) Fail(e *fail.Error, usage bool) {
	if o.ErrJSON && usage {
		b, err := Marshal(map[string]*fail.Error{"error": e})
		if err == nil {
			o.errLine(string(b))
			return
		}
	}
	var b strings.Builder
	t := o.stderr.text(&b)
	safe := o.stderr.safe
	b.WriteString(t.Bad("p2p: error:") + " " + safe(e.Message))
	if !strings.Contains(" "+e.Message, " "+string(e.Code)) {
		b.WriteString(t.Dim(" [" + string(e.Code) + "]"))
	}
	if e.Hint != "" && !o.Quiet {
		b.WriteString("\n" + t.Good("p2p: hint:") + " " + strings.ReplaceAll(safe(e.Hint), "\n", "\n    "))
	}
	o.errLine(b.String())
}

// Warn writes one "p2p: warning:" line to stderr, unless --quiet.
func (o *Out) Warn(format string, args ...any) { o.note("p2p: warning: ", format, args) }

// Note writes one line for people to stderr, unless --quiet.
func (o *Out) Note(format string, args ...any) { o.note("p2p: ", format, args) }

func (o *Out) note(prefix, format string, args []any) {
	if !o.Quiet {
		o.errLine(prefix + o.stderr.safe(fmt.Sprintf(format, args...)))
	}
}

// ErrText lets f write text for people to stderr: usage and the list of a group's leaves.
func (o *Out) ErrText(f func(*Text)) {
	var b strings.Builder
	f(o.stderr.text(&b))
	o.errLine(strings.TrimRight(b.String(), "\n"))
}

// Stderr returns a writer for logs; each Write is one or more whole lines.
func (o *Out) Stderr() io.Writer { return logWriter{o} }

type logWriter struct{ o *Out }

func (l logWriter) Write(p []byte) (int, error) {
	l.o.errLine(safe(strings.TrimRight(string(p), "\n")))
	return len(p), nil
}

func (o *Out) errLine(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live.hide()
	fmt.Fprintln(o.stderr.w, s)
	o.live.show()
}

// OneScreen tells that text for people and errors go to terminals both, so that what was said on stdout is on the screen.
func (o *Out) OneScreen() bool { return !o.JSON && !o.Quiet && o.stdout.tty && o.stderr.tty }

// TextWidth returns the columns of stdout, 100 where it is no terminal.
func (o *Out) TextWidth() int { return o.stdout.width() }
