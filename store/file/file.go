// Package file is a store that keeps its records in files on this machine, one
// bbolt database for each table. It needs no server and survives the end of the
// process, however that comes: a Write that returned is on the disk.
//
//	s := file.NewStore(file.DirOption("/var/lib/orders"))
//	defer s.Close()
//	err := s.Write(&store.Record{Key: "order/1", Value: []byte("lamp")})
//
// A table is the file <dir>/<database>/<table>.db, made by the first write to
// it. Files and folders are for their owner alone. While a store has a table
// open, which is from its first use until Close, no other process can open it:
// they fail after five seconds.
//
// Writes that come while another is on its way to the disk are written together,
// so that many goroutines cost the disk little more than one.
//
// # Names
//
// A database may be several folders deep ("a/b"); a table is one file. Names that
// no file can have, or that lead out of the folder, are refused with ErrName.
// Where file names ignore case, so do those of databases and tables. Keys are any
// bytes, from one to 32,768 of them.
//
// # Metadata
//
// Metadata is kept as JSON: numbers come back as float64.
package file

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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
	// DefaultDir is where stores without DirOption keep their files: "micro/store"
	// in the folder for temporary files, which not every machine keeps for ever.
	DefaultDir = filepath.Join(os.TempDir(), "micro", "store")
)

func init() { cmd.DefaultStores["file"] = NewStore }

// fileStore opens tables when they are first used, and closes them all in Close.
type fileStore struct {
	options *options.Current[store.Options]

	mu     sync.RWMutex
	tables map[tableName]*table
	sweep  *sweeper // nil while no table is open
}

// NewStore returns a store. It touches no file before it is used. After Close it
// can be used on, and opens what it needs anew.
func NewStore(opts ...store.Option) store.Store {
	o := store.Options{Database: DefaultDatabase, Table: DefaultTable}
	options.To(&o, opts)
	return &fileStore{options: options.New(o), tables: map[tableName]*table{}}
}

func (s *fileStore) String() string { return "file" }

func (s *fileStore) Options() store.Options {
	o := s.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

// Init applies options and makes the folder.
func (s *fileStore) Init(opts ...store.Option) error {
	options.Apply(s.options, opts)
	if err := os.MkdirAll(dir(s.options.Get()), dirMode); err != nil {
		return fmt.Errorf("file store: %w", err)
	}
	return nil
}

// Close closes all tables. Calls on their way finish or fail.
func (s *fileStore) Close() error {
	s.mu.Lock()
	tables, sweep := s.tables, s.sweep
	s.tables, s.sweep = map[tableName]*table{}, nil
	s.mu.Unlock()

	if sweep != nil {
		sweep.stop()
	}
	var errs []error
	for _, t := range tables {
		if err := t.close(); err != nil {
			errs = append(errs, fmt.Errorf("closing %s: %w", t.path, err))
		}
	}
	return errors.Join(errs...)
}

func (s *fileStore) Write(r *store.Record, opts ...store.WriteOption) error {
	if r == nil {
		return errors.New("file store: the record to write is nil")
	}
	var o store.WriteOptions
	options.To(&o, opts)
	expires, over := query.Lifetime(time.Now(), o.TTL, o.Expiry, r.Expiry)
	if over {
		return s.remove(r.Key, o.Database, o.Table)
	}
	if err := checkKey(r.Key); err != nil {
		return err
	}
	value, err := encode(r, expires)
	if err != nil {
		return err
	}
	t, err := s.table(o.Database, o.Table, true)
	if err != nil {
		return err
	}
	return t.put(r.Key, value, !expires.IsZero())
}

func (s *fileStore) Delete(key string, opts ...store.DeleteOption) error {
	var o store.DeleteOptions
	options.To(&o, opts)
	return s.remove(key, o.Database, o.Table)
}

func (s *fileStore) remove(key, database, name string) error {
	t, err := s.table(database, name, false)
	if t == nil {
		return err
	}
	return t.delete(key)
}

func (s *fileStore) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	var o store.ReadOptions
	options.To(&o, opts)
	t, err := s.table(o.Database, o.Table, false)
	if err != nil {
		return nil, err
	}
	if !o.Prefix && !o.Suffix {
		if t == nil {
			return nil, store.ErrNotFound
		}
		return t.read(key, time.Now())
	}
	q := query.Query{Limit: o.Limit, Offset: o.Offset}
	if o.Prefix {
		q.Prefix = key
	}
	if o.Suffix {
		q.Suffix = key
	}
	records := []*store.Record{}
	if t == nil {
		return records, nil
	}
	err = t.scan(q, true, time.Now(), func(r *store.Record) { records = append(records, r) })
	return records, err
}

func (s *fileStore) List(opts ...store.ListOption) ([]string, error) {
	var o store.ListOptions
	options.To(&o, opts)
	t, err := s.table(o.Database, o.Table, false)
	if err != nil {
		return nil, err
	}
	keys := []string{}
	if t == nil {
		return keys, nil
	}
	q := query.Query{Prefix: o.Prefix, Suffix: o.Suffix, Limit: o.Limit, Offset: o.Offset}
	err = t.scan(q, false, time.Now(), func(r *store.Record) { keys = append(keys, r.Key) })
	return keys, err
}

// table returns the table of an operation, opened. When it has no file yet the
// result is nil, or a new table if it is to be created.
func (s *fileStore) table(database, table string, create bool) (*table, error) {
	o := s.options.Get()
	name := tableName{dir(o), cmp.Or(database, o.Database, DefaultDatabase), cmp.Or(table, o.Table, DefaultTable)}
	s.mu.RLock()
	t := s.tables[name]
	s.mu.RUnlock()
	if t == nil {
		path, err := name.path()
		if err != nil {
			return nil, err
		}
		if !create {
			if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
				return nil, nil
			}
		}
		t = s.add(name, path)
	}
	if err := t.open(); err != nil {
		s.forget(name, t)
		return nil, err
	}
	return t, nil
}

// add returns the table, which may be new and is not opened yet.
func (s *fileStore) add(name tableName, path string) *table {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		t = newTable(path)
		s.tables[name] = t
	}
	if s.sweep == nil {
		s.sweep = startSweeper(s.opened)
	}
	return t
}

// forget makes the next use of a table open it again.
func (s *fileStore) forget(name tableName, t *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[name] == t {
		delete(s.tables, name)
	}
}

// opened returns the tables in use.
func (s *fileStore) opened() []*table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.tables))
}
