package store

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

const (
	defaultDatabase = "micro"
	defaultTable    = "micro"
	// sweepPause is the least time between two sweeps, and sweepStep how many
	// records are removed at a time, while nobody else can use the store.
	sweepPause = time.Second
	sweepStep  = 64
)

// tableName is a key of its own, so that no separator within a name can make
// two tables meet.
type tableName struct{ database, table string }

// memoryStore keeps records in the process. Expired records are invisible at
// once and removed by a timer, which is only armed while there is something to
// expire: an unused store holds no goroutine and needs no Close.
type memoryStore struct {
	options *options.Current[Options]

	mu      sync.RWMutex
	tables  map[tableName]*memoryTable
	sweep   *time.Timer // nil while nothing can expire
	sweepAt time.Time   // when the timer fires
}

// NewMemoryStore returns a store that keeps its records in this process. Close
// drops all records; the store can be used on.
func NewMemoryStore(opts ...Option) Store {
	o := Options{Database: defaultDatabase, Table: defaultTable}
	options.To(&o, opts)
	return &memoryStore{options: options.New(o), tables: map[tableName]*memoryTable{}}
}

func (m *memoryStore) String() string { return "memory" }

func (m *memoryStore) Init(opts ...Option) error {
	options.Apply(m.options, opts)
	return nil
}

func (m *memoryStore) Options() Options {
	o := m.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

func (m *memoryStore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tables = map[tableName]*memoryTable{}
	if m.sweep != nil {
		m.sweep.Stop()
		m.sweep = nil
	}
	return nil
}

func (m *memoryStore) Write(r *Record, opts ...WriteOption) error {
	if r == nil {
		return errors.New("writing to the memory store: the record is nil")
	}
	var o WriteOptions
	options.To(&o, opts)
	now := time.Now()
	expires, dead := query.Lifetime(now, o.TTL, o.Expiry, r.Expiry)
	entry := &memoryEntry{value: slices.Clone(r.Value), metadata: maps.Clone(r.Metadata), expires: expires}

	m.mu.Lock()
	defer m.mu.Unlock()
	name := m.name(o.Database, o.Table)
	if dead {
		m.remove(name, r.Key)
		return nil
	}
	t := m.tables[name]
	if t == nil {
		t = newMemoryTable()
		m.tables[name] = t
	}
	t.put(r.Key, entry)
	if end := endOf(expires); end != 0 {
		m.sweepBy(now, time.Unix(0, end))
	}
	return nil
}

func (m *memoryStore) Read(key string, opts ...ReadOption) ([]*Record, error) {
	var o ReadOptions
	options.To(&o, opts)
	now := time.Now()
	if !o.Prefix && !o.Suffix {
		return m.readOne(key, o, now)
	}
	q := query.Query{Limit: o.Limit, Offset: o.Offset}
	if o.Prefix {
		q.Prefix = key
	}
	if o.Suffix {
		q.Suffix = key
	}
	records := []*Record{}
	m.scan(o.Database, o.Table, q, now, func(k string, e *memoryEntry) {
		records = append(records, e.record(k, now))
	})
	return records, nil
}

func (m *memoryStore) readOne(key string, o ReadOptions, now time.Time) ([]*Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := m.tables[m.name(o.Database, o.Table)]
	if t == nil {
		return nil, ErrNotFound
	}
	e, ok := t.entries.Get(key).(*memoryEntry)
	if !ok || !e.live(now) {
		return nil, ErrNotFound
	}
	return []*Record{e.record(key, now)}, nil
}

func (m *memoryStore) List(opts ...ListOption) ([]string, error) {
	var o ListOptions
	options.To(&o, opts)
	keys := []string{}
	q := query.Query{Prefix: o.Prefix, Suffix: o.Suffix, Limit: o.Limit, Offset: o.Offset}
	m.scan(o.Database, o.Table, q, time.Now(), func(k string, _ *memoryEntry) {
		keys = append(keys, k)
	})
	return keys, nil
}

func (m *memoryStore) Delete(key string, opts ...DeleteOption) error {
	var o DeleteOptions
	options.To(&o, opts)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.name(o.Database, o.Table), key)
	return nil
}

// scan calls visit for the live records that q selects, in key order. Nothing
// can change or expire between the choice of a record and its visit.
func (m *memoryStore) scan(database, table string, q query.Query, now time.Time, visit func(string, *memoryEntry)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if t := m.tables[m.name(database, table)]; t != nil {
		t.scan(q, now, visit)
	}
}

// name resolves the table of an operation.
func (m *memoryStore) name(database, table string) tableName {
	if database != "" && table != "" {
		return tableName{database, table}
	}
	o := m.options.Get()
	database, table = cmp.Or(database, o.Database), cmp.Or(table, o.Table)
	return tableName{database, table}
}

// remove deletes a key and a table that has become empty. The caller holds mu.
func (m *memoryStore) remove(name tableName, key string) {
	t := m.tables[name]
	if t == nil {
		return
	}
	if t.remove(key); t.entries.Len() == 0 {
		delete(m.tables, name)
	}
}

// sweepBy sets the timer for a record that expires at a time. The caller holds mu.
func (m *memoryStore) sweepBy(now, end time.Time) {
	at := now.Add(max(end.Sub(now), sweepPause))
	switch {
	case m.sweep == nil:
		m.sweep = time.AfterFunc(at.Sub(now), m.removeExpired)
	case at.Before(m.sweepAt):
		m.sweep.Reset(at.Sub(now))
	default:
		return
	}
	m.sweepAt = at
}

// removeExpired is the sweep timer's function. It removes a few records at a time.
func (m *memoryStore) removeExpired() {
	now := time.Now()
	m.mu.Lock()
	m.sweep = nil
	names := slices.Collect(maps.Keys(m.tables))
	m.mu.Unlock()
	for _, name := range names {
		for m.sweepSome(name, now) {
		}
	}
}

// sweepSome removes expired records of a table, and reports whether there are
// more. When there are none it sets the timer for the next.
func (m *memoryStore) sweepSome(name tableName, now time.Time) (more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[name]
	if t == nil {
		return false
	}
	if t.removeExpired(now, sweepStep) {
		return true
	}
	if end, ok := t.entries.First(); ok {
		m.sweepBy(now, time.Unix(0, end))
	}
	if t.entries.Len() == 0 {
		delete(m.tables, name)
	}
	return false
}
