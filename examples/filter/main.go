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
	"github.com/justcy/go-micro/v4/examples/internal/run"
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
	reg := registry.NewMemoryRegistry()
	var services []micro.Service
	for _, version := range []string{"1.0.0", "2.0.0"} {
		s := micro.NewService(micro.Name("greeter"), micro.Version(version), micro.Registry(reg))
		if err := greeter.RegisterGreeterHandler(s.Server(), &Greeter{version}); err != nil {
			fail(err)
		}
		services = append(services, s)
	}
	g := greeter.NewGreeterService("greeter", micro.NewService(micro.Name("caller"), micro.Registry(reg)).Client())
	err := run.All(func() error {
		for _, version := range []string{"2.0.0", "2.0.0", "1.0.0"} {
			only := client.WithSelectOption(selector.WithFilter(selector.FilterVersion(version)))
			rsp, err := g.Hello(context.Background(), &greeter.HelloRequest{Name: "John"}, only)
			if err != nil {
				return err
			}
			fmt.Println(rsp.GetGreeting())
		}
		return nil
	}, services...)
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "filter:", err)
	os.Exit(1)
}
