// Package client calls services by name and publishes events.
//
// A [Request] names a service, an endpoint and a body. [Client.Call] looks the
// service up, picks one of its nodes, sends the body in the request's content
// type and decodes the answer; when an attempt fails in a way that allows it,
// the next one goes to another node:
//
//	req := client.NewRequest("greeter", "Greeter.Hello", &HelloRequest{Name: "Ada"})
//	rsp := new(HelloResponse)
//	err := client.Call(ctx, req, rsp, client.WithRequestTimeout(time.Second))
//
// [Client.Stream] opens a connection on which both sides send any number of
// messages, and [Client.Publish] hands an event to the broker.
//
// # Errors
//
// What Call and Publish return is an *errors.Error of package errors: what the
// client itself reports has the id go.micro.client and a code from HTTP, 408
// when time ran out or the context was cancelled, 400 for a call that lacks a
// part, 500 for everything else; what a handler returned comes back with the
// handler's text, and with code 500 if it had none. Streams return the errors of
// package io and of their context as well.
//
// What caused an error is found by errors.Is and errors.As of the standard
// library: context.Canceled, context.DeadlineExceeded (whichever side noticed
// first), selector.ErrNotFound, selector.ErrNoneAvailable, transport.ErrNotSent,
// transport.ErrMessageTooLarge, errors of codecs and of the network.
//
// # Time
//
// A call lasts as long as its context says, looking up the service included,
// even if the registry does not heed the context. A context without a deadline gets
// CallOptions.RequestTimeout for all attempts together. The time that is left
// travels with the request, so that the handler's context ends at the same
// time. CallOptions.ConnectionTimeout limits connecting, and when it was
// changed from its default each attempt as a whole.
//
// # Retries
//
// An attempt that certainly reached no handler, because the node refused the
// connection or is shutting down, is repeated at once on another node if there
// is one. About every other failure CallOptions.Retry decides. Both count
// against CallOptions.Retries.
//
// # Nodes
//
// A node that could not be reached is left alone for a while, as package selector
// says. So is one to which an attempt ended with its deadline and with nothing
// heard, if it does not answer a call of Debug.Health over a connection of its
// own, which the client then makes in the background; a node that is merely slow
// does.
package client

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
)

var (
	// DefaultClient is the client of the package functions.
	DefaultClient Client = NewClient()

	// NewClient returns a client with the package defaults and the given
	// options. The transport, broker, registry and selector that it is not
	// given are the defaults of their packages. The client it returns has a
	// Close method (io.Closer), which closes idle connections and what the
	// client made for itself; wrappers may hide it.
	NewClient func(...Option) Client = newClient

	// DefaultContentType is that of requests which name none.
	DefaultContentType = "application/json"

	// DefaultBackoff is the time to wait before each attempt: 0, 100ms,
	// 600ms, 1.9s and so on.
	DefaultBackoff = exponentialBackoff

	// DefaultRetry repeats attempts that timed out, and, once a call, one whose
	// connection was lost before the reply came.
	DefaultRetry = RetryOnError

	// DefaultRetries is how often an attempt is repeated.
	DefaultRetries = 5

	// DefaultRequestTimeout limits a call whose context has no deadline.
	DefaultRequestTimeout = 30 * time.Second

	// DefaultConnectionTimeout limits connecting to a node.
	DefaultConnectionTimeout = 5 * time.Second

	// DefaultPoolSize is how many idle connections are kept for each address.
	DefaultPoolSize = 100

	// DefaultPoolTTL is how old a connection may become before it is no
	// longer reused.
	DefaultPoolTTL = time.Minute

	// DefaultCodecs are the codecs by content type. A client reads them when
	// it is made, and again for a content type that it does not know. Do not
	// change the map while calls run.
	DefaultCodecs = wire.Codecs()
)

// Client makes calls and publishes events. It is safe for concurrent use.
type Client interface {
	// Init changes options. It may be called at any time; calls that are
	// already running keep the options they started with.
	Init(...Option) error
	// Options returns a copy of the options in force.
	Options() Options
	// NewMessage returns an event for Publish.
	NewMessage(topic string, msg any, opts ...MessageOption) Message
	// NewRequest returns a request for Call or Stream.
	NewRequest(service, endpoint string, req any, reqOpts ...RequestOption) Request
	// Call sends req and decodes the answer into rsp, a pointer. A nil rsp
	// discards the answer. It returns when the answer is there, when no
	// further attempt is allowed, or at once when ctx ends, looking up the
	// service included. Errors are *errors.Errors, but for those of
	// CallOptions.Retry and call wrappers; what caused them is found by the
	// standard library's errors.Is and As.
	Call(ctx context.Context, req Request, rsp any, opts ...CallOption) error
	// Stream opens a stream and sends req.Body() as its first message, which
	// takes no longer than a Call may. The stream lives until it is closed or ended by the server, ctx ends, or
	// CallOptions.StreamTimeout is over. Close it in any case.
	Stream(ctx context.Context, req Request, opts ...CallOption) (Stream, error)
	// Publish encodes msg and hands it to the broker, which is connected on
	// first use.
	Publish(ctx context.Context, msg Message, opts ...PublishOption) error
	// String names the implementation.
	String() string
}

