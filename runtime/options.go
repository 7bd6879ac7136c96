package runtime

import (
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Runtime.
type Options struct {
	// Scheduler tells the runtime what to run; nil for none.
	Scheduler Scheduler
	// Type of the services, for instance "service".
	Type string
	// Source of the services, for runtimes that fetch all of them from one
	// place.
	Source string
	// Image services run in, for runtimes with containers.
	Image string
	// Client for runtimes that are services themselves.
	Client client.Client
	// Logger is never nil in options made by NewOptions.
	Logger logger.Logger
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied: the default logger and
// nothing else.
func NewOptions(opts ...Option) *Options {
	o := options.With(Options{Logger: logger.DefaultLogger}, opts)
	return &o
}

// WithSource sets the source of the services.
func WithSource(src string) Option {
	return func(o *Options) { o.Source = src }
}

// WithScheduler sets the scheduler.
func WithScheduler(s Scheduler) Option {
	return func(o *Options) { o.Scheduler = s }
}

// WithType sets the type of the services.
func WithType(t string) Option {
	return func(o *Options) { o.Type = t }
}

// WithImage sets the image services run in.
func WithImage(t string) Option {
	return func(o *Options) { o.Image = t }
}

// WithClient sets the client.
func WithClient(c client.Client) Option {
	return func(o *Options) { o.Client = c }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}
