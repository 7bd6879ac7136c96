package storetest_test

import (
	"errors"
	"slices"
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
