// Package micro composes microservices from interchangeable parts.
//
// A service registers itself, is found by name and is called, with nothing
// installed beside it:
//
//	service := micro.NewService(micro.Name("greeter"))
//	service.Init()
//	if err := micro.RegisterHandler(service.Server(), new(Greeter)); err != nil {
//		log.Fatal(err)
//	}
//	if err := service.Run(); err != nil { // nil after a signal
//		log.Fatal(err)
//	}
//
// where a handler is any value with methods of the form
//
//	func (g *Greeter) Hello(ctx context.Context, req *Request, rsp *Response) error
//
// and another process calls it through its own service's client:
//
//	c := service.Client()
//	err := c.Call(ctx, c.NewRequest("greeter", "Greeter.Hello", req), rsp)
//
// # Parts
//
// Every part is an interface with a package of its own, and an option of this
// package replaces it: [Registry] for discovery, [Selector] for load balancing,
// [Transport] for the way of the bytes, [Broker] for messages, [Client],
// [Server], [Store], [Cache], [Auth], [Config], [Runtime] and [Profile].
// Options may be given in any order; they are collected first and applied
// together.
//
// # Ownership
//
// The first service of a process uses the packages' defaults, such as
// client.DefaultClient and server.DefaultServer. Every later one has a
// registry, transport, broker, client and server of its own, so services in
// one process do not disturb each other.
//
// # Configuration
//
// [Service.Init] reads the command line and MICRO_* variables once. What an
// operator really gave wins over options in the code, and those win over the
// defaults of flags. What cannot be used, such as a flag that does not exist or a
// registry that nobody knows, ends the program there: running on with other
// settings would be worse. [OnInitError] has the program decide instead.
package micro

import (
	"context"

	"github.com/justcy/go-micro/v4/server"
)

// serviceKey is the context key of a Service.
type serviceKey struct{}

// NewContext returns a context that carries s.
func NewContext(ctx context.Context, s Service) context.Context {
	return context.WithValue(ctx, serviceKey{}, s)
}

// FromContext returns the service that NewContext put into ctx.
func FromContext(ctx context.Context) (Service, bool) {
	s, ok := ctx.Value(serviceKey{}).(Service)
	return s, ok
}

// RegisterHandler makes the methods of h callable on s. A method is an
// endpoint when it has the form
//
//	func(ctx context.Context, req *Request, rsp *Response) error
//	func(ctx context.Context, stream server.Stream) error
//
// It fails when h has no such method, or when its type is registered already.
func RegisterHandler(s server.Server, h any, opts ...server.HandlerOption) error {
	return s.Handle(s.NewHandler(h, opts...))
}

// RegisterSubscriber calls h, or every method of h, with the messages of a
// topic. A subscriber has the form func(ctx context.Context, msg *Message) error.
func RegisterSubscriber(topic string, s server.Server, h any, opts ...server.SubscriberOption) error {
	return s.Subscribe(s.NewSubscriber(topic, h, opts...))
}
