// Package server answers calls and receives events on behalf of a service.
//
// A server owns a set of handlers and subscribers. Started, it listens on its
// transport, announces itself in the registry, and passes every request to the
// method it names and every published message to the functions subscribed to
// its topic.
//
//	type Greeter struct{}
//
//	func (Greeter) Hello(ctx context.Context, req *Request, rsp *Response) error {
//		rsp.Text = "hello " + req.Name
//		return nil
//	}
//
//	s := server.NewServer(server.Name("greeter"))
//	if err := s.Handle(s.NewHandler(new(Greeter))); err != nil { … }
//	if err := s.Start(); err != nil { … }
//	defer s.Stop()
//
// A handler is any value with exported methods of one of two forms; together
// with the name of its type they make endpoints such as "Greeter.Hello":
//
//	func(ctx context.Context, req *Req, rsp *Rsp) error    // one request, one reply
//	func(ctx context.Context, stream server.Stream) error  // a stream of messages
//
// The context of a handler carries the request's headers as metadata, ends at
// the caller's deadline, and is cancelled when the request is over, when the
// connection is lost, and when a stopping server has waited long enough;
// context.Cause tells which. An error that a handler returns reaches the caller as
// an *errors.Error: one of package errors keeps its id, code and detail, one of a
// context has code 408, any other, and a panic, code 500.
//
// Stop empties the server before it ends it, within StopTimeout: see the method.
//
// The server holds no lock while it calls code that is not its own: options,
// wrappers, checks, loggers, registries and brokers may use the server.
package server

import (
	"context"
	"os"
	ossignal "os/signal"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/signal"
)

// Server is a service's receiving side. Its methods may be called concurrently.
type Server interface {
	// Init applies options. What concerns the listener takes effect at the
	// next Start; wrappers, codecs, metadata and the rest at once. Options are
	// applied again when another change of the server comes first, so they
	// should do nothing but set Options.
	Init(...Option) error
	// Options returns a copy of the options in force, with maps and slices of
	// its own. While the server runs, Address is the address it listens on.
	Options() Options
	// Handle adds a handler. On a running server it serves requests at once.
	Handle(Handler) error
	// NewHandler makes a handler of a value, to be given to Handle.
	NewHandler(any, ...HandlerOption) Handler
	// NewSubscriber makes a subscriber of a func(context.Context, *T) error,
	// or of a value all of whose exported methods are such functions.
	NewSubscriber(string, any, ...SubscriberOption) Subscriber
	// Subscribe adds a subscriber. On a running server the subscription is
	// made before Subscribe returns.
	Subscribe(Subscriber) error
	// Start listens, registers and serves, and returns when that is done. A
	// failed registration is logged and tried again at the next interval, unless
	// the registry says that it can never succeed, by registry.ErrInvalidService:
	// that and any other failure is returned and leaves nothing running. Starting a
	// running server does nothing, starting one that is being stopped is an error.
	Start() error
	// Stop ends the server without losing what it has begun: it tells connected
	// clients to go elsewhere, deregisters, waits for the requests in flight,
	// answers what is left then with code 503 and cancels it, closes the listener
	// when the peers have what they were sent, and disconnects the broker. All
	// of it together takes no longer than StopTimeout, the waiting no longer
	// than DrainTimeout; streams on which nothing has happened for five seconds
	// are not waited for. Code that does not return, a registry or a handler
	// for instance, is left alone, which is logged; for a handler that is also
	// returned. A handler that wants to stop its server does so in a goroutine
	// of its own: Stop waits for handlers. Stopping a server that does not run
	// does nothing; if it is being stopped, Stop waits for that. See Shutdowner
	// for a Stop that can be cut short.
	Stop() error
	// String names the implementation, "mucp" for the one of this package.
	String() string
}

// Shutdowner is optionally implemented by a Server; the one of this package does.
type Shutdowner interface {
	// Shutdown is Stop, except that it stops waiting when ctx is done: what is
	// in flight then is ended as at the end of DrainTimeout. That also goes for
	// a Stop that is under way. The error of ctx is not returned.
	Shutdown(ctx context.Context) error
}

// Router serves requests and messages in place of registered handlers.
type Router interface {
	// ProcessMessage handles a published message.
	ProcessMessage(context.Context, Message) error
	// ServeRequest serves a request, writing what there is to say with the
	// response. An error that it returns is sent to the caller.
	ServeRequest(context.Context, Request, Response) error
}

// Handler is a value whose methods serve endpoints.
type Handler interface {
	// Name is the part before the dot in the endpoints' names.
	Name() string
	// Handler is the value itself.
	Handler() any
	// Endpoints describes the methods for the registry.
	Endpoints() []*registry.Endpoint
	// Options returns the options it was made with.
	Options() HandlerOptions
}

// Subscriber is a function, or a value with methods, that receives the
// messages of a topic.
type Subscriber interface {
	// Topic is the topic subscribed to.
	Topic() string
	// Subscriber is the function or value itself.
	Subscriber() any
	// Endpoints describes the functions for the registry.
	Endpoints() []*registry.Endpoint
	// Options returns the options it was made with.
	Options() SubscriberOptions
}

// Message is a published message, as subscriber wrappers see it.
type Message interface {
	// Topic the message was published to.
	Topic() string
	// Payload is the decoded value.
	Payload() any
	// ContentType of the body.
	ContentType() string
	// Header is a copy of the message's headers.
	Header() map[string]string
	// Body is the message as it was received.
	Body() []byte
	// Codec reads the body, from its start.
	Codec() codec.Reader
}

