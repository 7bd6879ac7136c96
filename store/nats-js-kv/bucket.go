package natsjskv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

// ErrBucketNotFound is returned for a record in a bucket that does not exist, for
// which errors.Is says that it is store.ErrNotFound too.
var ErrBucketNotFound error = bucketNotFound{}

type bucketNotFound struct{}

func (bucketNotFound) Error() string        { return "Bucket (database) not found" }
func (bucketNotFound) Is(target error) bool { return target == store.ErrNotFound }

// maxRemovals is how many expired records one scan removes.
const maxRemovals = 16

// connection is a connection to NATS and the buckets that were used over it.
type connection struct {
	nats *nats.Conn
	js   nats.JetStreamContext
	made wishes // what it was made from

	mu      sync.Mutex
	buckets map[string]*bucket
}

// bucket is an open bucket.
type bucket struct {
	nats.KeyValue
	ttl     time.Duration // of all entries; 0 for ever
	timeout time.Duration
}

// wishes decide about a connection.
type wishes struct {
	nodes   []string
	options driverOptions
	timeout time.Duration
}

func wanted(o store.Options) wishes {
	return wishes{o.Nodes, settings(o), cmp.Or(o.Timeout, store.DefaultTimeout)}
}

func dial(want wishes) (*connection, error) {
	d, timeout := want.options, want.timeout
	opts := nats.GetDefaultOptions()
	if d.nats != nil {
		opts = *d.nats
	}
	if len(want.nodes) > 0 {
		opts.Url, opts.Servers = "", slices.Clone(want.nodes)
	}
	if opts.Url == "" && len(opts.Servers) == 0 {
		opts.Url = nats.DefaultURL
	}
	if d.nats == nil {
		opts.MaxReconnect = -1
	}
	// What is buffered is sent when the connection is back: long after the
	// operation has failed, and over what others wrote meanwhile.
	opts.ReconnectBufSize = -1
	opts.Timeout = min(cmp.Or(opts.Timeout, timeout), timeout)
	conn, err := opts.Connect()
	if err != nil {
		return nil, fmt.Errorf("connecting to %v: %w", append(opts.Servers, opts.Url), err)
	}
	js, err := conn.JetStream(slices.Concat([]nats.JSOpt{nats.MaxWait(timeout)}, d.jetStream)...)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &connection{nats: conn, js: js, made: want, buckets: map[string]*bucket{}}, nil
}

// bucket returns a bucket that exists.
func (c *connection) bucket(name string) (*bucket, error) {
	c.mu.Lock()
	b := c.buckets[name]
	c.mu.Unlock()
	if b != nil {
		return b, nil
	}
	kv, err := c.js.KeyValue(name)
	if err != nil {
		return nil, named(err)
	}
	return c.keep(name, kv)
}

// makeBucket returns a bucket, and makes it if there is none.
func (c *connection) makeBucket(name string) (*bucket, error) {
	b, err := c.bucket(name)
	if !errors.Is(err, ErrBucketNotFound) {
		return b, err
	}
	kv, err := c.js.CreateKeyValue(c.made.options.config(name))
	if errors.Is(err, nats.ErrStreamNameAlreadyInUse) {
		return c.bucket(name) // somebody else was faster
	}
	if err != nil {
		return nil, fmt.Errorf("making the bucket: %w", err)
	}
	return c.keep(name, kv)
}

func (c *connection) keep(name string, kv nats.KeyValue) (*bucket, error) {
	status, err := kv.Status()
	if err != nil {
		return nil, named(err)
	}
	b := &bucket{kv, status.TTL(), c.made.timeout}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets[name] = b
	return b, nil
}

func (c *connection) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.buckets, name)
}

func (c *connection) deleteBucket(name string) error {
	c.forget(name)
	return named(c.js.DeleteKeyValue(name))
}

// named makes errors of the library those of this package.
func named(err error) error {
	switch {
	case errors.Is(err, nats.ErrBucketNotFound), errors.Is(err, nats.ErrStreamNotFound):
		return ErrBucketNotFound
	case errors.Is(err, nats.ErrInvalidBucketName):
		return fmt.Errorf(`%w: buckets are named with letters, digits, "-" and "_"`, ErrName)
	}
	return err
}

