// Package natsjskv is a store on the key-value buckets of NATS JetStream.
//
//	s := natsjskv.NewStore(store.Nodes("nats://127.0.0.1:4222"), natsjskv.EncodeKeys())
//	defer s.Close()
//	err := s.Write(&store.Record{Key: "user/1", Value: []byte("ada")}, store.WriteTTL(time.Hour))
//
// A database is a bucket, "default" by default, made by the first write to it or
// by Init. A record is an entry with the key <table>_<key>, or <key> when there is
// no table; a store without a table, which is the default, sees the records of all
// tables in this way. That layout is shared with go-micro v4. In it "a_b" of the
// table "c" and "b" of the table "c_a" are one entry: what is written last stays,
// and the other table no longer sees it.
//
// # Names
//
// NATS allows few characters in keys: letters, digits and "-/_=.", without empty
// parts between dots. EncodeKeys lifts that, by base32, for a bucket that is used
// with it from the beginning. Buckets are named with letters, digits, "-" and "_".
// Other names are refused with ErrName, as are keys of more than about 3,000
// bytes, encoded.
//
// # Time
//
// A bucket has one lifetime for all its entries: DefaultTTL sets that of buckets
// which are made. The expiry of a record is kept beside its value, where go-micro
// v4 does not look for it. Expired records are invisible at once, and removed when
// they are read. List and reads by prefix or suffix read the whole bucket.
//
// # Failures
//
// Operations end after Options.Timeout; Options.Context is looked at when they
// begin. While there is no connection they wait for it that long, and nothing is
// sent later. A server that was away is used again as soon as it is back. Metadata
// is kept as JSON: numbers come back as float64.
package natsjskv

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/singleflight"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultStores["natsjskv"] = NewStore }

const (
	defaultDatabase = "default"
	// deleteBucket is the table for which Delete takes the key for a bucket.
	deleteBucket = "DELETE_BUCKET"
)

type natsStore struct {
	options *options.Current[store.Options]

	connecting singleflight.Group
	mu         sync.Mutex
	conn       *connection // nil until it is used
}

// NewStore returns a store that connects when it is first used, or by Init, to
// nats://127.0.0.1:4222 by default.
func NewStore(opts ...store.Option) store.Store {
	o := store.Options{Database: defaultDatabase}
	options.To(&o, opts)
	return &natsStore{options: options.New(o)}
}

func (s *natsStore) String() string { return "NATS JetStream KeyValueStore" }

