// Package cockroach is a store on CockroachDB or PostgreSQL.
//
//	s := cockroach.NewStore(store.Nodes("postgresql://orders:secret@10.0.0.1:26257?sslmode=verify-full"))
//	defer s.Close()
//	err := s.Write(&store.Record{Key: "order/1", Value: []byte("lamp")})
//
// A table of the store is a table of the server, in the database of that name on
// CockroachDB, in the schema of that name in the database of the URL on
// PostgreSQL. The first write makes what is not there; a user who may not do that
// can be given a table that is made beforehand:
//
//	CREATE TABLE orders.table1 (
//		key text NOT NULL PRIMARY KEY, value bytea, metadata jsonb, expiry timestamptz)
//
// # Names
//
// In the names of databases and tables, letters become small and each run of other
// characters than ASCII letters and digits becomes one "_". That layout is shared
// with go-micro v4. Names that would meet are kept apart: whichever wrote first has
// the table, and operations by the other name are refused with ErrName. Keys are
// text: those with a NUL byte, or bytes that are not UTF-8, are refused with ErrName
// too. PostgreSQL refuses keys that its index cannot hold, from 2,700 bytes on.
//
// # Time
//
// Records expire by the clocks of the processes that use them. Expired records are
// invisible at once, and removed when somebody reads them.
//
// # Failures
//
// Statements that the server asks to repeat are repeated. Operations end with
// Options.Context, and after Options.Timeout. A server that was away is used again
// as soon as it is back; a write that failed meanwhile may have been carried out.
//
// Metadata is kept as JSON: numbers come back as float64.
package cockroach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// The defaults are read when a store is made.
var (
	// DefaultDatabase holds the tables of stores without a database option.
	DefaultDatabase = "micro"
	// DefaultTable holds the records of stores without a table option.
	DefaultTable = "micro"
)

func init() { cmd.DefaultStores["cockroach"] = NewStore }

type sqlStore struct {
	options *options.Current[store.Options]

	mu   sync.Mutex
	pool *pool // nil until it is used
}

// NewStore returns a store that connects when it is first used, or by Init, to the
// first node: a URL or a string of key=value pairs, by default
// postgresql://root@localhost:26257?sslmode=disable.
func NewStore(opts ...store.Option) store.Store {
	o := store.Options{Database: DefaultDatabase, Table: DefaultTable}
	options.To(&o, opts)
	return &sqlStore{options: options.New(o)}
}

func (s *sqlStore) String() string { return "cockroach" }

func (s *sqlStore) Options() store.Options {
	o := s.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

// Init applies options, and fails when the server does not answer. Calls on their
// way to another server than the options now name may fail.
func (s *sqlStore) Init(opts ...store.Option) error {
	options.Apply(s.options, opts)
	o := s.options.Get()
	s.mu.Lock()
	old := s.pool
	if old != nil && old.source == source(o) {
		old = nil
	} else {
		s.pool = nil
	}
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
	ctx, cancel := o.OperationContext()
	defer cancel()
	p, err := s.connect()
	if err == nil {
		_, err = p.ask(ctx)
	}
	if err != nil {
		return fmt.Errorf("cockroach store: %w", err)
	}
	return nil
}

// Close closes the connections, when the calls on their way have ended. A store
// that is used on makes new ones.
func (s *sqlStore) Close() error {
	s.mu.Lock()
	p := s.pool
	s.pool = nil
	s.mu.Unlock()
	if p != nil {
		p.Close()
	}
	return nil
}

// connect returns the connections, of which there may be none yet.
func (s *sqlStore) connect() (*pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		return s.pool, nil
	}
	p, err := newPool(s.options.Get())
	if err != nil {
		return nil, err
	}
	s.pool = p
	return p, nil
}

func (s *sqlStore) Write(r *store.Record, opts ...store.WriteOption) error {
	if r == nil {
		return errors.New("cockroach store: the record to write is nil")
	}
	var o store.WriteOptions
	options.To(&o, opts)
	expires, over := query.Lifetime(time.Now(), o.TTL, o.Expiry, r.Expiry)
	if over {
		return s.remove(r.Key, o.Database, o.Table)
	}
	return s.do("writing", r.Key, o.Database, o.Table, func(ctx context.Context, t *table) error {
		return t.write(ctx, newRow(r, expires))
	})
}

func (s *sqlStore) Delete(key string, opts ...store.DeleteOption) error {
	var o store.DeleteOptions
	options.To(&o, opts)
	return s.remove(key, o.Database, o.Table)
}

func (s *sqlStore) remove(key, database, name string) error {
	return s.do("deleting", key, database, name, func(ctx context.Context, t *table) error {
		return t.delete(ctx, key)
	})
}

func (s *sqlStore) Read(key string, opts ...store.ReadOption) (records []*store.Record, err error) {
	var o store.ReadOptions
	options.To(&o, opts)
	q := query.Query{Limit: o.Limit, Offset: o.Offset}
	if o.Prefix {
		q.Prefix = key
	}
	if o.Suffix {
		q.Suffix = key
	}
	err = s.do("reading", key, o.Database, o.Table, func(ctx context.Context, t *table) (err error) {
		if o.Prefix || o.Suffix {
			records, err = t.scan(ctx, q)
		} else {
			records, err = t.read(ctx, key)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.ErrNotFound
	}
	return records, err
}

func (s *sqlStore) List(opts ...store.ListOption) (keys []string, err error) {
	var o store.ListOptions
	options.To(&o, opts)
	q := query.Query{Prefix: o.Prefix, Suffix: o.Suffix, Limit: o.Limit, Offset: o.Offset}
	err = s.do("listing", o.Prefix, o.Database, o.Table, func(ctx context.Context, t *table) (err error) {
		keys, err = t.list(ctx, q)
		return err
	})
	return keys, err
}

// do runs an operation on a table.
func (s *sqlStore) do(doing, key, database, name string, operation func(context.Context, *table) error) error {
	o := s.options.Get()
	n := tableName{cmp.Or(database, o.Database, DefaultDatabase), cmp.Or(name, o.Table, DefaultTable)}
	ctx, cancel := o.OperationContext()
	defer cancel()
	p, err := s.connect()
	if err != nil {
		return fmt.Errorf("cockroach store: %w", err)
	}
	if err = checkText(key); err == nil {
		var t *table
		if t, err = p.table(ctx, n); err == nil {
			err = operation(ctx, t)
		}
	}
	if err != nil {
		return fmt.Errorf("cockroach store: %s %.80q in table %.80q of %.80q: %w", doing, key, n.table, n.database, err)
	}
	return nil
}
