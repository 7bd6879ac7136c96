package broker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/internal/httppost"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// httpBroker delivers messages by HTTP POST between processes that find each
// other in the registry. Its parts:
//
//   - the receiving side (http_receive.go): a listener, and the handlers by node id;
//   - the registrations (http_subscribe.go): one node for each topic and queue;
//   - the outbox (outbox.go, lane.go): messages on their way out.
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
	client  *httppost.Client
	session *httpSession // nil while not connected
	subs    map[subscriptionKey]*httpRegistration
	byID    map[string]*httpRegistration

	outbox   *outbox
	inFlight inFlight
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
// cannot be delivered stays in an inbox, at most 64 of a topic for each of
// these receivers, and is tried again by a timer and by the next Publish. When
// the inbox is full the oldest message is dropped, and the [ErrorHandler], or
// else the log, is told. Publish waits for room, for up to a second, while a
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
		client:    newPostClient(o),
		subs:      map[subscriptionKey]*httpRegistration{},
		byID:      map[string]*httpRegistration{},
	}
	b.mux = b.newMux()
	b.outbox = newOutbox(b)
	return b
}

func configuredAddress(o *Options) string {
	if len(o.Addrs) > 0 && o.Addrs[0] != "" {
		return o.Addrs[0]
	}
	return DefaultAddress
}

// newPostClient returns the client for deliveries. The limit of a whole request
// is set for each delivery.
func newPostClient(o *Options) *httppost.Client {
	return &httppost.Client{
		TLS:              clientTLS(o),
		TLSTo:            identityTLS(o),
		MaxReply:         4 << 10,
		DialTimeout:      30 * time.Second,
		HandshakeTimeout: 10 * time.Second,
		MaxIdle:          maxSenders,
		MaxIdlePerAddr:   64,
		IdleTimeout:      90 * time.Second,
	}
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
		old.Close()
	}
	return err
}

// init applies options and returns the client that is not used any more.
func (b *httpBroker) init(opts []Option) (old *httppost.Client, err error) {
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
	old, b.client = b.client, newPostClient(&b.opts)
	b.outbox.forgetRoutes()
	return old, nil
}

// lookupRegistry returns where subscribers are looked up.
func (b *httpBroker) lookupRegistry() registry.Registry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.opts.Registry
}

func (b *httpBroker) postClient() *httppost.Client {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.client
}

// snapshot returns the options for internal reading, without a copy of slices.
func (b *httpBroker) snapshot() Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.opts
}
