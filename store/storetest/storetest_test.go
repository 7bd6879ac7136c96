package storetest_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func TestGoodStoreKeepsAllRules(t *testing.T) {
	broken := storetest.Broken(t, storetest.Harness{New: func(testing.TB) store.Store { return store.NewMemoryStore() }, NoSharing: true})
	for rule, failure := range broken {
		t.Errorf("%s: %s", rule, failure)
	}
}

// wrong is a memory store with one behaviour replaced.
type wrong struct {
	store.Store
	read   func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error)
	write  func(s store.Store, r *store.Record, opts ...store.WriteOption) error
	remove func(s store.Store, key string, opts ...store.DeleteOption) error
	list   func(s store.Store, opts ...store.ListOption) ([]string, error)
	init   func(s store.Store, opts ...store.Option) error
	close  func(s store.Store) error
}

func (w *wrong) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	if w.read != nil {
		return w.read(w.Store, key, opts...)
	}
	return w.Store.Read(key, opts...)
}

func (w *wrong) Write(r *store.Record, opts ...store.WriteOption) error {
	if w.write != nil {
		return w.write(w.Store, r, opts...)
	}
	return w.Store.Write(r, opts...)
}

func (w *wrong) Delete(key string, opts ...store.DeleteOption) error {
	if w.remove != nil {
		return w.remove(w.Store, key, opts...)
	}
	return w.Store.Delete(key, opts...)
}

func (w *wrong) List(opts ...store.ListOption) ([]string, error) {
	if w.list != nil {
		return w.list(w.Store, opts...)
	}
	return w.Store.List(opts...)
}

func (w *wrong) Init(opts ...store.Option) error {
	if w.init != nil {
		return w.init(w.Store, opts...)
	}
	return w.Store.Init(opts...)
}

func (w *wrong) Close() error {
	if w.close != nil {
		return w.close(w.Store)
	}
	return w.Store.Close()
}

// renamed is a store that has other names for things than its users.
func renamed(rename func(database, table, key string) (string, string, string)) wrong {
	return wrong{
		write: func(s store.Store, r *store.Record, opts ...store.WriteOption) error {
			var o store.WriteOptions
			for _, opt := range opts {
				opt(&o)
			}
			database, table, key := rename(o.Database, o.Table, r.Key)
			return s.Write(&store.Record{Key: key, Value: r.Value}, store.WriteTo(database, table))
		},
		read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			o := readOptions(opts)
			database, table, name := rename(o.Database, o.Table, key)
			records, err := s.Read(name, append(opts, store.ReadFrom(database, table))...)
			for _, r := range records {
				if !o.Prefix && !o.Suffix {
					r.Key = key
				}
			}
			return records, err
		},
	}
}

// forgetful deletes keys that it has seen expired, later.
func forgetful() wrong {
	var expired sync.Map
	return wrong{
		read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			records, err := s.Read(key, opts...)
			if errors.Is(err, store.ErrNotFound) {
				expired.Store(key, true)
			}
			return records, err
		},
		list: func(s store.Store, opts ...store.ListOption) ([]string, error) {
			o := listOptions(opts)
			expired.Range(func(key, _ any) bool {
				_ = s.Delete(key.(string), store.DeleteFrom(o.Database, o.Table))
				return true
			})
			return s.List(opts...)
		},
	}
}

func readOptions(opts []store.ReadOption) (o store.ReadOptions) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func listOptions(opts []store.ListOption) (o store.ListOptions) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

