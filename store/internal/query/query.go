// Package query holds what every store decides in the same way: which keys an
// operation selects, and how long a record lives.
package query

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Query selects keys: those with the prefix and the suffix, in order, without
// the first Offset, and at most Limit of them; a Limit of 0 is none.
type Query struct {
	Prefix, Suffix string
	Limit, Offset  uint
}

// Match reports whether a key has the prefix and the suffix.
func (q Query) Match(key string) bool {
	return strings.HasPrefix(key, q.Prefix) && strings.HasSuffix(key, q.Suffix)
}

// Page sorts keys that match, removes those that are there twice, and returns
// what Offset and Limit leave of them. It is never nil.
func (q Query) Page(keys []string) []string {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	from, to := q.Bounds(len(keys))
	if from == to {
		return []string{}
	}
	return keys[from:to]
}

// Bounds returns which of n things in order Offset and Limit leave.
func (q Query) Bounds(n int) (from, to int) {
	from = int(min(q.Offset, uint(n)))
	to = n
	if q.Limit > 0 && q.Limit < uint(n-from) {
		to = from + int(q.Limit)
	}
	return from, to
}

// Counter counts off matching keys that come in order.
type Counter struct {
	skip, take uint
}

// Counter returns one for the Offset and the Limit of the query.
func (q Query) Counter() Counter {
	c := Counter{skip: q.Offset, take: q.Limit}
	if q.Limit == 0 {
		c.take = math.MaxUint
	}
	return c
}

// Take reports whether the next key is wanted.
func (c *Counter) Take() bool {
	if c.skip > 0 {
		c.skip--
		return false
	}
	if c.take == 0 {
		return false
	}
	c.take--
	return true
}

// Done reports whether no further key is wanted.
func (c *Counter) Done() bool { return c.take == 0 }

// Lifetime returns when a record that is written now ends, the zero time for
// never, and whether that is over already. A TTL wins over a time, and both over
// the record's own expiry; what is zero was not given.
func Lifetime(now time.Time, ttl time.Duration, at time.Time, own time.Duration) (expires time.Time, over bool) {
	switch {
	case ttl != 0:
		expires = now.Add(ttl)
	case !at.IsZero():
		expires = at
	case own != 0:
		expires = now.Add(own)
	default:
		return time.Time{}, false
	}
	return expires, !expires.After(now)
}

// Live reports whether a record that ends at the time, zero for never, is there.
func Live(expires, now time.Time) bool { return expires.IsZero() || expires.After(now) }

// Left returns the lifetime that is left of a live record, 0 for ever.
func Left(expires, now time.Time) time.Duration {
	if expires.IsZero() {
		return 0
	}
	return expires.Sub(now)
}
