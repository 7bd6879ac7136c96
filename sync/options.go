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
	// SessionTTL is how long what is held outlives the last word from its
	// holder; DefaultSessionTTL when it is zero or less.
	SessionTTL time.Duration
}

// DefaultSessionTTL is the SessionTTL of a Sync that was given none.
const DefaultSessionTTL = 5 * time.Second

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

// SessionTTL sets how long what is held outlives the last word from its holder.
//
// A lock without a TTL, and a leadership, are renewed several times in this time
// for as long as the process lives, and are free this long after it died. A
// holder that gets no answer from the backend for this long has lost what it
// held. Longer times ride out longer pauses and failures, shorter ones pass on
// sooner what the dead held.
func SessionTTL(d time.Duration) Option {
	return func(o *Options) { o.SessionTTL = d }
}

// LockOptions configure one Lock.
type LockOptions struct {
	// TTL is how long the lock is held at most, whatever becomes of its holder;
	// 0 means until Unlock, or until the holder is gone: see SessionTTL.
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

// LeaderOptions configure one Leader election.
type LeaderOptions struct {
	// Context ends the wait for leadership; nil means wait for ever.
	Context context.Context
}

// LeaderOption changes LeaderOptions.
type LeaderOption func(o *LeaderOptions)

// LeaderContext ends the wait for leadership when the context is done. It has no
// say in how long a leadership lasts that was won.
func LeaderContext(ctx context.Context) LeaderOption {
	return func(o *LeaderOptions) { o.Context = ctx }
}
