// Package mock is a server that only keeps what it is given, for tests of code
// that sets a server up.
package mock

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

var (
	errRunning    = errors.New("already running")
	errNotRunning = errors.New("not running")
)

var _ server.Server = (*MockServer)(nil)

// MockServer is a server.Server that listens nowhere. Its mutex guards its
// fields; hold it to read them while other goroutines use the server.
type MockServer struct {
	sync.Mutex
	// Running is true between Start and Stop.
	Running bool
	// Opts are the options given so far.
	Opts server.Options
	// Handlers by name.
	Handlers map[string]server.Handler
	// Subscribers by topic.
	Subscribers map[string][]server.Subscriber
}

// NewServer returns a server that was not started.
func NewServer(opts ...server.Option) *MockServer {
	m := &MockServer{
		Handlers:    map[string]server.Handler{},
		Subscribers: map[string][]server.Subscriber{},
	}
	_ = m.Init(opts...)
	return m
}

// Init applies options. They may use the server.
func (m *MockServer) Init(opts ...server.Option) error {
	next := options.With(m.Options(), opts)
	m.Lock()
	defer m.Unlock()
	m.Opts = next
	return nil
}

// Options returns a copy of the options given so far.
func (m *MockServer) Options() server.Options {
	m.Lock()
	defer m.Unlock()
	o := m.Opts
	o.Codecs, o.Metadata = maps.Clone(o.Codecs), maps.Clone(o.Metadata)
	o.HdlrWrappers, o.SubWrappers = slices.Clone(o.HdlrWrappers), slices.Clone(o.SubWrappers)
	o.ListenOptions = slices.Clone(o.ListenOptions)
	return o
}

// Handle adds a handler. A second one of the same name is an error.
func (m *MockServer) Handle(h server.Handler) error {
	name := h.Name()
	m.Lock()
	defer m.Unlock()
	if _, ok := m.Handlers[name]; ok {
		return fmt.Errorf("Handler %s already exists", name) //nolint:staticcheck // the text that v4 has
	}
	m.Handlers[name] = h
	return nil
}

// NewHandler returns a handler whose name is a new UUID.
func (m *MockServer) NewHandler(h any, opts ...server.HandlerOption) server.Handler {
	options := options.With(server.HandlerOptions{Metadata: map[string]map[string]string{}}, opts)
	return &MockHandler{Id: uuid.New().String(), Hdlr: h, Opts: options}
}

// NewSubscriber returns a subscriber; its Id is the topic.
func (m *MockServer) NewSubscriber(topic string, fn any, opts ...server.SubscriberOption) server.Subscriber {
	return &MockSubscriber{Id: topic, Sub: fn, Opts: server.NewSubscriberOptions(opts...)}
}

// Subscribe adds a subscriber.
func (m *MockServer) Subscribe(sub server.Subscriber) error {
	topic := sub.Topic()
	m.Lock()
	defer m.Unlock()
	m.Subscribers[topic] = append(m.Subscribers[topic], sub)
	return nil
}

// Register does nothing.
func (m *MockServer) Register() error { return nil }

// Deregister does nothing.
func (m *MockServer) Deregister() error { return nil }

// Start sets Running. It is an error if it is set.
func (m *MockServer) Start() error {
	m.Lock()
	defer m.Unlock()
	if m.Running {
		return errRunning
	}
	m.Running = true
	return nil
}

// Stop clears Running. It is an error if it is not set.
func (m *MockServer) Stop() error {
	m.Lock()
	defer m.Unlock()
	if !m.Running {
		return errNotRunning
	}
	m.Running = false
	return nil
}

// String returns "mock".
func (m *MockServer) String() string { return "mock" }

// MockHandler is the handler that a MockServer makes.
type MockHandler struct {
	// Id is the handler's name.
	Id string
	// Opts are its options.
	Opts server.HandlerOptions
	// Hdlr is the value it was made of.
	Hdlr any
}

// Name returns the Id.
func (m *MockHandler) Name() string { return m.Id }

// Handler returns the value.
func (m *MockHandler) Handler() any { return m.Hdlr }

// Endpoints returns none.
func (m *MockHandler) Endpoints() []*registry.Endpoint { return []*registry.Endpoint{} }

// Options returns the options.
func (m *MockHandler) Options() server.HandlerOptions { return m.Opts }

// MockSubscriber is the subscriber that a MockServer makes.
type MockSubscriber struct {
	// Id is the topic.
	Id string
	// Opts are its options.
	Opts server.SubscriberOptions
	// Sub is the function or value it was made of.
	Sub any
}

// Topic returns the Id.
func (m *MockSubscriber) Topic() string { return m.Id }

// Subscriber returns the function or value.
func (m *MockSubscriber) Subscriber() any { return m.Sub }

// Endpoints returns none.
func (m *MockSubscriber) Endpoints() []*registry.Endpoint { return []*registry.Endpoint{} }

// Options returns the options.
func (m *MockSubscriber) Options() server.SubscriberOptions { return m.Opts }
