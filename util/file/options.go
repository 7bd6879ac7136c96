package file

import (
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
)

// Options are the limits of a Handler.
type Options struct {
	// MaxSessions is how many files are open at a time. Default 1024.
	MaxSessions int
	// IdleTimeout is how long a session lives that nobody uses. Default 10
	// minutes.
	IdleTimeout time.Duration
	// MaxFileSize is how many bytes a file may grow to. Default 1 TiB.
	MaxFileSize int64
}

// Option sets one of the Options.
type Option func(*Options)

// MaxSessions sets how many files are open at a time. Not above 0 it is the
// default.
func MaxSessions(n int) Option { return func(o *Options) { o.MaxSessions = n } }

// IdleTimeout sets how long a session lives that nobody uses. Not above 0 it is
// the default.
func IdleTimeout(d time.Duration) Option { return func(o *Options) { o.IdleTimeout = d } }

// MaxFileSize sets how many bytes a file may grow to. Not above 0 it is the
// default. Longer files can be read.
func MaxFileSize(bytes int64) Option { return func(o *Options) { o.MaxFileSize = bytes } }

func newOptions(opts []Option) Options {
	o := options.With(Options{}, opts)
	if o.MaxSessions <= 0 {
		o.MaxSessions = 1024
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 10 * time.Minute
	}
	if o.MaxFileSize <= 0 {
		o.MaxFileSize = 1 << 40
	}
	return o
}
