// Wrapper puts code around the calls that a service makes and serves, without
// touching its handlers: here both sides say what they see.
//
//	go run ./examples/wrapper
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/server"
)

// Greeter implements greeter.GreeterHandler.
type Greeter struct{}

// Hello greets by name.
func (*Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

// logHandler says which endpoint is served.
func logHandler(next server.HandlerFunc) server.HandlerFunc {
	return func(ctx context.Context, req server.Request, rsp any) error {
		fmt.Println("server: serving", req.Endpoint())
		err := next(ctx, req, rsp)
		fmt.Println("server: served", req.Endpoint())
		return err
	}
}

// logClient is a client that says which service is called.
type logClient struct {
	client.Client
}

func (c *logClient) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	fmt.Println("client: calling", req.Service(), req.Endpoint())
	return c.Client.Call(ctx, req, rsp, opts...)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wrapper:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name("wrapper"), micro.WrapHandler(logHandler))
	service.Init()
	if err := greeter.RegisterGreeterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	return errors.Join(call(micro.NewService(micro.Name("wrapper.client"))), service.Server().Stop())
}

func call(caller micro.Service) error {
	caller.Init(micro.WrapClient(func(c client.Client) client.Client { return &logClient{c} }))
	rsp, err := greeter.NewGreeterService("wrapper", caller.Client()).Hello(context.Background(), &greeter.HelloRequest{Name: "John"})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	return nil
}
