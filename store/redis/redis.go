// Package redis is a store on Redis: one server, a cluster, or what Sentinel
// watches.
//
//	s := redis.NewStore(store.Nodes("redis://:secret@10.0.0.1:6379/3"))
//	defer s.Close()
//	err := s.Write(&store.Record{Key: "user/1", Value: []byte("ada")}, store.WriteTTL(time.Hour))
//
// A record is a Redis string under the name of its table followed by its key,
// with nothing between them, and expires by Redis' own means, to the millisecond.
// That layout is shared with go-micro v4, and has consequences: databases are not
// separated, metadata is not kept, and a table sees the records of tables whose
// names begin with its own. Give tables names that end in a separator ("users:")
// to keep them apart.
//
// List and reads by prefix or suffix look at every key of the server, with SCAN:
// they hold up nobody else, take as long as the server is full, and do not see one
// moment. A record that is there all the while is found; one that is written or
// deleted meanwhile may be. Keys with something else than a string are no records,
// though List names them.
//
// Operations end with Options.Context, and after Options.Timeout; one that needs
// many steps may take that long for each. A server that was away is used again as
// soon as it is back.
package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// The defaults are read when a store is made.
var (
	// DefaultDatabase is the Database option of stores without one. It has no
	// effect.
	DefaultDatabase = "micro"
	// DefaultTable holds the records of stores without a table option.
	DefaultTable = "micro"
)

func init() { cmd.DefaultStores["redis"] = NewStore }

type redisStore struct {
	options *options.Current[store.Options]

	mu     sync.Mutex
	client redis.UniversalClient // nil until it is used
	made   connection            // what client was made from
}

// connection is what decides about the client.
type connection struct {
	nodes   []string
	options redis.UniversalOptions
}

func wanted(o store.Options) connection { return connection{o.Nodes, universalOptions(o)} }

// NewStore returns a store that connects when it is first used, or by Init, to
// redis://127.0.0.1:6379 by default. Several nodes are the seeds of a cluster.
func NewStore(opts ...store.Option) store.Store {
	o := store.Options{Database: DefaultDatabase, Table: DefaultTable}
	options.To(&o, opts)
	return &redisStore{options: options.New(o)}
}

func (s *redisStore) String() string { return "redis" }

func (s *redisStore) Options() store.Options {
	o := s.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

// Init applies options, and fails when the server does not answer. Calls on
// their way to another server than the options now name fail.
func (s *redisStore) Init(opts ...store.Option) error {
	options.Apply(s.options, opts)
	s.disconnect(func() bool { return !reflect.DeepEqual(s.made, wanted(s.options.Get())) })
	ctx, cancel := stepContext(s.options.Get())
	defer cancel()
	c, err := s.connect()
	if err == nil {
		err = c.Ping(ctx).Err()
	}
	if err != nil {
		return fmt.Errorf("redis store: %w", err)
	}
	return nil
}

// Close closes the connections. A store that is used on makes new ones.
func (s *redisStore) Close() error { return s.disconnect(func() bool { return true }) }

// disconnect closes the client if there is one and, asked under the lock, it is
// to go.
func (s *redisStore) disconnect(should func() bool) error {
	s.mu.Lock()
	c := s.client
	if c == nil || !should() {
		s.mu.Unlock()
		return nil
	}
	s.client = nil
	s.mu.Unlock()
	return c.Close()
}

// connect returns the client, which may not have reached the server yet.
func (s *redisStore) connect() (redis.UniversalClient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	want := wanted(s.options.Get())
	c, err := redisclient.New(want.nodes, want.options)
	if err == nil {
		s.client, s.made = c, want
	}
	return c, err
}

func (s *redisStore) Write(r *store.Record, opts ...store.WriteOption) error {
	if r == nil {
		return errors.New("redis store: the record to write is nil")
	}
	var o store.WriteOptions
	options.To(&o, opts)
	now := time.Now()
	expires, over := query.Lifetime(now, o.TTL, o.Expiry, r.Expiry)
	if over {
		return s.remove(r.Key, o.Table)
	}
	return s.do("writing", r.Key, func(ctx context.Context, c redis.UniversalClient) error {
		return c.Set(ctx, s.table(o.Table)+r.Key, r.Value, milliseconds(query.Left(expires, now))).Err()
	})
}

// milliseconds rounds a lifetime up to what Redis counts in.
func milliseconds(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

func (s *redisStore) Delete(key string, opts ...store.DeleteOption) error {
	var o store.DeleteOptions
	options.To(&o, opts)
	return s.remove(key, o.Table)
}

func (s *redisStore) remove(key, table string) error {
	return s.do("deleting", key, func(ctx context.Context, c redis.UniversalClient) error {
		return c.Del(ctx, s.table(table)+key).Err()
	})
}

func (s *redisStore) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	var o store.ReadOptions
	options.To(&o, opts)
	table := s.table(o.Table)
	if !o.Prefix && !o.Suffix {
		var r *store.Record
		err := s.do("reading", key, func(ctx context.Context, c redis.UniversalClient) (err error) {
			r, err = readOne(ctx, c, table, key)
			return err
		})
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, store.ErrNotFound
		}
		return []*store.Record{r}, nil
	}
	q := query.Query{Limit: o.Limit, Offset: o.Offset}
	if o.Prefix {
		q.Prefix = key
	}
	if o.Suffix {
		q.Suffix = key
	}
	keys, err := s.keys(table, q)
	if err != nil {
		return nil, err
	}
	return s.readAll(table, keys)
}

func (s *redisStore) List(opts ...store.ListOption) ([]string, error) {
	var o store.ListOptions
	options.To(&o, opts)
	return s.keys(s.table(o.Table), query.Query{Prefix: o.Prefix, Suffix: o.Suffix, Limit: o.Limit, Offset: o.Offset})
}

// table resolves the table of an operation.
func (s *redisStore) table(name string) string {
	return cmp.Or(name, s.options.Get().Table, DefaultTable)
}

// do runs one step of an operation.
func (s *redisStore) do(doing, key string, step func(context.Context, redis.UniversalClient) error) error {
	ctx, cancel := stepContext(s.options.Get())
	defer cancel()
	c, err := s.connect()
	if err == nil {
		err = step(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("redis store: %s %.80q: %w", doing, key, err)
	}
	return nil
}
