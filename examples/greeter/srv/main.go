// Srv is the greeter service. Start one or several, then run the client:
//
//	go run ./examples/greeter/srv
//	go run ./examples/greeter/cli
package main

import (
	"context"
	"log"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
)

// Greeter implements greeter.GreeterHandler.
type Greeter struct {
	node string
}

// Hello greets by name and says which node did.
func (g *Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	rsp.Server = g.node
	return nil
}

func main() {
	service := micro.NewService(micro.Name("greeter"))
	service.Init()

	handler := &Greeter{node: service.Server().Options().Id}
	if err := greeter.RegisterGreeterHandler(service.Server(), handler); err != nil {
		log.Fatal(err)
	}
	if err := service.Run(); err != nil {
		log.Fatal(err)
	}
}
