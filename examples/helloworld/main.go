// Helloworld is a service and its client in one program: the service registers
// itself, the client finds it by multicast DNS and calls it.
//
//	go run ./examples/helloworld
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/justcy/go-micro/v4"
)

// HelloRequest names who is to be greeted.
type HelloRequest struct {
	Name string `json:"name"`
}

// HelloResponse holds the greeting.
type HelloResponse struct {
	Greeting string `json:"greeting"`
}

// Greeter is the handler; its endpoint is Greeter.Hello.
type Greeter struct{}

// Hello greets by name.
func (*Greeter) Hello(_ context.Context, req *HelloRequest, rsp *HelloResponse) error {
	rsp.Greeting = "Hello " + req.Name
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "helloworld:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	started := make(chan struct{})
	service := micro.NewService(
		micro.Name("helloworld"),
		micro.Context(ctx), // the service ends with this context
		micro.AfterStart(func() error { close(started); return nil }),
	)
	service.Init()
	if err := micro.RegisterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- service.Run() }()

	select {
	case <-started:
	case err := <-stopped:
		return err
	}
	greeting, err := greet(ctx, "John")
	if err != nil {
		return err
	}
	fmt.Println(greeting)

	cancel()
	return <-stopped
}

// greet calls the service as any other process would: through a client that
// knows nothing but its name.
func greet(ctx context.Context, name string) (string, error) {
	client := micro.NewService(micro.Name("helloworld.client")).Client()

	rsp := new(HelloResponse)
	err := client.Call(ctx, client.NewRequest("helloworld", "Greeter.Hello", &HelloRequest{Name: name}), rsp)
	return rsp.Greeting, err
}
