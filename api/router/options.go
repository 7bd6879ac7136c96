package router

import (
	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/resolver/vpath"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// defaultHandler lets every endpoint choose the kind of handler itself.
const defaultHandler = "meta"

// Options configure a Router.
type Options struct {
	// Handler is the kind of handler for requests that match no endpoint:
	// "meta", "rpc", "api", "http", "proxy" or "web".
	Handler string
	// Registry in which services are found.
	Registry registry.Registry
	// Resolver finds the service for requests that match no endpoint.
	Resolver resolver.Resolver
	// Logger for what happens in the background.
	Logger logger.Logger
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied: the handler "meta", the
// default registry, the versioned path resolver and the default logger.
func NewOptions(opts ...Option) Options {
	options := options.With(Options{
		Handler:  defaultHandler,
		Registry: registry.DefaultRegistry,
		Logger:   logger.DefaultLogger,
	}, opts)
	if options.Resolver == nil {
		options.Resolver = vpath.NewResolver(resolver.WithHandler(options.Handler))
	}
	return options
}

// WithHandler sets the kind of handler for requests that match no endpoint.
func WithHandler(h string) Option {
	return func(o *Options) { o.Handler = h }
}

// WithRegistry sets the registry in which services are found.
func WithRegistry(r registry.Registry) Option {
	return func(o *Options) { o.Registry = r }
}

// WithResolver sets how the service is found for requests that match no
// endpoint.
func WithResolver(r resolver.Resolver) Option {
	return func(o *Options) { o.Resolver = r }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}