// inBucket runs an operation in a bucket that open returns, and once more if the
// bucket that was known turns out to have been deleted.
func (c *connection) inBucket(name string, open func(string) (*bucket, error), operation func(*bucket) error) error {
	b, err := open(name)
	if err != nil {
		return err
	}
	if err = operation(b); !gone(err) {
		return err
	}
	c.forget(name)
	if b, err = open(name); err != nil {
		return err
	}
	return operation(b)
}

// gone reports whether nobody on the server answers for a bucket.
func gone(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrNoStreamResponse) ||
		errors.Is(err, nats.ErrStreamNotFound)
}

// read returns the record under a key.
func (b *bucket) read(at place, key, natsKey string) ([]*store.Record, error) {
	entry, err := b.Get(natsKey)
	if errors.Is(err, nats.ErrKeyNotFound) {
		return nil, store.ErrNotFound
	} else if err != nil {
		return nil, err
	}
	r, expired, err := b.record(at, key, entry, time.Now())
	if err != nil {
		return nil, err
	}
	if expired {
		b.removeExpired(entry)
	}
	if r == nil {
		return nil, store.ErrNotFound
	}
	return []*store.Record{r}, nil
}

// record returns the record of an entry, or nil when it has expired or belongs to
// another table.
func (b *bucket) record(at place, key string, entry nats.KeyValueEntry, now time.Time) (r *store.Record, expired bool, err error) {
	e, err := decodeEnvelope(entry.Value())
	if err != nil || !e.isFor(at, key) {
		return nil, false, err
	}
	if !query.Live(e.Expiry, now) {
		return nil, true, nil
	}
	if b.ttl > 0 {
		if ends := entry.Created().Add(b.ttl); e.Expiry.IsZero() || ends.Before(e.Expiry) {
			e.Expiry = ends
		}
	}
	return &store.Record{Key: key, Value: e.Data, Metadata: e.Metadata, Expiry: query.Left(e.Expiry, now)}, false, nil
}

// removeExpired removes an entry, unless it has been written again. If it fails
// the next reader does it.
func (b *bucket) removeExpired(entry nats.KeyValueEntry) {
	_ = b.Delete(entry.Key(), nats.LastRevision(entry.Revision()))
}

// scan returns the records of a table that q selects. Entries that were not
// written by a store are none.
func (b *bucket) scan(at place, q query.Query) ([]*store.Record, error) {
	found := map[string]*store.Record{}
	var gone []nats.KeyValueEntry
	now := time.Now()
	err := b.each(func(entry nats.KeyValueEntry) {
		key, ok := at.parse(entry.Key())
		if !ok || !key.Check(at.table, q.Prefix, q.Suffix) {
			return
		}
		delete(found, key.Plain)
		if entry.Operation() != nats.KeyValuePut {
			return
		}
		r, expired, err := b.record(at, key.Plain, entry, now)
		if expired && len(gone) < maxRemovals {
			gone = append(gone, entry)
		}
		if err == nil && r != nil {
			found[key.Plain] = r
		}
	})
	if err != nil {
		return nil, err
	}
	for _, entry := range gone {
		b.removeExpired(entry)
	}
	records := slices.SortedFunc(maps.Values(found), func(a, b *store.Record) int { return cmp.Compare(a.Key, b.Key) })
	from, to := q.Bounds(len(records))
	return append([]*store.Record{}, records[from:to]...), nil
}

// each calls visit with every entry of the bucket, and with what is written
// meanwhile. It gives up when nothing comes for as long as an operation may take.
func (b *bucket) each(visit func(nats.KeyValueEntry)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w, err := b.WatchAll(nats.Context(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // the server forgets it anyhow
	idle := time.NewTimer(b.timeout)
	defer idle.Stop()
	for {
		select {
		case entry, more := <-w.Updates():
			if !more {
				return nats.ErrConnectionClosed
			}
			if entry == nil {
				return watchError(w)
			}
			visit(entry)
			idle.Reset(b.timeout)
		case <-idle.C:
			return nats.ErrTimeout
		}
	}
}

// watchError returns why the marker of the end came before the end.
func watchError(w nats.KeyWatcher) error {
	select {
	case err := <-w.Error():
		return err
	default:
		return nil
	}
}
