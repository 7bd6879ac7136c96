// Filter calls one of two versions of a service that run side by side.
//
//	go run ./examples/filter
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// Greeter tells its version.
type Greeter struct{ version string }

// Hello greets.
func (g *Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName() + " from version " + g.version
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

func run() error {
	reg := registry.NewMemoryRegistry()
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	for _, version := range []string{"1.0.0", "2.0.0"} {
		s := micro.NewService(micro.Name("greeter"), micro.Version(version), micro.Registry(reg))
		if err := greeter.RegisterGreeterHandler(s.Server(), &Greeter{version}); err != nil {
			return err
		}
		s.Init()
		if err := s.Server().Start(); err != nil {
			return err
		}
		defer s.Server().Stop()
	}
	g := greeter.NewGreeterService("greeter", micro.NewService(micro.Name("caller"), micro.Registry(reg)).Client())
	for _, version := range []string{"2.0.0", "2.0.0", "1.0.0"} {
		only := client.WithSelectOption(selector.WithFilter(selector.FilterVersion(version)))
		rsp, err := g.Hello(context.Background(), &greeter.HelloRequest{Name: "John"}, only)
		if err != nil {
			return err
		}
		fmt.Println(rsp.GetGreeting())
	}
	return nil
}
