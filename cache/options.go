package cache

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Cache.
type Options struct {
	// Expiration is the lifetime of items put with DefaultExpiration; zero or
	// less means for ever.
	Expiration time.Duration
	// Items the cache starts with. The cache copies the map.
	Items map[string]Item
	// Address of a remote cache.
	Address string
	// Context carries driver-specific options; nil for none.
	Context context.Context
	// Logger is never nil in options made by NewOptions.
	Logger logger.Logger
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied: DefaultExpiration, no
// items, and the default logger.
func NewOptions(opts ...Option) Options {
	options := options.With(Options{
		Expiration: DefaultExpiration,
		Items:      make(map[string]Item),
		Logger:     logger.DefaultLogger,
	}, opts)
	return options
}

// Expiration sets the lifetime of items put without one of their own.
func Expiration(d time.Duration) Option {
	return func(o *Options) { o.Expiration = d }
}

// Items sets the items the cache starts with.
func Items(i map[string]Item) Option {
	return func(o *Options) { o.Items = i }
}

// WithAddress sets the address of a remote cache.
func WithAddress(addr string) Option {
	return func(o *Options) { o.Address = addr }
}

// WithContext sets the context that carries driver-specific options.
func WithContext(c context.Context) Option {
	return func(o *Options) { o.Context = c }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}
