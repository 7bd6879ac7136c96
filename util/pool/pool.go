// Package pool keeps connections to servers for the next call.
package pool

import (
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/transport"
)

// Pool hands out connections by address, the one used last first, and dials
// when it has none. Its methods may be called concurrently.
type Pool interface {
	// Get returns a connection to addr for the caller alone, who has to
	// Release it. Idle connections that are older than the TTL, or that their
	// transport calls unusable (transport.Reuser), are closed on the way. The
	// options count when a connection has to be dialled.
	Get(addr string, opts ...transport.DialOption) (Conn, error)
	// Release gives a connection back. Err is what went wrong on it: with an
	// error the connection is closed, as it is when enough of its address are
	// idle, when it cannot be used again, and after Close. The error returned
	// is that of closing the connection. Releasing a connection that is not
	// handed out does nothing.
	Release(c Conn, err error) error
	// Close closes the idle connections; those handed out are closed when
	// they are released. Get works on, by dialling.
	Close() error
}

// Conn is a connection of a pool.
type Conn interface {
	// Id is a UUID, the same for the life of the connection.
	Id() string
	// Created is the time at which it was dialled.
	Created() time.Time

	// The methods of a transport.Client follow. Close does nothing: Release
	// decides what becomes of the connection.
	transport.Client
}

// Options configure a pool.
type Options struct {
	// Transport dials. Default: transport.DefaultTransport.
	Transport transport.Transport
	// TTL is the age after which a connection is not used again. Zero, the
	// default: at once, so that nothing is reused.
	TTL time.Duration
	// Size is how many idle connections are kept for each address. Zero, the
	// default: none.
	Size int
}

// Option sets a field of Options.
type Option func(*Options)

// Size sets how many idle connections are kept for each address.
func Size(i int) Option {
	return func(o *Options) { o.Size = i }
}

// Transport sets what dials.
func Transport(t transport.Transport) Option {
	return func(o *Options) { o.Transport = t }
}

// TTL sets the age after which a connection is not used again.
func TTL(t time.Duration) Option {
	return func(o *Options) { o.TTL = t }
}

// NewPool returns a pool. It starts nothing of its own: idle connections that
// have aged are closed when a connection is dialled or the pool is closed.
func NewPool(opts ...Option) Pool {
	o := Options{Transport: transport.DefaultTransport}
	options.To(&o, opts)
	return &pool{options: o, idle: map[string][]*conn{}}
}
