// Waitgroup shows a service that waits, when it is stopped, for work that a handler
// has left to the background.
//
//	go run ./examples/waitgroup
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/server"
)

// Greeter greets at once, and writes a letter afterwards.
type Greeter struct {
	work     sync.WaitGroup
	stopping chan struct{}
}

// Hello leaves the letter to the background.
func (g *Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	g.work.Go(func() {
		<-g.stopping // so that there is something to wait for
		time.Sleep(300 * time.Millisecond)
		fmt.Println("the letter to", req.GetName(), "is written")
	})
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "waitgroup:", err)
		os.Exit(1)
	}
}

func run() error {
	g := &Greeter{stopping: make(chan struct{})}
	service := micro.NewService(micro.Name("waitgroup"))
	service.Init()
	// Requests count in it too, so that it has to be waited for by nobody else.
	if err := service.Server().Init(server.Wait(&g.work)); err != nil {
		return err
	}
	if err := greeter.RegisterGreeterHandler(service.Server(), g); err != nil {
		return err
	}
	if err := service.Server().Start(); err != nil {
		return err
	}
	callErr := call(micro.NewService(micro.Name("waitgroup.client")))

	// A service in Run stops like this when a signal comes.
	fmt.Println("stopping")
	close(g.stopping)
	stopErr := service.Server().Stop()
	fmt.Println("stopped")
	return errors.Join(callErr, stopErr)
}

func call(caller micro.Service) error {
	rsp, err := greeter.NewGreeterService("waitgroup", caller.Client()).Hello(context.Background(), &greeter.HelloRequest{Name: "John"})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	return nil
}
