package runtime

import (
	"time"

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
	// GracePeriod is how long a service that is told to stop may take before it is
	// killed. 30 seconds when 0.
	GracePeriod time.Duration
	// Backoff says how long to wait before a service is started again that failed
	// so many times in a row; 0 times when it ended well. When nil that is five
	// seconds for one that ended well, and else one second, two, four and so on up
	// to a minute.
	Backoff func(failures int) time.Duration
	// StableAfter is how long a service must run for its earlier failures not to
	// count any more. One minute when 0.
	StableAfter time.Duration
	// LogSize is how many bytes the log of a service may have before the next file
	// is begun. 64 MiB when 0.
	LogSize int64
	// LogFiles is how many full files are kept beside it. Three when 0, none when
	// negative.
	LogFiles int
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

// WithGracePeriod sets how long a service that is told to stop may take.
func WithGracePeriod(d time.Duration) Option {
	return func(o *Options) { o.GracePeriod = d }
}

// WithBackoff sets how long to wait before a service is started again.
func WithBackoff(wait func(failures int) time.Duration) Option {
	return func(o *Options) { o.Backoff = wait }
}

// WithStableAfter sets how long a service must run for its earlier failures not
// to count any more.
func WithStableAfter(d time.Duration) Option {
	return func(o *Options) { o.StableAfter = d }
}

// WithLogRotation sets how many bytes a log file may have and how many full ones
// are kept.
func WithLogRotation(size int64, files int) Option {
	return func(o *Options) { o.LogSize, o.LogFiles = size, files }
}
