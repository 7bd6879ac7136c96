// Function is a service that does one piece of work and ends, as a job that is
// started for each event does.
//
//	go run ./examples/function
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/server"
)

// Greeter greets.
type Greeter struct{}

// Hello greets by name.
func (*Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

// once returns a wrapper that tells when the first request is over. The reply to it
// is still sent: a service that is stopped finishes what it has begun.
func once(done func()) server.HandlerWrapper {
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			defer done()
			return next(ctx, req, rsp)
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	service := micro.NewService(
		micro.Name("function"),
		micro.Context(ctx), // Run returns when it is done, as after a signal
		micro.WrapHandler(once(stop)),
		micro.AfterStart(call), // somebody does
	)
	service.Init()
	if err := greeter.RegisterGreeterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	if err := service.Run(); err != nil {
		return err
	}
	fmt.Println("the function has ended")
	return nil
}

// call is another program's call.
func call() error {
	caller := micro.NewService(micro.Name("function.client"))
	rsp, err := greeter.NewGreeterService("function", caller.Client()).Hello(context.Background(), &greeter.HelloRequest{Name: "John"})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	return nil
}
