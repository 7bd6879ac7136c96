package resolver

import (
	"net/http"

	"github.com/justcy/go-micro/v4/internal/options"
)

// defaultNamespace precedes the names of services unless another is set.
const defaultNamespace = "go.micro"

// Options configure a Resolver.
type Options struct {
	// Handler is the kind of handler requests are resolved for.
	Handler string
	// Namespace returns what precedes the name of the service a request is
	// meant for. It is never nil in options made by NewOptions.
	Namespace func(*http.Request) string
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied: the namespace "go.micro".
func NewOptions(opts ...Option) Options {
	options := options.Of(opts)
	if options.Namespace == nil {
		options.Namespace = StaticNamespace(defaultNamespace)
	}
	return options
}

// WithHandler sets the kind of handler requests are resolved for.
func WithHandler(h string) Option {
	return func(o *Options) { o.Handler = h }
}

// WithNamespace sets the function that returns the namespace of a request.
func WithNamespace(n func(*http.Request) string) Option {
	return func(o *Options) { o.Namespace = n }
}

// StaticNamespace returns a function that gives every request this namespace.
func StaticNamespace(ns string) func(*http.Request) string {
	return func(*http.Request) string { return ns }
}

// Qualify returns the name of a service behind the namespace of the request, if
// that has one.
func (o Options) Qualify(r *http.Request, name string) string {
	if o.Namespace == nil {
		return name
	}
	if ns := o.Namespace(r); ns != "" {
		return ns + "." + name
	}
	return name
}
