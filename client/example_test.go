package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Request and Response are what the greeter understands.
type (
	Request  struct{ Name string }
	Response struct{ Greeting string }
)

// Greeter is a service.
type Greeter struct{}

// Hello greets.
func (*Greeter) Hello(_ context.Context, req *Request, rsp *Response) error {
	rsp.Greeting = "Hello, " + req.Name + "!"
	return nil
}

// Chat answers each message until the client has no more, and says goodbye.
func (*Greeter) Chat(_ context.Context, stream server.Stream) error {
	for {
		var req Request
		err := stream.Recv(&req)
		if err == io.EOF {
			return stream.Send(&Response{Greeting: "Goodbye!"})
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&Response{Greeting: "Hello, " + req.Name + "!"}); err != nil {
			return err
		}
	}
}

// startGreeter starts the service over memory drivers.
func startGreeter(tr transport.Transport, r registry.Registry) (stop func()) {
	s := server.NewServer(server.Name("greeter"), server.Transport(tr), server.Registry(r),
		server.Broker(broker.NewMemoryBroker()))
	if err := s.Handle(s.NewHandler(&Greeter{})); err != nil {
		log.Fatal(err)
	}
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	return func() { s.Stop() }
}

func Example() {
	tr, r := transport.NewMemoryTransport(), registry.NewMemoryRegistry()
	defer startGreeter(tr, r)()

	c := client.NewClient(client.Transport(tr), client.Registry(r))
	defer c.(io.Closer).Close()

	rsp := new(Response)
	req := c.NewRequest("greeter", "Greeter.Hello", &Request{Name: "Ada"})
	if err := c.Call(context.Background(), req, rsp, client.WithRequestTimeout(10*time.Second)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rsp.Greeting)
	// Output: Hello, Ada!
}

func ExampleClient_stream() {
	tr, r := transport.NewMemoryTransport(), registry.NewMemoryRegistry()
	defer startGreeter(tr, r)()

	c := client.NewClient(client.Transport(tr), client.Registry(r))
	defer c.(io.Closer).Close()

	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &Request{}))
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	for _, name := range []string{"Ada", "Grace"} {
		if err := stream.Send(&Request{Name: name}); err != nil {
			log.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		log.Fatal(err)
	}
	for {
		var rsp Response
		err := stream.Recv(&rsp)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rsp.Greeting)
	}
	// Output:
	// Hello, Ada!
	// Hello, Grace!
	// Goodbye!
}