// Request is a request, as handler wrappers and routers see it.
type Request interface {
	// Service name requested.
	Service() string
	// Method requested; the same as Endpoint.
	Method() string
	// Endpoint requested, Type.Method.
	Endpoint() string
	// ContentType of the request's body.
	ContentType() string
	// Header holds the headers of the request. It must not be changed.
	Header() map[string]string
	// Body is the decoded request, nil for a stream.
	Body() any
	// Read returns the body as it was received, then those of the stream's
	// further messages, then io.EOF. A large bytes field of the decoded request
	// may share its memory.
	Read() ([]byte, error)
	// Codec decodes the request's body, from its start, or the messages of a
	// stream one after the other.
	Codec() codec.Reader
	// Stream reports whether the request opened a stream.
	Stream() bool
}

// Response writes replies to a request. It is meant for routers; handlers fill
// the value they are given.
type Response interface {
	// Codec encodes replies and sends them.
	Codec() codec.Writer
	// WriteHeader sets headers to be sent with every following reply.
	WriteHeader(map[string]string)
	// Write sends a reply that is encoded already.
	Write([]byte) error
}

// Stream is the server's side of a stream. One goroutine may call Send while
// another calls Recv. It is usable until the handler returns, which ends the
// stream for the client.
type Stream interface {
	// Context is the handler's context.
	Context() context.Context
	// Request is the request that opened the stream.
	Request() Request
	// Send encodes a value and sends it to the client.
	Send(any) error
	// Recv waits for the next message and decodes it into a pointer. It
	// returns io.EOF when the client has ended its side; Send still works then.
	Recv(any) error
	// Error returns the last error of Send or Recv.
	Error() error
	// Close makes every further Send and Recv fail. The client is told when
	// the handler returns.
	Close() error
}

// Option sets one of the server's Options.
type Option func(*Options)

// Values used where options say nothing. They are read when a server or its
// options are made; changing them later has no effect on existing ones.
var (
	// DefaultAddress picks a free port on all interfaces.
	DefaultAddress = ":0"
	// DefaultName of a service.
	DefaultName = "go.micro.server"
	// DefaultVersion of a service.
	DefaultVersion = "latest"
	// DefaultId is this process's part of node ids.
	DefaultId = uuid.New().String()
	// DefaultContentType is assumed for requests and messages that name none.
	DefaultContentType = "application/protobuf"
	// DefaultCodecs are the content types that every server understands.
	DefaultCodecs = wire.Codecs()
	// DefaultRegisterCheck passes always.
	DefaultRegisterCheck = func(context.Context) error { return nil }
	// DefaultRegisterInterval is the time between two registrations.
	DefaultRegisterInterval = 30 * time.Second
	// DefaultRegisterTTL is how long a registration lasts when it is not renewed.
	DefaultRegisterTTL = 90 * time.Second
	// DefaultDrainTimeout is how long Stop waits for requests in flight, as far
	// as DefaultStopTimeout leaves that much.
	DefaultDrainTimeout = 20 * time.Second
	// DefaultStopTimeout is how long all of Stop takes at most.
	DefaultStopTimeout = 25 * time.Second

	// NewServer makes a server.
	NewServer func(...Option) Server = NewRPCServer
	// DefaultRouter dispatches to its own handlers and subscribers. No server
	// uses it unless told to with WithRouter.
	DefaultRouter = NewRouter()
	// DefaultServer is the server behind the functions of this package.
	DefaultServer Server = NewRPCServer()
)

// Init applies options to DefaultServer.
func Init(opts ...Option) {
	if DefaultServer == nil {
		DefaultServer = NewServer()
	}
	if err := DefaultServer.Init(opts...); err != nil {
		logger.LoggerOrDefault(DefaultServer.Options().Logger).Logf(logger.ErrorLevel, "init of the default server: %v", err)
	}
}

// NewHandler makes a handler for DefaultServer.
func NewHandler(handler any, opts ...HandlerOption) Handler {
	return DefaultServer.NewHandler(handler, opts...)
}

// NewSubscriber makes a subscriber for DefaultServer.
func NewSubscriber(topic string, handler any, opts ...SubscriberOption) Subscriber {
	return DefaultServer.NewSubscriber(topic, handler, opts...)
}

// Handle adds a handler to DefaultServer.
func Handle(h Handler) error { return DefaultServer.Handle(h) }

// Subscribe adds a subscriber to DefaultServer.
func Subscribe(s Subscriber) error { return DefaultServer.Subscribe(s) }

// Start starts DefaultServer.
func Start() error { return DefaultServer.Start() }

// Stop stops DefaultServer.
func Stop() error { return DefaultServer.Stop() }

// String names the implementation of DefaultServer.
func String() string { return DefaultServer.String() }

// Run starts DefaultServer, waits for a signal that asks the process to end,
// and stops the server. A second signal ends the waiting for requests in flight,
// and a third the process.
func Run() error {
	signals := make(chan os.Signal, 1)
	ossignal.Notify(signals, signal.Shutdown()...)
	defer ossignal.Stop(signals)
	s := DefaultServer
	if err := s.Start(); err != nil {
		return err
	}
	<-signals
	ctx, release := signal.Next(context.Background(), signals)
	defer release()
	return StopWithin(ctx, s)
}

// StopWithin stops s, and stops waiting for what it has in flight when ctx is
// done, if s is a Shutdowner.
func StopWithin(ctx context.Context, s Server) error {
	if own, ok := s.(Shutdowner); ok {
		return own.Shutdown(ctx)
	}
	return s.Stop()
}
