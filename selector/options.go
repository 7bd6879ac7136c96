package selector

import (
	"context"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// Options configure a Selector.
type Options struct {
	// Registry is where services are looked up; nil means
	// registry.DefaultRegistry.
	Registry registry.Registry
	// Strategy picks among the nodes; nil means Random.
	Strategy Strategy
	// Context carries the options of single implementations. The default
	// selector reads the TTL of its cache, a time.Duration, under the string
	// key "selector_ttl".
	Context context.Context
	// Logger is told what cannot be returned as an error.
	Logger logger.Logger
}

// SelectOptions are the options of one Select.
type SelectOptions struct {
	// Context ends a lookup in the registry early when it is done. It also
	// carries the options of single implementations.
	Context context.Context
	// Strategy replaces the selector's own when it is not nil.
	Strategy Strategy
	// Filters are applied in order.
	Filters []Filter
}

type (
	// Option sets a value in Options.
	Option func(*Options)
	// SelectOption sets a value in SelectOptions.
	SelectOption func(*SelectOptions)
)

// Registry sets where services are looked up.
func Registry(r registry.Registry) Option {
	return func(o *Options) { o.Registry = r }
}

// SetStrategy sets the strategy of a selector.
func SetStrategy(s Strategy) Option {
	return func(o *Options) { o.Strategy = s }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// WithFilter adds filters to one Select.
func WithFilter(fn ...Filter) SelectOption {
	return func(o *SelectOptions) { o.Filters = append(o.Filters, fn...) }
}

// WithStrategy sets the strategy of one Select.
func WithStrategy(fn Strategy) SelectOption {
	return func(o *SelectOptions) { o.Strategy = fn }
}

// WithContext sets the context that ends a lookup in the registry early, even
// if the registry does not heed it.
func WithContext(ctx context.Context) SelectOption {
	return func(o *SelectOptions) { o.Context = ctx }
}
