package prometheus

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/justcy/go-micro/v4/logger"
)

// Options configure wrappers.
type Options struct {
	// Name, Version and ID of the service that measures.
	Name    string
	Version string
	ID      string
	// Context carries further values.
	Context context.Context
	// Registerer is where the metrics are registered. Default:
	// prometheus.DefaultRegisterer.
	Registerer prometheus.Registerer
	// Logger is told of metrics that cannot be registered. Default:
	// logger.DefaultLogger.
	Logger logger.Logger
}

// Option changes Options.
type Option func(*Options)

// ServiceName sets the name of the service that measures.
func ServiceName(name string) Option { return func(o *Options) { o.Name = name } }

// ServiceVersion sets its version.
func ServiceVersion(version string) Option { return func(o *Options) { o.Version = version } }

// ServiceID sets the id of its node.
func ServiceID(id string) Option { return func(o *Options) { o.ID = id } }

// WithRegisterer sets where the metrics are registered.
func WithRegisterer(r prometheus.Registerer) Option { return func(o *Options) { o.Registerer = r } }

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// newOptions applies options; nil ones are skipped.
func newOptions(opts []Option) Options {
	o := Options{Context: context.Background(), Registerer: prometheus.DefaultRegisterer}
	for _, option := range opts {
		if option != nil {
			option(&o)
		}
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.DefaultRegisterer
	}
	return o
}
