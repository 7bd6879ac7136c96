package store

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/internal/expiring"
	"github.com/justcy/go-micro/v4/internal/ordered"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

type memoryEntry struct {
	value    []byte
	metadata map[string]any
	expires  time.Time // zero: never
}

func (e *memoryEntry) live(now time.Time) bool { return query.Live(e.expires, now) }

// record returns a copy for the caller to keep.
func (e *memoryEntry) record(key string, now time.Time) *Record {
	return &Record{Key: key, Value: slices.Clone(e.value), Metadata: maps.Clone(e.metadata), Expiry: query.Left(e.expires, now)}
}

// memoryTable holds the records of one table, and their keys in order.
type memoryTable struct {
	entries *expiring.Map // of *memoryEntry
	keys    ordered.Set
}

func newMemoryTable() *memoryTable { return &memoryTable{entries: expiring.New()} }

func (t *memoryTable) put(key string, e *memoryEntry) {
	known := t.entries.Len()
	t.entries.Set(key, e, endOf(e.expires))
	if t.entries.Len() > known {
		t.keys.Add(key)
	}
}

func (t *memoryTable) remove(key string) {
	if t.entries.Delete(key) {
		t.keys.Remove(key)
	}
}

// removeExpired removes at most n expired records, and reports whether there are
// more.
func (t *memoryTable) removeExpired(now time.Time, n int) (more bool) {
	return t.entries.RemoveEnded(now.UnixNano(), n, func(key string, _ any) { t.keys.Remove(key) })
}

// farthest is the last time that can be counted in nanoseconds.
var farthest = time.Unix(0, math.MaxInt64)

// endOf returns when an entry can be removed, 0 for never.
func endOf(expires time.Time) int64 {
	if expires.IsZero() || expires.After(farthest) {
		return 0
	}
	return expires.UnixNano()
}

// scan visits what q selects, in order.
func (t *memoryTable) scan(q query.Query, now time.Time, visit func(string, *memoryEntry)) {
	counter := q.Counter()
	t.keys.From(q.Prefix, func(key string) bool {
		if counter.Done() || !strings.HasPrefix(key, q.Prefix) {
			return false
		}
		e, ok := t.entries.Get(key).(*memoryEntry)
		if ok && e.live(now) && q.Match(key) && counter.Take() {
			visit(key, e)
		}
		return true
	})
}
