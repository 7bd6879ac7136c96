package handler

import (
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// DefaultMaxRecvSize is the largest body of a request, in bytes, unless another
// size is set: 100 MiB.
var DefaultMaxRecvSize int64 = 100 << 20

// DefaultMaxTotalSize is how many bytes of bodies a handler holds at a time, unless
// another size is set: 512 MiB.
var DefaultMaxTotalSize int64 = 512 << 20

// Options configure a Handler.
type Options struct {
	// MaxRecvSize is the largest body of a request in bytes; 0 for
	// DefaultMaxRecvSize. Longer ones are answered with 413.
	MaxRecvSize int64
	// MaxTotalSize is how many bytes of bodies the handler holds at a time, for all
	// requests together; 0 for DefaultMaxTotalSize. More are answered with 503.
	// What passes through, as with the handlers "http" and "web", is not held.
	MaxTotalSize int64
	// Namespace precedes the topics of the event handler; empty by default.
	Namespace string
	// Router finds the endpoint for a request. There is no default.
	Router router.Router
	// Client makes the calls; client.DefaultClient by default.
	Client client.Client
	// Logger for what cannot be answered.
	Logger logger.Logger
	// Origins whose pages may open WebSockets beside those of the gateway's own
	// host, as "https://app.example.com"; "*" for all. Programs, which are no
	// pages, may always do so.
	Origins []string
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied.
func NewOptions(opts ...Option) Options {
	o := options.With(Options{Client: client.DefaultClient, Logger: logger.DefaultLogger}, opts)
	if o.MaxRecvSize <= 0 {
		o.MaxRecvSize = DefaultMaxRecvSize
	}
	if o.MaxTotalSize <= 0 {
		o.MaxTotalSize = DefaultMaxTotalSize
	}
	return o
}

// WithNamespace sets what precedes the topics of the event handler.
func WithNamespace(s string) Option {
	return func(o *Options) { o.Namespace = s }
}

// WithRouter sets the router.
func WithRouter(r router.Router) Option {
	return func(o *Options) { o.Router = r }
}

// WithClient sets the client that makes the calls.
func WithClient(c client.Client) Option {
	return func(o *Options) { o.Client = c }
}

// WithMaxRecvSize sets the largest body of a request in bytes.
func WithMaxRecvSize(size int64) Option {
	return func(o *Options) { o.MaxRecvSize = size }
}

// WithMaxTotalSize sets how many bytes of bodies the handler holds at a time.
func WithMaxTotalSize(size int64) Option {
	return func(o *Options) { o.MaxTotalSize = size }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// WithOrigins adds origins whose pages may open WebSockets.
func WithOrigins(origins ...string) Option {
	return func(o *Options) { o.Origins = append(o.Origins[:len(o.Origins):len(o.Origins)], origins...) }
}
