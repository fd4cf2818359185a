// Package fail has the one error type of the program: a stable code, the exit status that follows
// from it, a message that quotes the offending input, and a hint that says what to do.
// Its rule: whoever knows the cause makes the Error; everyone above only wraps it.
package fail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"unicode/utf8"
)

const (
	maxMessage = 1024 // bytes; messages quote remote text, so they are bounded
	maxCause   = 512  // bytes of a library's raw text
)

// Error is one classified failure. The zero Stage, Hint, Cause and Detail are absent from JSON.
type Error struct {
	Code    Code           `json:"code"`
	Stage   string         `json:"stage,omitempty"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
	Cause   string         `json:"cause,omitempty"`
	Detail  map[string]any `json:"detail,omitempty"`

	err error
}

// New makes an Error. Arguments matched by %w can be unwrapped, as with fmt.Errorf.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: bound(err.Error(), maxMessage), err: errors.Unwrap(err)}
}

// Error returns the message alone: the code, hint and cause are for lib/out to show.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the wrapped cause, if there is one.
func (e *Error) Unwrap() error { return e.err }

// Kind returns the class that decides the exit status.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// WithHint returns a copy with an action for the user, best a command that can be pasted.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = bound(fmt.Sprintf(format, args...), maxMessage)
	return &c
}

// WithStage returns a copy that says where in a dial it happened, unless it already says so.
func (e *Error) WithStage(stage string) *Error {
	if e.Stage != "" {
		return e
	}
	c := *e
	c.Stage = stage
	return &c
}

// WithCause returns a copy that wraps err and keeps its raw text, at most 512 bytes of it.
func (e *Error) WithCause(err error) *Error {
	if err == nil {
		return e
	}
	c := *e
	c.err, c.Cause = err, bound(err.Error(), maxCause)
	return &c
}

// WithDetail returns a copy with one more machine-readable fact.
func (e *Error) WithDetail(key string, value any) *Error {
	c := *e
	c.Detail = maps.Clone(e.Detail)
	if c.Detail == nil {
		c.Detail = map[string]any{}
	}
	c.Detail[key] = value
	return &c
}

// Of returns err as an Error: the first Error in its chain under err's own text, else a
// classification of what the context says, else Internal. Of(nil) is nil.
func Of(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		if err == error(e) {
			return e
		}
		c := *e
		c.Message = bound(err.Error(), maxMessage)
		return &c
	case errors.Is(err, context.DeadlineExceeded):
		return New(Timeout, "timed out").WithCause(err)
	case errors.Is(err, context.Canceled):
		return New(Interrupted, "interrupted").WithCause(err)
	}
	return New(Internal, "%s", err.Error()).WithCause(err)
}

// bound cuts s to at most n bytes, at a rune's edge, and marks the cut.
func bound(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
