// Package storetest checks that a store keeps the rules every store keeps.
//
// A driver runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			New: func(t testing.TB) store.Store { return mystore.NewStore() },
//		})
//	}
package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/store"
)

// Harness tells the suite how to use a store and what it cannot do.
type Harness struct {
	// New returns a store that is ready for use; the harness closes it, by
	// t.Cleanup if need be. All stores of a harness may share a backend that
	// holds other data: the suite uses tables and keys of its own.
	New func(t testing.TB) store.Store
	// Settle is how long a write may take to be seen by a read. Zero: none.
	Settle time.Duration
	// Expiry is the lifetime given to records that are to expire, the shortest
	// the backend can do. Zero: 50ms.
	Expiry time.Duration
	// Patience is how long to wait for a record to be gone. Zero: 20s, which is
	// for machines that stall.
	Patience time.Duration

	// NoExpiry: records cannot expire.
	NoExpiry bool
	// NoMetadata: records' metadata is not stored.
	NoMetadata bool
	// NoTables: tables are not separated.
	NoTables bool
	// NoTablePrefixes: a table has the records of tables whose names begin with its
	// own too.
	NoTablePrefixes bool
	// NoSharing: each store that New returns has records of its own.
	NoSharing bool
	// NoDatabases: databases are not separated.
	NoDatabases bool
	// NoOddKeys: keys are limited to letters, digits, '-', '_', '.' and '/'.
	NoOddKeys bool
	// NoEmptyValue: an empty value cannot be stored.
	NoEmptyValue bool
}

// Run checks all rules.
func Run(t *testing.T, h Harness) { conformance.Run(t, h, rules) }

// fixture is a store and names of this rule's own.
type fixture struct {
	testing.TB
	store.Store
	h     Harness
	table string
}

func setup(t testing.TB, h Harness) *fixture {
	t.Helper()
	if h.Expiry <= 0 {
		h.Expiry = 50 * time.Millisecond
	}
	if h.Patience <= 0 {
		h.Patience = 20 * time.Second
	}
	f := &fixture{TB: t, Store: h.New(t), h: h, table: "t" + uuid.NewString()[:8]}
	t.Cleanup(func() {
		keys, _ := f.Store.List(store.ListFrom("", f.table))
		for _, key := range keys {
			_ = f.Store.Delete(key, store.DeleteFrom("", f.table))
		}
	})
	return f
}

func (f *fixture) write(r *store.Record, opts ...store.WriteOption) {
	f.Helper()
	if err := f.Store.Write(r, append([]store.WriteOption{store.WriteTo("", f.table)}, opts...)...); err != nil {
		f.Fatalf("Write(%q): %v", r.Key, err)
	}
	time.Sleep(f.h.Settle)
}

func (f *fixture) put(keys ...string) {
	f.Helper()
	for _, key := range keys {
		f.write(&store.Record{Key: key, Value: []byte("value of " + key)})
	}
}

func (f *fixture) read(key string, opts ...store.ReadOption) []*store.Record {
	f.Helper()
	records, err := f.Store.Read(key, append([]store.ReadOption{store.ReadFrom("", f.table)}, opts...)...)
	if err != nil {
		f.Fatalf("Read(%q): %v", key, err)
	}
	return records
}

func (f *fixture) readOne(key string) *store.Record {
	f.Helper()
	records := f.read(key)
	if len(records) != 1 {
		f.Fatalf("Read(%q) returned %d records", key, len(records))
	}
	return records[0]
}

func (f *fixture) readError(key string) error {
	_, err := f.Store.Read(key, store.ReadFrom("", f.table))
	return err
}

func (f *fixture) list(opts ...store.ListOption) []string {
	f.Helper()
	keys, err := f.Store.List(append([]store.ListOption{store.ListFrom("", f.table)}, opts...)...)
	if err != nil {
		f.Fatalf("List: %v", err)
	}
	return keys
}

func (f *fixture) wantKeys(what string, got []string, want ...string) {
	f.Helper()
	if !slices.Equal(got, want) {
		f.Errorf("%s: got keys %.80q, want %.80q", what, got, want)
	}
}

func keysOf(records []*store.Record) []string {
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	return keys
}

// eventually polls until ok or the patience with slow machines ends.
func (f *fixture) eventually(what string, ok func() bool) {
	f.Helper()
	deadline := time.Now().Add(f.h.Patience + f.h.Settle)
	for !ok() {
		if time.Now().After(deadline) {
			f.Fatalf("did not happen: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
