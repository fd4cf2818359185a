package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// Bounds that every HTTP server of the program has.
const (
	headTimeout = 5 * time.Second  // to send the headers of a request
	readTimeout = 10 * time.Second // to send all of it
	idleTimeout = time.Minute
	maxHead     = 16 << 10 // bytes of headers
)

// newServer is the one place where an HTTP server is made. write bounds an answer, body a request's bytes.
func newServer(ctx context.Context, h http.Handler, write time.Duration, body int64) *http.Server {
	return &http.Server{
		Handler:           http.MaxBytesHandler(plain(h), body),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + write,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

// plain sets what every answer says: nothing is kept in a cache or guessed to be a page. No origin
// is allowed anything, so that no web page can read an answer.
func plain(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}

// Answer writes v as one line of JSON.
func Answer(w http.ResponseWriter, status int, v any) {
	b, err := out.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// Refuse answers with an error of the program's own, as {"error":{…}}.
func Refuse(w http.ResponseWriter, status int, e *fail.Error) {
	Answer(w, status, map[string]*fail.Error{"error": e})
}

// RefuseFor is Refuse for a client that may come back after a while.
func RefuseFor(w http.ResponseWriter, wait time.Duration, e *fail.Error) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	Refuse(w, http.StatusTooManyRequests, e)
}

// Routes is a handler of GET requests for exact paths; all else is 404 or 405.
func Routes(paths map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, known := paths[r.URL.Path]
		switch {
		case !known:
			Refuse(w, http.StatusNotFound, fail.New(fail.NotFound, "there is nothing at %q", out.Clean(r.URL.Path, 80)))
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			Refuse(w, http.StatusMethodNotAllowed, fail.New(fail.Usage, "only GET is answered here"))
		default:
			h(w, r)
		}
	})
}

// Healthy answers 200: the process runs.
func Healthy(w http.ResponseWriter, _ *http.Request) {
	Answer(w, http.StatusOK, map[string]bool{"ok": true})
}

// LocalNames lets only requests through whose Host is an IP address, localhost or one of the names:
// a name that a stranger makes resolve to this machine would lend him a browser behind its firewall.
func LocalNames(h http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localName(r.Host, names) {
			Refuse(w, http.StatusMisdirectedRequest, fail.New(fail.ServeForbidden, "the host %q is not one of this port's names", out.Clean(r.Host, 80)).
				WithHint("ask by IP address or localhost"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func localName(host string, names []string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host == "localhost" || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) })
}

// Client returns the IP that a request came from; of IPv6 the /64.
func Client(r *http.Request) netip.Addr { return remoteIP(r.RemoteAddr) }
