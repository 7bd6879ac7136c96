package natsjskv

import (
	"cmp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

const defaultDescription = "KeyValue storage administered by go-micro store plugin"

// driverOptions are the options of this package.
type driverOptions struct {
	nats        *nats.Options // nil: the library's defaults
	jetStream   []nats.JSOpt
	buckets     []*nats.KeyValueConfig
	ttl         time.Duration
	storage     nats.StorageType
	description string
	encodeKeys  bool
}

func settings(o store.Options) driverOptions {
	if d, ok := options.Value[driverOptions](o.Context); ok {
		return d
	}
	return driverOptions{description: defaultDescription, storage: nats.FileStorage}
}

func option(set func(*driverOptions)) store.Option {
	return func(o *store.Options) {
		d := settings(*o)
		set(&d)
		o.Context = options.Put(o.Context, d)
	}
}

// NatsOptions sets the options of the connection. Servers are those of the nodes,
// if there are any, and nothing is buffered while there is no connection.
func NatsOptions(opts nats.Options) store.Option {
	return option(func(d *driverOptions) { d.nats = &opts })
}

// JetStreamOptions adds options of JetStream, for a domain or a prefix.
func JetStreamOptions(opts ...nats.JSOpt) store.Option {
	return option(func(d *driverOptions) { d.jetStream = slices.Concat(d.jetStream, opts) })
}

// KeyValueOptions says how buckets are made: each by the configuration that has
// its name, and the others as the other options say. Init makes them.
func KeyValueOptions(configs ...*nats.KeyValueConfig) store.Option {
	return option(func(d *driverOptions) { d.buckets = slices.Concat(d.buckets, configs) })
}

// DefaultTTL sets how long the records of buckets live that are made; for ever by
// default. The expiry of a record can make it shorter.
func DefaultTTL(ttl time.Duration) store.Option {
	return option(func(d *driverOptions) { d.ttl = ttl })
}

// DefaultMemory has the buckets that are made kept in memory, and not in files.
func DefaultMemory() store.Option {
	return option(func(d *driverOptions) { d.storage = nats.MemoryStorage })
}

// DefaultDescription sets the description of buckets that are made.
func DefaultDescription(text string) store.Option {
	return option(func(d *driverOptions) { d.description = text })
}

// EncodeKeys keeps keys and tables in base32, so that they can be any bytes. A
// bucket must be used with it always or never.
func EncodeKeys() store.Option {
	return option(func(d *driverOptions) { d.encodeKeys = true })
}

// DeleteBucket makes Delete take its key for the name of a bucket, and delete that
// with all records. It fails with ErrBucketNotFound when there is none.
func DeleteBucket() store.DeleteOption {
	return func(o *store.DeleteOptions) { o.Table = deleteBucket }
}

// config returns how a bucket is made.
func (d driverOptions) config(bucket string) *nats.KeyValueConfig {
	for _, c := range d.buckets {
		if c != nil && c.Bucket == bucket {
			return c
		}
	}
	return &nats.KeyValueConfig{Bucket: bucket, Description: d.description, TTL: d.ttl, Storage: d.storage}
}

// database returns the bucket of an operation.
func database(o store.Options, name string) string {
	return cmp.Or(name, o.Database, defaultDatabase)
}
