package store

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/store/internal/query"
)

type memoryEntry struct {
	value    []byte
	metadata map[string]any
	expires  time.Time // zero: never
}

func (e memoryEntry) live(now time.Time) bool { return query.Live(e.expires, now) }

// record returns a copy for the caller to keep.
func (e memoryEntry) record(key string, now time.Time) *Record {
	return &Record{Key: key, Value: slices.Clone(e.value), Metadata: maps.Clone(e.metadata), Expiry: query.Left(e.expires, now)}
}

// memoryTable holds the records of one table and an ordered index of their
// keys. The index is brought up to date by the first scan after a change: keys
// added since wait in added, keys removed stay in it as stale.
type memoryTable struct {
	entries map[string]memoryEntry
	sorted  []string
	added   []string
	stale   int
}

func newMemoryTable() *memoryTable { return &memoryTable{entries: map[string]memoryEntry{}} }

func (t *memoryTable) put(key string, e memoryEntry) {
	if _, known := t.entries[key]; !known {
		t.added = append(t.added, key)
	}
	t.entries[key] = e
}

func (t *memoryTable) remove(key string) {
	if _, known := t.entries[key]; !known {
		return
	}
	delete(t.entries, key)
	// Tables that are written and deleted but never listed must not grow.
	if t.stale++; t.stale > 2*len(t.entries)+64 {
		t.index()
	}
}

func (t *memoryTable) removeExpired(now time.Time) (canExpire bool) {
	for key, e := range t.entries {
		switch {
		case !e.live(now):
			t.remove(key)
		case !e.expires.IsZero():
			canExpire = true
		}
	}
	return canExpire
}

func (t *memoryTable) indexed() bool { return len(t.added) == 0 }

// index brings sorted up to date.
func (t *memoryTable) index() {
	t.sorted = append(t.sorted, t.added...)
	if t.stale > 0 {
		t.sorted = slices.DeleteFunc(t.sorted, func(k string) bool {
			_, ok := t.entries[k]
			return !ok
		})
	}
	slices.Sort(t.sorted)
	t.sorted = slices.Compact(t.sorted) // removed and written again
	t.added, t.stale = nil, 0
}

// scan visits what q selects; the index is up to date but for stale keys.
func (t *memoryTable) scan(q query.Query, now time.Time, visit func(string, memoryEntry)) {
	start, _ := slices.BinarySearch(t.sorted, q.Prefix)
	counter := q.Counter()
	for _, key := range t.sorted[start:] {
		if counter.Done() || !strings.HasPrefix(key, q.Prefix) {
			return
		}
		e, ok := t.entries[key]
		if ok && e.live(now) && q.Match(key) && counter.Take() {
			visit(key, e)
		}
	}
}
