package sync

import (
	"bytes"
	"container/list"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

// address is where a record is. Database and table are empty for the store's
// own.
type address struct {
	key, database, table string
}

// change is a write or a deletion that a store has still to be told. It is not
// changed once it is made.
type change struct {
	address
	delete   bool
	value    []byte
	metadata map[string]any
	expiry   time.Time // zero for never
}

// written returns the change that a Write with these arguments makes.
func written(r *store.Record, opts []store.WriteOption) *change {
	options := options.Of(opts)
	c := &change{
		address:  address{key: r.Key, database: options.Database, table: options.Table},
		value:    bytes.Clone(r.Value),
		metadata: maps.Clone(r.Metadata),
	}
	switch {
	case options.TTL != 0:
		c.expiry = time.Now().Add(options.TTL)
	case !options.Expiry.IsZero():
		c.expiry = options.Expiry
	case r.Expiry != 0:
		c.expiry = time.Now().Add(r.Expiry)
	}
	return c
}

// deleted returns the change that a Delete with these arguments makes.
func deleted(key string, opts []store.DeleteOption) *change {
	options := options.Of(opts)
	return &change{
		address: address{key: key, database: options.Database, table: options.Table},
		delete:  true,
	}
}

// live reports whether there is a record after the change.
func (c *change) live() bool {
	return !c.delete && (c.expiry.IsZero() || time.Now().Before(c.expiry))
}

// apply makes the change in a store. A record that has expired in the meantime
// is deleted, since the store may hold an older one that has not.
func (c *change) apply(s store.Store) error {
	if !c.live() {
		return ignoreMissing(s.Delete(c.key, store.DeleteFrom(c.database, c.table)))
	}
	return s.Write(c.record(), store.WriteTo(c.database, c.table))
}

// ignoreMissing takes a deletion of nothing for a success, as it should be.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// record returns a copy of the record that was written.
func (c *change) record() *store.Record {
	r := &store.Record{Key: c.key, Value: bytes.Clone(c.value), Metadata: maps.Clone(c.metadata)}
	if !c.expiry.IsZero() {
		r.Expiry = max(time.Until(c.expiry), 1) // 0 would mean for ever
	}
	return r
}

// records returns what a Read after the change finds.
func (c *change) records() ([]*store.Record, error) {
	if !c.live() {
		return nil, store.ErrNotFound
	}
	return []*store.Record{c.record()}, nil
}

// queue holds the last change of each record, in the order they were made.
type queue struct {
	draining sync.Mutex // held by whoever passes changes on, to keep their order

	mu      sync.Mutex
	changes *list.List // of *change
	byPlace map[address]*list.Element
}

func newQueue() *queue {
	return &queue{changes: list.New(), byPlace: make(map[address]*list.Element)}
}

// add appends the change, in place of an earlier one of the same record.
func (q *queue) add(c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if old, ok := q.byPlace[c.address]; ok {
		q.changes.Remove(old)
	}
	q.byPlace[c.address] = q.changes.PushBack(c)
}

// done removes the change, unless a later one has taken its place.
func (q *queue) done(c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, ok := q.byPlace[c.address]; ok && e.Value == c {
		q.changes.Remove(e)
		delete(q.byPlace, c.address)
	}
}

// first returns the oldest change, nil without any.
func (q *queue) first() *change {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.changes.Front(); e != nil {
		return e.Value.(*change)
	}
	return nil
}

// pending returns the change of a record, nil without any.
func (q *queue) pending(at address) *change {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, ok := q.byPlace[at]; ok {
		return e.Value.(*change)
	}
	return nil
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changes.Len()
}
