// Package sync layers stores: a fast one in front, slower and more lasting ones
// behind it.
//
// Reads and writes go to the first layer. What is written or deleted there is
// passed on in the background, layer i to layer i+1 every
// SyncInterval*SyncMultiplier^i, so that slow stores see few, late writes. A
// single record that the first layer does not have is looked for in the others.
//
//	s := sync.NewSync(sync.Stores(store.NewMemoryStore(), postgres.NewStore()))
//	err := s.Init(store.WithContext(ctx))
//	defer s.Close()
package sync

import (
	"math"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

// Sync is a store over layers of stores. All methods may be called concurrently.
type Sync interface {
	// Init initialises every layer and begins to pass changes on. It needs a
	// context, given with store.WithContext; when that ends, everything is
	// passed on once more and then no longer.
	Init(...store.Option) error
	// Options returns the options given to Init.
	Options() store.Options
	// Read reads from the first layer, and what it does not have from the
	// first of the others that has it.
	Read(key string, opts ...store.ReadOption) ([]*store.Record, error)
	// Write writes to the first layer.
	Write(r *store.Record, opts ...store.WriteOption) error
	// Delete deletes from the first layer.
	Delete(key string, opts ...store.DeleteOption) error
	// List lists the keys in the first layer.
	List(opts ...store.ListOption) ([]string, error)
	// Close passes everything on and ends what Init began. It does not close
	// the layers.
	Close() error
	// String names the layers.
	String() string
	// Sync passes everything on at once.
	Sync() error
}

const (
	defaultInterval   = time.Minute
	defaultMultiplier = 5
)

// Options configure a Sync.
type Options struct {
	// Stores are the layers, the first one first.
	Stores []store.Store
	// SyncInterval is how often the first layer is passed on; one minute when
	// zero or less.
	SyncInterval time.Duration
	// SyncMultiplier is how much longer each further layer waits; 5 when zero
	// or less.
	SyncMultiplier int64
}

// Option changes Options.
type Option func(o *Options)

func newOptions(opts []Option) Options {
	options := options.Of(opts)
	if options.SyncInterval <= 0 {
		options.SyncInterval = defaultInterval
	}
	if options.SyncMultiplier <= 0 {
		options.SyncMultiplier = defaultMultiplier
	}
	return options
}

// interval returns how often a layer is passed on.
func (o Options) interval(layer int) time.Duration {
	d := o.SyncInterval
	for range layer {
		if int64(d) > math.MaxInt64/o.SyncMultiplier {
			return math.MaxInt64
		}
		d *= time.Duration(o.SyncMultiplier)
	}
	return d
}

// Stores sets the layers, the first one first.
func Stores(stores ...store.Store) Option {
	return func(o *Options) { o.Stores = stores }
}

// SyncInterval sets how often the first layer is passed on.
func SyncInterval(d time.Duration) Option {
	return func(o *Options) { o.SyncInterval = d }
}

// SyncMultiplier sets how much longer each further layer waits.
func SyncMultiplier(i int64) Option {
	return func(o *Options) { o.SyncMultiplier = i }
}
