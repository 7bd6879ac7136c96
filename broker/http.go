package broker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// httpBroker delivers messages by HTTP POST between processes that find each
// other in the registry. Its parts:
//
//   - the receiving side (http_receive.go): a listener, and the handlers by node id;
//   - the registrations (http_subscribe.go): one node for each topic and queue;
//   - the outbox (outbox.go, lane.go, lane_queue.go): messages on their way out;
//   - the poster (post.go): one delivery by HTTP.
type httpBroker struct {
	id   string
	path string
	mux  *http.ServeMux

	// lifecycle is held by Connect and Disconnect from end to end.
	lifecycle chan struct{}
	// turn orders the registry calls of registrations. It is never held while
	// handlers are waited for, so handlers may subscribe and unsubscribe.
	turn chan struct{}

	mu      sync.RWMutex
	opts    Options
	address string
	poster  *poster
	session *httpSession // nil while not connected
	subs    map[subscriptionKey]*httpRegistration
	byID    map[string]*httpRegistration

	routes   *routes
	outbox   *outbox
	inFlight inFlight
	conns    int // how many connections it listens to at once
}

// httpSession is what exists between a Connect and its Disconnect.
type httpSession struct {
	listener net.Listener
	server   *http.Server
	unused   *unusedConns
	node     string // address for the registry
	secure   bool
	registry registry.Registry
	ctx      context.Context // done at Disconnect
	end      context.CancelFunc
	running  sync.WaitGroup
}

// NewBroker returns the http broker: point-to-point delivery between processes,
// with the registry as the only infrastructure. Without [Addrs] it listens on all
// interfaces, at a port of the system's choice, and registers a private address
// of this machine, as a server does: see [Advertise].
//
// Publish hands a message over to the broker and returns nil, whether or not
// anybody subscribes yet; for each queue group,
// and for each subscriber without a queue, one sender delivers a topic's
// messages in publish order and waits for each to be handled. A message that
// cannot be delivered waits in the outbox, at most 64 of a topic for each of
// these receivers and [MaxOutboxSize] bytes for all of them, and is tried again by
// a timer and by the next Publish. When there is no room the oldest message is
// dropped: that of the receiver for which the most bytes wait, when all together
// have too many. The [ErrorHandler] is told of each, or else the log, with one line
// a second for each receiver. Publish waits for room, for up to a second, while a
// receiver is keeping up. It fails when the message is too large or cannot be
// encoded, when the registry cannot be asked for subscribers, and after
// Disconnect. The log is warned of a receiver when its first delivery fails.
//
// Delivery is at least once: a message whose reply got lost is sent again.
func NewBroker(opts ...Option) Broker {
	o := NewOptions(opts...)
	if o.Registry == nil {
		o.Registry = registry.DefaultRegistry
	}
	if o.Codec == nil {
		o.Codec = json.Marshaler{}
	}
	b := &httpBroker{
		id:        uuid.NewString(),
		path:      DefaultPath,
		lifecycle: make(chan struct{}, 1),
		turn:      make(chan struct{}, 1),
		opts:      *o,
		address:   configuredAddress(o),
		poster:    newPoster(o, DefaultPath),
		subs:      map[subscriptionKey]*httpRegistration{},
		byID:      map[string]*httpRegistration{},
		conns:     maxConns,
	}
	b.mux = b.newMux()
	b.routes = newRoutes(b.lookupRegistry)
	b.outbox = newOutbox(b.outboxParts(), outboxLimitsOf(o))
	return b
}

// outboxParts returns what the outbox delivers with.
func (b *httpBroker) outboxParts() outboxParts {
	return outboxParts{
		find: b.routes.of,
		deliver: func(ctx context.Context, n *registry.Node, messages [][]byte) sent {
			return b.currentPoster().deliver(ctx, n, messages)
		},
		atOnce:  func(n *registry.Node) int { return b.currentPoster().atOnce(n) },
		discard: b.discard,
		log:     b.log,
	}
}

func outboxLimitsOf(o *Options) outboxLimits {
	s := settingsOf(o.Context)
	return outboxLimits{bytes: max(s.maxOutboxSize, 2*s.maxMessageSize), delivery: s.deliveryTimeout}
}

func configuredAddress(o *Options) string {
	if len(o.Addrs) > 0 && o.Addrs[0] != "" {
		return o.Addrs[0]
	}
	return DefaultAddress
}

func (b *httpBroker) String() string { return "http" }

func (b *httpBroker) Address() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.address
}

func (b *httpBroker) Options() Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.opts
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Init applies options; it fails while the broker is connected.
func (b *httpBroker) Init(opts ...Option) error {
	old, err := b.init(opts)
	if err == nil {
		old.client.Close()
	}
	return err
}

// init applies options and returns the poster that is not used any more.
func (b *httpBroker) init(opts []Option) (old *poster, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil {
		return nil, errors.New("cannot init while connected")
	}
	options.To(&b.opts, opts)
	if b.opts.Registry == nil {
		b.opts.Registry = registry.DefaultRegistry
	}
	if b.opts.Codec == nil {
		b.opts.Codec = json.Marshaler{}
	}
	b.address = configuredAddress(&b.opts)
	old, b.poster = b.poster, newPoster(&b.opts, b.path)
	b.outbox.setLimits(outboxLimitsOf(&b.opts))
	b.routes.forget()
	return old, nil
}

// lookupRegistry returns where subscribers are looked up.
func (b *httpBroker) lookupRegistry() registry.Registry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.opts.Registry
}

func (b *httpBroker) currentPoster() *poster {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.poster
}

// snapshot returns the options for internal reading, without a copy of slices.
func (b *httpBroker) snapshot() Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.opts
}
