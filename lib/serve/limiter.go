package serve

import (
	"container/list"
	"strconv"
	"strings"
	"sync"
	"time"

	"p2p/lib/fail"
)

const maxKeys = 4096 // that a limiter remembers; beyond it the one that was quiet longest is forgotten

// Rate is Burst at once, then one more every Interval.
type Rate struct {
	Burst    int
	Interval time.Duration
}

// ParseRate reads BURST/INTERVAL, such as 8/5s.
func ParseRate(flag, text string) (Rate, *fail.Error) {
	burst, interval, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(burst)
	d, derr := time.ParseDuration(interval)
	if !ok || err != nil || derr != nil || n < 1 || n > 1e6 || d <= 0 || d > time.Hour {
		return Rate{}, fail.New(fail.UsageFlag, "%s %q is no BURST/INTERVAL", flag, text).WithHint("such as %s 20/1s: 20 at once, then one a second", flag)
	}
	return Rate{n, d}, nil
}

func (r Rate) String() string { return strconv.Itoa(r.Burst) + "/" + r.Interval.String() }

// Limiter holds each of many keys to a Rate, in bounded memory.
type Limiter struct {
	rate Rate

	mu   sync.Mutex
	keys map[string]*list.Element
	seen *list.List // of *bucket, the one used last in front
}

type bucket struct {
	key  string
	next time.Time // when the bucket is full again
}

// NewLimiter returns a Limiter of that rate.
func NewLimiter(r Rate) *Limiter {
	return &Limiter{rate: r, keys: map[string]*list.Element{}, seen: list.New()}
}

// Take takes one of the key's turns, or returns how long it has to wait for the next.
func (l *Limiter) Take(key string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	e := l.keys[key]
	if e == nil {
		if l.seen.Len() >= maxKeys {
			delete(l.keys, l.seen.Remove(l.seen.Back()).(*bucket).key)
		}
		e = l.seen.PushFront(&bucket{key: key})
		l.keys[key] = e
	}
	l.seen.MoveToFront(e)
	b := e.Value.(*bucket)
	if b.next.Before(now) {
		b.next = now
	}
	if wait = b.next.Sub(now) - time.Duration(l.rate.Burst-1)*l.rate.Interval; wait > 0 {
		return wait
	}
	b.next = b.next.Add(l.rate.Interval)
	return 0
}
