package client

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/util/pool"
)

// fallbackConnectionTimeout limits connecting when DefaultConnectionTimeout
// was set to nothing.
const fallbackConnectionTimeout = 5 * time.Second

// maxChanges is how often Init applies its options when the client changes meanwhile.
const maxChanges = 1000

// rpcClient is the client of the mucp protocol.
type rpcClient struct {
	sequence atomic.Uint64 // of the next Micro-ID
	rotation atomic.Uint64 // where the next call starts in a list of static addresses
	settings atomic.Pointer[settings]
	lookups  chan struct{} // one token for each lookup under way

	exchanges sync.Pool // of *exchange

	closed atomic.Bool
}

// settings is everything that a call needs of the options. It does not change:
// Init puts another one in its place, and calls keep what they started with.
type settings struct {
	client  *rpcClient
	opts    Options
	formats *wire.Formats
	pool    pool.Pool
	caller  wire.Caller // nil when the transport carries no calls
	broker  *brokerLink
	tracker selector.Tracker // nil when the selector takes no account of load
	picker  selector.Picker  // nil when the selector has no short way to a node
	bare    CallFunc         // one attempt without wrappers
	attempt CallFunc         // one attempt inside the client's own call wrappers

	// connectTimeout is the default of CallOptions.ConnectionTimeout when the
	// client was made. Any other value is one that somebody chose.
	connectTimeout time.Duration
}

func newClient(opts ...Option) Client {
	c := &rpcClient{lookups: make(chan struct{}, maxLookups)}
	options := NewOptions(opts...)
	if options.owned != nil && !identical(options.owned, options.Selector) {
		_ = options.owned.Close() // a later option brought another selector
		options.owned = nil
	}
	c.settings.Store(c.derive(options, nil))
	var wrapped Client = c
	for _, w := range slices.Backward(options.Wrappers) {
		wrapped = w(wrapped)
	}
	return wrapped
}

// derive returns the settings for opts, with what can stay of the former ones.
func (c *rpcClient) derive(opts Options, former *settings) *settings {
	s := &settings{client: c, opts: opts, connectTimeout: DefaultConnectionTimeout}
	if s.connectTimeout <= 0 {
		s.connectTimeout = fallbackConnectionTimeout
	}
	s.tracker, _ = opts.Selector.(selector.Tracker)
	s.picker, _ = opts.Selector.(selector.Picker)
	s.caller, _ = opts.Transport.(wire.Caller)
	s.formats = wire.NewFormats(DefaultCodecs, opts.Codecs)
	s.bare = s.exchange
	s.attempt = wrapped(s.bare, opts.CallOptions.CallWrappers)
	if former != nil {
		s.connectTimeout, s.pool, s.broker = former.connectTimeout, former.pool, former.broker
	}
	if former == nil || !samePool(&opts, &former.opts) {
		s.pool = pool.NewPool(pool.Size(opts.PoolSize), pool.TTL(opts.PoolTTL), pool.Transport(opts.Transport))
	}
	if former == nil || !identical(opts.Broker, former.opts.Broker) {
		s.broker = newBrokerLink(opts.Broker)
	}
	return s
}

func samePool(a, b *Options) bool {
	return a.PoolSize == b.PoolSize && a.PoolTTL == b.PoolTTL && identical(a.Transport, b.Transport)
}

// Init changes options. A changed pool size, pool lifetime or transport
// replaces the pool: its idle connections are closed at once, those in use
// when their call is over.
func (c *rpcClient) Init(opts ...Option) error {
	for range maxChanges {
		former := c.settings.Load()
		next := c.derive(options.With(former.opts.clone(), opts), former)
		if c.settings.CompareAndSwap(former, next) {
			return former.end(next)
		}
		_ = next.end(former) // options are applied anew: they, or others, have changed the client
	}
	return fmt.Errorf("client: %d times in a row, applying options changed the client; an option must not do that each time it is called", maxChanges)
}

// end closes what was made for s and is of no use to the settings that stay.
func (s *settings) end(stays *settings) error {
	if s.pool != stays.pool {
		_ = s.pool.Close()
	}
	if owned := s.opts.owned; owned != nil && !identical(owned, stays.opts.Selector) {
		return owned.Close()
	}
	return nil
}

// Close closes the idle connections and a selector that the Registry option
// made for this client. Calls afterwards work, on connections of their own.
func (c *rpcClient) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	s := c.settings.Load()
	err := s.pool.Close()
	if s.opts.owned != nil {
		if closeErr := s.opts.owned.Close(); err == nil {
			err = closeErr
		}
	}
	return err
}

func (c *rpcClient) Options() Options {
	return c.settings.Load().opts.clone()
}

// clone returns a copy that shares no map and no slice with o.
func (o Options) clone() Options {
	if o.Codecs != nil {
		o.Codecs = maps.Clone(o.Codecs)
	}
	o.Wrappers = slices.Clone(o.Wrappers)
	o.CallOptions = o.CallOptions.with(nil)
	return o
}

func (c *rpcClient) NewMessage(topic string, msg any, opts ...MessageOption) Message {
	return newMessage(topic, msg, c.settings.Load().opts.ContentType, opts)
}

func (c *rpcClient) NewRequest(service, endpoint string, req any, opts ...RequestOption) Request {
	return newRequest(service, endpoint, req, c.settings.Load().opts.ContentType, opts)
}

func (c *rpcClient) String() string { return "mucp" }

// format finds the format of a content type, in DefaultCodecs too if it was
// added there after the client was made.
func (s *settings) format(contentType string) (*wire.Format, error) {
	f, err := s.formats.Lookup(contentType)
	if err == nil {
		return f, nil
	}
	if newCodec, ok := DefaultCodecs[contentType]; ok {
		return wire.NewFormat(contentType, newCodec), nil
	}
	return nil, err
}

// nextID returns the id of a request or a stream.
func (c *rpcClient) nextID() uint64 { return c.sequence.Add(1) - 1 }
