package client

import (
	"context"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/selector"
)

// CallOptions configure one call or stream.
type CallOptions struct {
	// SelectOptions are passed to the selector.
	SelectOptions []selector.SelectOption

	// Address lists the addresses to call instead of asking the selector. The
	// attempts take turns in using them.
	Address []string

	// Backoff says how long to wait before an attempt.
	Backoff BackoffFunc

	// Retry decides whether a failed attempt is repeated. It is not asked
	// about attempts that certainly reached no handler while there is another
	// node to go to.
	Retry RetryFunc

	// Retries is how often an attempt may be repeated.
	Retries int

	// ConnectionTimeout limits connecting to a node. The default limits
	// nothing else; any other value also limits the whole attempt, and with it
	// the time that the handler is given. Zero means the default.
	ConnectionTimeout time.Duration

	// RequestTimeout limits the call, all attempts together, when its context
	// has no deadline. Zero means no limit. Call wrappers see the time that was
	// left at the start of the call.
	RequestTimeout time.Duration

	// StreamTimeout limits the life of a stream. Zero means no limit.
	StreamTimeout time.Duration

	// DialTimeout limits connecting to a node together with
	// ConnectionTimeout. Zero means that ConnectionTimeout alone does.
	DialTimeout time.Duration

	// CacheExpiry is for wrappers that remember answers in Options.Cache.
	CacheExpiry time.Duration

	// ServiceToken asks the wrappers for authentication to send the service's
	// own token.
	ServiceToken bool

	// ConnClose uses a new connection and closes it after the call.
	ConnClose bool

	// CallWrappers go around each attempt, the first outermost.
	CallWrappers []CallWrapper

	// Context carries the options of other implementations.
	Context context.Context
}

// CallOption sets a field of CallOptions.
type CallOption func(*CallOptions)

// WithAddress sets the addresses to call instead of asking the selector.
func WithAddress(a ...string) CallOption {
	return func(o *CallOptions) { o.Address = a }
}

// WithSelectOption adds options for the selector.
func WithSelectOption(so ...selector.SelectOption) CallOption {
	return func(o *CallOptions) { o.SelectOptions = append(o.SelectOptions, so...) }
}

// WithCallWrapper adds wrappers around each attempt, inside those that the
// client has.
func WithCallWrapper(cw ...CallWrapper) CallOption {
	return func(o *CallOptions) { o.CallWrappers = append(o.CallWrappers, cw...) }
}

// WithBackoff sets the time to wait before each attempt.
func WithBackoff(fn BackoffFunc) CallOption {
	return func(o *CallOptions) { o.Backoff = fn }
}

// WithRetry sets what decides whether an attempt is repeated.
func WithRetry(fn RetryFunc) CallOption {
	return func(o *CallOptions) { o.Retry = fn }
}

// WithRetries sets how often an attempt may be repeated; 0 means never.
func WithRetries(i int) CallOption {
	return func(o *CallOptions) { o.Retries = i }
}

// WithRequestTimeout limits the call when its context has no deadline.
func WithRequestTimeout(d time.Duration) CallOption {
	return func(o *CallOptions) { o.RequestTimeout = d }
}

// WithConnClose uses a new connection and closes it after the call.
func WithConnClose() CallOption {
	return func(o *CallOptions) { o.ConnClose = true }
}

// WithStreamTimeout limits the life of the stream.
func WithStreamTimeout(d time.Duration) CallOption {
	return func(o *CallOptions) { o.StreamTimeout = d }
}

// WithDialTimeout limits connecting to a node.
func WithDialTimeout(d time.Duration) CallOption {
	return func(o *CallOptions) { o.DialTimeout = d }
}

// WithServiceToken asks for the service's own token to be sent.
func WithServiceToken() CallOption {
	return func(o *CallOptions) { o.ServiceToken = true }
}

// WithCache sets how long wrappers that remember answers keep this one.
func WithCache(c time.Duration) CallOption {
	return func(o *CallOptions) { o.CacheExpiry = c }
}

// with returns a copy of o, sharing no slice with it, to which opts were
// applied.
func (o CallOptions) with(opts []CallOption) CallOptions {
	o.SelectOptions = slices.Clone(o.SelectOptions)
	o.Address = slices.Clone(o.Address)
	o.CallWrappers = slices.Clone(o.CallWrappers)
	options.To(&o, opts)
	return o
}
