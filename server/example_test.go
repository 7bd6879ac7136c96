package server_test

import (
	"context"
	"fmt"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

type Name struct{ Name string }

type Greeting struct{ Text string }

type Greeter struct{}

func (*Greeter) Hello(_ context.Context, req *Name, rsp *Greeting) error {
	rsp.Text = "hello " + req.Name
	return nil
}

// A server in memory, called by hand with the messages that a client sends.
func Example() {
	tr := transport.NewMemoryTransport()
	s := server.NewServer(
		server.Name("greeter"),
		server.Address("127.0.0.1:0"),
		server.Transport(tr),
		server.Registry(registry.NewMemoryRegistry()),
		server.Broker(broker.NewMemoryBroker()),
		server.WithLogger(quiet()),
		server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			return func(ctx context.Context, req server.Request, rsp any) error {
				fmt.Println("called:", req.Endpoint())
				return next(ctx, req, rsp)
			}
		}),
	)
	if err := s.Handle(s.NewHandler(new(Greeter))); err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Stop()

	c, err := tr.Dial(s.Options().Address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	request := transport.Message{
		Header: map[string]string{"Content-Type": "application/json", "Micro-Endpoint": "Greeter.Hello", "Micro-Service": "greeter"},
		Body:   []byte(`{"Name":"ann"}`),
	}
	var reply transport.Message
	if err := c.Send(&request); err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Recv(&reply); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", reply.Body)
	// Output:
	// called: Greeter.Hello
	// {"Text":"hello ann"}
}
