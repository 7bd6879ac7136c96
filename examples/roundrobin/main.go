// Roundrobin calls the nodes of a service in turn.
//
//	go run ./examples/roundrobin
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/wrapper/select/roundrobin"
)

// Greeter tells which node it is.
type Greeter struct{ node string }

// Hello greets.
func (g *Greeter) Hello(_ context.Context, _ *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = g.node
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "roundrobin:", err)
		os.Exit(1)
	}
}

func run() error {
	reg := registry.NewMemoryRegistry()
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	for _, node := range []string{"Anna", "Bert", "Carl"} {
		s := micro.NewService(micro.Name("greeter"), micro.Registry(reg))
		if err := greeter.RegisterGreeterHandler(s.Server(), &Greeter{node}); err != nil {
			return err
		}
		s.Init()
		if err := s.Server().Start(); err != nil {
			return err
		}
		defer s.Server().Stop()
	}
	caller := micro.NewService(micro.Name("caller"), micro.Registry(reg), micro.WrapClient(roundrobin.NewClientWrapper()))
	g := greeter.NewGreeterService("greeter", caller.Client())
	answered := map[string]int{}
	for range 9 {
		rsp, err := g.Hello(context.Background(), &greeter.HelloRequest{})
		if err != nil {
			return err
		}
		answered[rsp.GetGreeting()]++
	}
	fmt.Println(answered)
	return nil
}
