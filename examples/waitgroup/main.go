// Waitgroup shows a service that waits, when it is stopped, for work that a handler
// has left to the background.
//
//	go run ./examples/waitgroup
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/examples/internal/run"
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
	g := &Greeter{stopping: make(chan struct{})}
	err := run.Service("waitgroup", func(service micro.Service) error {
		// Requests count in it too, so that it has to be waited for by nobody else.
		if err := service.Server().Init(server.Wait(&g.work)); err != nil {
			return err
		}
		return greeter.RegisterGreeterHandler(service.Server(), g)
	}, func(caller micro.Service) error {
		rsp, err := greeter.NewGreeterService("waitgroup", caller.Client()).Hello(context.Background(), &greeter.HelloRequest{Name: "John"})
		if err != nil {
			return err
		}
		fmt.Println(rsp.GetGreeting())
		return nil
	}, micro.BeforeStop(func() error {
		fmt.Println("stopping")
		close(g.stopping)
		return nil
	}), micro.AfterStop(func() error { fmt.Println("stopped"); return nil }))
	if err != nil {
		fmt.Fprintln(os.Stderr, "waitgroup:", err)
		os.Exit(1)
	}
}
