package fail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOf(t *testing.T) {
	inner := New(DialRefused, "refused by %q", "x").WithHint("start it")
	for _, c := range []struct {
		err     error
		code    Code
		message string
	}{
		{inner, DialRefused, `refused by "x"`},
		{fmt.Errorf("probe target: %w", inner), DialRefused, `probe target: refused by "x"`},
		{context.DeadlineExceeded, Timeout, "timed out"},
		{fmt.Errorf("read: %w", context.Canceled), Interrupted, "interrupted"},
		{io.EOF, Internal, "EOF"},
	} {
		e := Of(c.err)
		if e.Code != c.code || e.Message != c.message {
			t.Errorf("%v: %s %q", c.err, e.Code, e.Message)
		}
	}
	if Of(nil) != nil {
		t.Error("Of(nil) is no error")
	}
	if Of(fmt.Errorf("a: %w", inner)).Hint != "start it" {
		t.Error("the hint is lost on the way up")
	}
}

// Remote text is part of messages and causes: both are bounded, and stay whole runes.
func TestBounds(t *testing.T) {
	e := New(Internal, "%s", strings.Repeat("é", 5000)).WithCause(errors.New(strings.Repeat("ü", 5000)))
	if len(e.Message) > maxMessage+3 || len(e.Cause) > maxCause+3 || !utf8.ValidString(e.Message) || !utf8.ValidString(e.Cause) {
		t.Errorf("%d bytes of message, %d of cause", len(e.Message), len(e.Cause))
	}
}

// An Error is a value that is shared: with a fact more it is another one.
func TestCopies(t *testing.T) {
	a := New(DialClosed, "closed").WithDetail("how", "reset")
	b := a.WithDetail("own_dials", 3).WithStage("connect").WithHint("look")
	if len(a.Detail) != 1 || a.Stage != "" || a.Hint != "" || b.Stage != "connect" || b.WithStage("tls").Stage != "connect" {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestKinds(t *testing.T) {
	statuses := map[Kind]bool{}
	for _, s := range Statuses() {
		statuses[Kind(s.Exit)] = true
		if Kind(s.Exit).String() != s.Kind {
			t.Errorf("%d is called %s and %s", s.Exit, Kind(s.Exit), s.Kind)
		}
	}
	for _, c := range Codes() {
		if !statuses[c.Kind()] || !c.Known() {
			t.Errorf("%s has the exit status %d, which the table lacks", c, c.Kind())
		}
	}
	if Code("no.such").Known() || Code("no.such").Kind() != KindFailed {
		t.Error("an unknown code is known")
	}
}