// Router sends requests on behalf of a client that was given one.
type Router interface {
	// SendRequest sends a request and returns the response to read from.
	SendRequest(context.Context, Request) (Response, error)
}

// Message is an event to publish.
type Message interface {
	// Topic is where the event is published.
	Topic() string
	// Payload is the value to encode.
	Payload() any
	// ContentType says how Payload is encoded.
	ContentType() string
}

// Request is what a Call or a Stream sends. It does not change and may be
// used for several calls at the same time.
type Request interface {
	// Service is the name of the service to call.
	Service() string
	// Method is the method to call, Type.Method.
	Method() string
	// Endpoint is the endpoint to call; here the same as Method.
	Endpoint() string
	// ContentType says how the body is encoded.
	ContentType() string
	// Body is the value to encode. A *bytes.Frame is sent as it is.
	Body() any
	// Codec writes messages to the stream of the request. It is nil for a
	// request that is not the Request of a Stream.
	Codec() codec.Writer
	// Stream reports whether the request was marked as a streaming one.
	Stream() bool
}

// Response is what a stream received last.
type Response interface {
	// Codec reads the messages of the stream.
	Codec() codec.Reader
	// Header holds the headers of the message received last, nil before the
	// first one. The map must not be changed.
	Header() map[string]string
	// Read receives the next message and returns its body undecoded.
	Read() ([]byte, error)
}

// Stream is a connection to one handler on which both sides send messages. One
// goroutine may send while another one receives; Send, Recv, CloseSend and
// Close are safe for concurrent use.
type Stream interface {
	Closer
	// Context ends with the stream.
	Context() context.Context
	// Request is the request that opened the stream.
	Request() Request
	// Response is what was received last.
	Response() Response
	// Send encodes and sends one message.
	Send(any) error
	// Recv waits for the next message and decodes it into a pointer; nil
	// discards it. It returns io.EOF when the server ended the stream without
	// an error, the handler's error when it ended it with one, the error of
	// the context when that ended, io.ErrUnexpectedEOF when the connection
	// was lost, and ErrShutdown after Close. After any of these every further
	// Recv returns the same error. An error in decoding a message is returned
	// once and leaves the stream open.
	Recv(any) error
	// Error returns the last error of Send or Recv.
	Error() error
	// Close tells the server that no more messages follow, unless CloseSend
	// or the end of the stream already did, and closes the connection. It takes up
	// to two seconds when the server does not receive: what was sent before waits,
	// and is lost then. Further calls do nothing and return nil.
	Close() error
}

// Closer ends the sending side of a stream.
type Closer interface {
	// CloseSend tells the server that no more messages follow: its Recv
	// returns io.EOF. The stream can still receive. Further calls do nothing;
	// Send afterwards returns an error.
	CloseSend() error
}

// Call makes a call with DefaultClient.
func Call(ctx context.Context, request Request, response any, opts ...CallOption) error {
	return DefaultClient.Call(ctx, request, response, opts...)
}

// Publish publishes a message with DefaultClient.
func Publish(ctx context.Context, msg Message, opts ...PublishOption) error {
	return DefaultClient.Publish(ctx, msg, opts...)
}

// NewMessage returns an event made by DefaultClient.
func NewMessage(topic string, payload any, opts ...MessageOption) Message {
	return DefaultClient.NewMessage(topic, payload, opts...)
}

// NewRequest returns a request made by DefaultClient.
func NewRequest(service, endpoint string, request any, reqOpts ...RequestOption) Request {
	return DefaultClient.NewRequest(service, endpoint, request, reqOpts...)
}

// NewStream opens a stream with DefaultClient.
func NewStream(ctx context.Context, request Request, opts ...CallOption) (Stream, error) {
	return DefaultClient.Stream(ctx, request, opts...)
}

// String names the implementation of DefaultClient.
func String() string {
	return DefaultClient.String()
}
