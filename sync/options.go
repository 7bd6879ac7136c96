package sync

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Sync. The zero value is usable.
type Options struct {
	// Nodes are the addresses of the backend.
	Nodes []string
	// Prefix of every id.
	Prefix string
	// TLSConfig for connections to the backend; nil for plain ones.
	TLSConfig *tls.Config
	// Context carries driver-specific options; nil for none.
	Context context.Context
	// Logger for what happens in the background; nil for the default logger.
	Logger logger.Logger
}

// Option changes Options.
type Option func(o *Options)

// Nodes sets the addresses of the backend.
func Nodes(a ...string) Option {
	return func(o *Options) { o.Nodes = a }
}

// Prefix sets the prefix of every id.
func Prefix(p string) Option {
	return func(o *Options) { o.Prefix = p }
}

// WithTLS sets the TLS configuration for connections to the backend.
func WithTLS(t *tls.Config) Option {
	return func(o *Options) { o.TLSConfig = t }
}

// WithContext sets the context that carries driver-specific options.
func WithContext(c context.Context) Option {
	return func(o *Options) { o.Context = c }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// LockOptions configure one Lock.
type LockOptions struct {
	// TTL is how long the lock is held at most; 0 means until Unlock.
	TTL time.Duration
	// Wait is how long to wait for the lock; 0 means for ever.
	Wait time.Duration
}

// LockOption changes LockOptions.
type LockOption func(o *LockOptions)

// LockTTL sets how long the lock is held at most.
func LockTTL(t time.Duration) LockOption {
	return func(o *LockOptions) { o.TTL = t }
}

// LockWait sets how long to wait for the lock.
func LockWait(t time.Duration) LockOption {
	return func(o *LockOptions) { o.Wait = t }
}

// LeaderOptions configure one Leader election. There are none yet.
type LeaderOptions struct{}

// LeaderOption changes LeaderOptions.
type LeaderOption func(o *LeaderOptions)