func (s *natsStore) Options() store.Options {
	o := s.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

// Init applies options, connects, and makes the buckets of KeyValueOptions, or else
// the store's own. Where the options ask for another connection the old one ends,
// and calls on their way fail.
func (s *natsStore) Init(opts ...store.Option) error {
	options.Apply(s.options, opts)
	o := s.options.Get()
	s.disconnect(func(c *connection) bool { return !reflect.DeepEqual(c.made, wanted(o)) })
	configs := settings(o).buckets
	if len(configs) == 0 {
		configs = []*nats.KeyValueConfig{{Bucket: database(o, "")}}
	}
	c, err := s.connect()
	for i := 0; i < len(configs) && err == nil; i++ {
		_, err = c.makeBucket(configs[i].Bucket)
	}
	if err != nil {
		return fmt.Errorf("nats-js-kv store: %w", err)
	}
	return nil
}

// Close closes the connection. A store that is used on makes a new one.
func (s *natsStore) Close() error {
	s.disconnect(func(*connection) bool { return true })
	return nil
}

// disconnect closes the connection if there is one and it is to go.
func (s *natsStore) disconnect(should func(*connection) bool) {
	s.mu.Lock()
	c := s.conn
	if c == nil || !should(c) {
		s.mu.Unlock()
		return
	}
	s.conn = nil
	s.mu.Unlock()
	c.nats.Close()
}

// connect returns the connection, which may be about to be restored.
func (s *natsStore) connect() (*connection, error) {
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c != nil && !c.nats.IsClosed() {
		return c, nil
	}
	made, err, _ := s.connecting.Do("", func() (any, error) {
		c, err := dial(wanted(s.options.Get()))
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conn != nil && !s.conn.nats.IsClosed() {
			c.nats.Close()
			return s.conn, nil
		}
		s.conn = c
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return made.(*connection), nil
}

func (s *natsStore) Write(r *store.Record, opts ...store.WriteOption) error {
	if r == nil {
		return errors.New("nats-js-kv store: the record to write is nil")
	}
	var o store.WriteOptions
	options.To(&o, opts)
	expires, over := query.Lifetime(time.Now(), o.TTL, o.Expiry, r.Expiry)
	if over {
		return s.remove(r.Key, o.Database, o.Table)
	}
	value, err := encodeEnvelope(r, expires)
	if err != nil {
		return err
	}
	return s.do("writing", r.Key, o.Database, o.Table, func(c *connection, at place) error {
		if at.table == deleteBucket {
			return fmt.Errorf("%w: the table's name means something else to Delete", ErrName)
		}
		key, err := at.natsKey(r.Key)
		if err != nil {
			return err
		}
		return c.inBucket(at.bucket, c.makeBucket, func(b *bucket) error {
			_, err := b.Put(key, value)
			return err
		})
	})
}

func (s *natsStore) Delete(key string, opts ...store.DeleteOption) error {
	var o store.DeleteOptions
	options.To(&o, opts)
	if o.Table == deleteBucket {
		return s.do("deleting bucket", key, o.Database, o.Table, func(c *connection, _ place) error {
			return c.deleteBucket(key)
		})
	}
	return s.remove(key, o.Database, o.Table)
}

func (s *natsStore) remove(key, database, table string) error {
	return s.do("deleting", key, database, table, func(c *connection, at place) error {
		name, err := at.natsKey(key)
		if err != nil {
			return err
		}
		err = c.inBucket(at.bucket, c.bucket, func(b *bucket) error { return b.Delete(name) })
		if errors.Is(err, ErrBucketNotFound) {
			return nil
		}
		return err
	})
}

func (s *natsStore) Read(key string, opts ...store.ReadOption) (records []*store.Record, err error) {
	var o store.ReadOptions
	options.To(&o, opts)
	if o.Prefix || o.Suffix {
		q := query.Query{Limit: o.Limit, Offset: o.Offset}
		if o.Prefix {
			q.Prefix = key
		}
		if o.Suffix {
			q.Suffix = key
		}
		return s.scan(o.Database, o.Table, q)
	}
	err = s.do("reading", key, o.Database, o.Table, func(c *connection, at place) error {
		name, err := at.natsKey(key)
		if err != nil {
			return err
		}
		return c.inBucket(at.bucket, c.bucket, func(b *bucket) (err error) {
			records, err = b.read(at, key, name)
			return err
		})
	})
	switch {
	case errors.Is(err, ErrBucketNotFound):
		return nil, ErrBucketNotFound
	case errors.Is(err, store.ErrNotFound):
		return nil, store.ErrNotFound
	}
	return records, err
}

func (s *natsStore) List(opts ...store.ListOption) ([]string, error) {
	var o store.ListOptions
	options.To(&o, opts)
	q := query.Query{Prefix: o.Prefix, Suffix: o.Suffix, Limit: o.Limit, Offset: o.Offset}
	records, err := s.scan(o.Database, o.Table, q)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	return keys, nil
}

func (s *natsStore) scan(database, table string, q query.Query) (records []*store.Record, err error) {
	err = s.do("listing", q.Prefix, database, table, func(c *connection, at place) error {
		return c.inBucket(at.bucket, c.bucket, func(b *bucket) (err error) {
			records, err = b.scan(at, q)
			return err
		})
	})
	if errors.Is(err, ErrBucketNotFound) {
		return []*store.Record{}, nil
	}
	return records, err
}

// do runs an operation once there is a connection.
func (s *natsStore) do(doing, key, db, table string, operation func(*connection, place) error) error {
	o := s.options.Get()
	at := newPlace(o, db, table)
	c, err := s.ready(o)
	if err == nil {
		err = operation(c, at)
	}
	if err != nil {
		return fmt.Errorf("nats-js-kv store: %s %.80q in bucket %.80q: %w", doing, key, at.bucket, err)
	}
	return nil
}

// ready returns the connection when it can be used.
func (s *natsStore) ready(o store.Options) (*connection, error) {
	if o.Context != nil && o.Context.Err() != nil {
		return nil, o.Context.Err()
	}
	c, err := s.connect()
	if err != nil || c.nats.IsConnected() {
		return c, err
	}
	ctx, cancel := o.OperationContext()
	defer cancel()
	return c, c.await(ctx)
}

// await waits until there is a connection.
func (c *connection) await(ctx context.Context) error {
	changed := c.nats.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.nats.RemoveStatusListener(changed)
	for !c.nats.IsConnected() {
		if c.nats.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("no connection to %v: %w", c.nats.Servers(), ctx.Err()), c.nats.LastError())
		}
	}
	return nil
}
