package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync/atomic"

	"p2p/lib/fail"
	"p2p/lib/identity"
)

const shortToken = 16 // characters; below that a token can be guessed

type token struct {
	name string
	sum  [sha256.Size]byte
}

// Tokens is a file with one "name token" a line, blank lines and # comments aside.
type Tokens struct {
	path string
	now  atomic.Pointer[[]token]
	weak atomic.Bool
}

// OpenTokens reads the file; a file without a token is an error, as is any line that is no pair.
func OpenTokens(path string) (*Tokens, *fail.Error) {
	t := &Tokens{path: path}
	return t, t.Reload()
}

// Reload reads the file again; on failure the tokens that are in use stay.
func (t *Tokens) Reload() *fail.Error {
	b, err := identity.ReadFile(t.path)
	if err != nil {
		return fail.Of(err).WithHint("a token file has one \"name token\" a line, such as: ci %s", "$(openssl rand -hex 32)")
	}
	var all []token
	names, weak := map[string]bool{}, false
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 2 {
			return fail.New(fail.FileUnreadable, "line %d of %q is no \"name token\" pair: it has %d words", n, t.path, len(f)).WithHint("one name and one token, separated by a blank")
		}
		if names[f[0]] {
			return fail.New(fail.FileUnreadable, "line %d of %q gives the name %q a second token", n, t.path, f[0]).WithHint("one token a name")
		}
		names[f[0]] = true
		weak = weak || len(f[1]) < shortToken
		all = append(all, token{f[0], sha256.Sum256([]byte(f[1]))})
	}
	if len(all) == 0 {
		return fail.New(fail.FileUnreadable, "%q holds no token", t.path).WithHint("one \"name token\" a line: echo \"ci $(openssl rand -hex 32)\" > %s", t.path)
	}
	t.now.Store(&all)
	t.weak.Store(weak)
	return nil
}

// Warnings tells of tokens that are too short.
func (t *Tokens) Warnings() []*fail.Error {
	if !t.weak.Load() {
		return nil
	}
	return []*fail.Error{fail.New(fail.KeySize, "%q has a token of fewer than %d characters, which can be guessed", t.path, shortToken).WithHint("openssl rand -hex 32")}
}

// Bearer returns the name of the token that the request carries, "" for none or a wrong one.
// Every token is compared, in constant time.
func (t *Tokens) Bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(value)))
	name := ""
	for _, k := range *t.now.Load() {
		if subtle.ConstantTimeCompare(k.sum[:], sum[:]) == 1 {
			name = k.name
		}
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return name
}

// Require lets only requests with one of the tokens through.
func (t *Tokens) Require(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if t.Bearer(r) == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			Refuse(w, http.StatusUnauthorized, fail.New(fail.ServeForbidden, "this needs a token").WithHint("send the header Authorization: Bearer TOKEN"))
			return
		}
		h(w, r)
	}
}
