package store

import (
	"cmp"
	"context"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a store.
type Options struct {
	// Context carries options of particular stores, and ends the operations of
	// those on servers when it is done.
	Context context.Context
	// Client is for stores which are themselves reached by RPC.
	Client client.Client
	// Logger takes what nobody else can be told.
	Logger logger.Logger
	// Database holds the tables.
	Database string
	// Table holds the records.
	Table string
	// Nodes are the backend's addresses.
	Nodes []string
	// Timeout bounds an operation on a server, or each step of one that takes
	// several; zero is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout bounds operations on servers for which no Timeout was set.
const DefaultTimeout = 5 * time.Second

// OperationContext returns the context for an operation on a server: Context,
// which may end it early, with the timeout.
func (o Options) OperationContext() (context.Context, context.CancelFunc) {
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, cmp.Or(o.Timeout, DefaultTimeout))
}

// Option changes Options.
type Option func(*Options)

// Nodes sets the addresses of the backend.
func Nodes(addrs ...string) Option { return func(o *Options) { o.Nodes = addrs } }

// Database sets the database for operations that name none.
func Database(db string) Option { return func(o *Options) { o.Database = db } }

// Table sets the table for operations that name none.
func Table(t string) Option { return func(o *Options) { o.Table = t } }

// WithContext sets the context that carries options of particular stores.
func WithContext(ctx context.Context) Option { return func(o *Options) { o.Context = ctx } }

// WithClient sets the client of stores which are reached by RPC.
func WithClient(c client.Client) Option { return func(o *Options) { o.Client = c } }

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// Timeout bounds operations on a server, DefaultTimeout by default.
func Timeout(d time.Duration) Option { return func(o *Options) { o.Timeout = d } }

// ReadOptions configure one Read.
type ReadOptions struct {
	// Database and Table override the store's own unless empty.
	Database, Table string
	// Prefix makes the key a prefix.
	Prefix bool
	// Suffix makes the key a suffix.
	Suffix bool
	// Limit is the largest number of records, 0 for all.
	Limit uint
	// Offset is how many matching records are skipped first.
	Offset uint
}

// ReadOption changes ReadOptions.
type ReadOption func(*ReadOptions)

// ReadFrom reads from another database and table; an empty name means the
// store's own.
func ReadFrom(database, table string) ReadOption {
	return func(o *ReadOptions) { o.Database, o.Table = database, table }
}

// ReadPrefix returns all records whose key starts with the given key.
func ReadPrefix() ReadOption { return func(o *ReadOptions) { o.Prefix = true } }

// ReadSuffix returns all records whose key ends with the given key.
func ReadSuffix() ReadOption { return func(o *ReadOptions) { o.Suffix = true } }

// ReadLimit returns at most l records; 0 means all.
func ReadLimit(l uint) ReadOption { return func(o *ReadOptions) { o.Limit = l } }

// ReadOffset skips the first n matching records.
func ReadOffset(n uint) ReadOption { return func(o *ReadOptions) { o.Offset = n } }

// WriteOptions configure one Write. TTL wins over Expiry, and both win over the
// record's own Expiry.
type WriteOptions struct {
	// Expiry is when the record ends; zero means not given. In the past it
	// removes the key.
	Expiry time.Time
	// Database and Table override the store's own unless empty.
	Database, Table string
	// TTL is how long the record lives; 0 means not given.
	TTL time.Duration
}

// WriteOption changes WriteOptions.
type WriteOption func(*WriteOptions)

// WriteTo writes to another database and table; an empty name means the store's
// own.
func WriteTo(database, table string) WriteOption {
	return func(o *WriteOptions) { o.Database, o.Table = database, table }
}

// WriteExpiry sets the time at which the record expires.
func WriteExpiry(t time.Time) WriteOption { return func(o *WriteOptions) { o.Expiry = t } }

// WriteTTL sets how long the record lives.
func WriteTTL(d time.Duration) WriteOption { return func(o *WriteOptions) { o.TTL = d } }

// DeleteOptions configure one Delete.
type DeleteOptions struct {
	// Database and Table override the store's own unless empty.
	Database, Table string
}

// DeleteOption changes DeleteOptions.
type DeleteOption func(*DeleteOptions)

// DeleteFrom deletes from another database and table; an empty name means the
// store's own.
func DeleteFrom(database, table string) DeleteOption {
	return func(o *DeleteOptions) { o.Database, o.Table = database, table }
}

// ListOptions configure one List.
type ListOptions struct {
	// Database and Table override the store's own unless empty.
	Database, Table string
	// Prefix keeps keys which start with it.
	Prefix string
	// Suffix keeps keys which end with it.
	Suffix string
	// Limit is the largest number of keys, 0 for all.
	Limit uint
	// Offset is how many matching keys are skipped first.
	Offset uint
}

// ListOption changes ListOptions.
type ListOption func(*ListOptions)

// ListFrom lists another database and table; an empty name means the store's
// own.
func ListFrom(database, table string) ListOption {
	return func(o *ListOptions) { o.Database, o.Table = database, table }
}

// ListPrefix keeps keys which start with p.
func ListPrefix(p string) ListOption { return func(o *ListOptions) { o.Prefix = p } }

// ListSuffix keeps keys which end with s.
func ListSuffix(s string) ListOption { return func(o *ListOptions) { o.Suffix = s } }

// ListLimit returns at most l keys; 0 means all.
func ListLimit(l uint) ListOption { return func(o *ListOptions) { o.Limit = l } }

// ListOffset skips the first n matching keys.
func ListOffset(n uint) ListOption { return func(o *ListOptions) { o.Offset = n } }