var wrongStores = []struct {
	name  string
	rule  string // which must be found broken
	store wrong
}{
	{
		name: "missing key is an empty result", rule: "a missing key is ErrNotFound",
		store: wrong{read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			records, err := s.Read(key, opts...)
			if errors.Is(err, store.ErrNotFound) {
				return nil, nil
			}
			return records, err
		}},
	},
	{
		name: "delete of a missing key fails", rule: "deleting a missing key is no error",
		store: wrong{remove: func(s store.Store, key string, opts ...store.DeleteOption) error {
			var o store.DeleteOptions
			for _, opt := range opts {
				opt(&o)
			}
			if _, err := s.Read(key, store.ReadFrom(o.Database, o.Table)); err != nil {
				return err
			}
			return s.Delete(key, opts...)
		}},
	},
	{
		name: "limit is an absolute end", rule: "limit and offset count in the filtered, ordered records",
		store: wrong{read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			var o store.ReadOptions
			for _, opt := range opts {
				opt(&o)
			}
			records, err := s.Read(key, append(opts, store.ReadLimit(0), store.ReadOffset(0))...)
			if o.Limit > 0 {
				records = records[:min(int(o.Limit), len(records))]
			}
			return records[min(int(o.Offset), len(records)):], err
		}},
	},
	{
		name: "list is unordered", rule: "list returns all keys in order",
		store: wrong{list: func(s store.Store, opts ...store.ListOption) ([]string, error) {
			keys, err := s.List(opts...)
			slices.Reverse(keys)
			return keys, err
		}},
	},
	{
		name: "list limits before it filters", rule: "list filters by prefix and suffix, then orders, skips and limits",
		store: wrong{list: func(s store.Store, opts ...store.ListOption) ([]string, error) {
			o := listOptions(opts)
			page, err := s.List(store.ListFrom(o.Database, o.Table), store.ListLimit(o.Limit), store.ListOffset(o.Offset))
			if err != nil {
				return nil, err
			}
			all, err := s.List(store.ListFrom(o.Database, o.Table), store.ListPrefix(o.Prefix), store.ListSuffix(o.Suffix))
			return slices.DeleteFunc(page, func(k string) bool { return !slices.Contains(all, k) }), err
		}},
	},
	{
		name: "tables are ignored", rule: "tables are separate",
		store: wrong{read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			return s.Read(key, append(opts, store.ReadFrom("", "one"))...)
		}, write: func(s store.Store, r *store.Record, opts ...store.WriteOption) error {
			return s.Write(r, append(opts, store.WriteTo("", "one"))...)
		}},
	},
	{
		name: "expiry is ignored", rule: "a record is gone after its TTL",
		store: wrong{write: func(s store.Store, r *store.Record, opts ...store.WriteOption) error {
			var o store.WriteOptions
			for _, opt := range opts {
				opt(&o)
			}
			return s.Write(&store.Record{Key: r.Key, Value: r.Value}, store.WriteTo(o.Database, o.Table))
		}},
	},
	{
		name: "keys are cleaned as paths", rule: "odd keys are kept as they are, or refused",
		store: renamed(func(database, table, key string) (string, string, string) { return database, table, path.Clean(key) }),
	},
	{
		name: "table names are folded", rule: "tables with odd names are separate, or refused",
		store: renamed(func(database, table, key string) (string, string, string) {
			return database, strings.ToLower(table), key
		}),
	},
	{
		name: "databases are ignored", rule: "databases with odd names are separate, or refused",
		store: renamed(func(_, table, key string) (string, string, string) { return "", table, key }),
	},
	{
		name: "a table is a prefix", rule: "a table has no records of tables whose names begin with its own",
		store: wrong{
			write: func(s store.Store, r *store.Record, opts ...store.WriteOption) error {
				var o store.WriteOptions
				for _, opt := range opts {
					opt(&o)
				}
				return s.Write(&store.Record{Key: o.Table + r.Key, Value: r.Value})
			},
			list: func(s store.Store, opts ...store.ListOption) ([]string, error) {
				table := listOptions(opts).Table
				keys, err := s.List(store.ListPrefix(table))
				for i := range keys {
					keys[i] = strings.TrimPrefix(keys[i], table)
				}
				return keys, err
			},
		},
	},
	{
		name: "expired keys are deleted later", rule: "a record written again after it expired is there",
		store: forgetful(),
	},
	{
		name: "records are read in parts", rule: "a record is read whole while it is written",
		store: wrong{read: func(s store.Store, key string, opts ...store.ReadOption) ([]*store.Record, error) {
			records, err := s.Read(key, opts...)
			if len(records) == 1 && len(records[0].Value) >= 10_000 { // whichever of the two it is
				records[0].Value[5_000] = 'x'
			}
			return records, err
		}},
	},
	{
		name: "a list ends at 1,000", rule: "reads and lists are complete, however many records there are",
		store: wrong{list: func(s store.Store, opts ...store.ListOption) ([]string, error) {
			keys, err := s.List(opts...)
			return keys[:min(len(keys), 1000)], err
		}},
	},
	{
		name: "each store is alone", rule: "stores on one backend have the same records",
	},
	{
		name: "nil is ignored", rule: "a nil record is refused",
		store: wrong{write: func(s store.Store, r *store.Record, opts ...store.WriteOption) error {
			if r == nil {
				return nil
			}
			return s.Write(r, opts...)
		}},
	},
	{
		name: "Init does nothing", rule: "Init changes options",
		store: wrong{init: func(store.Store, ...store.Option) error { return nil }},
	},
	{
		name: "Close fails the second time", rule: "a store can be closed again",
		store: wrong{close: func() func(store.Store) error {
			closed := map[store.Store]bool{}
			return func(s store.Store) error {
				if closed[s] {
					return errors.New("closed already")
				}
				closed[s] = true
				return nil
			}
		}()},
	},
}

func TestBrokenStoresAreFound(t *testing.T) {
	for _, w := range wrongStores {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			broken := storetest.Broken(t, storetest.Harness{
				New: func(testing.TB) store.Store {
					broken := w.store
					broken.Store = store.NewMemoryStore()
					return &broken
				},
				Patience: 200 * time.Millisecond,
			}, w.rule)
			if broken[w.rule] == "" {
				t.Errorf("the rule %q was not found broken, but %v", w.rule, broken)
			}
		})
	}
}
