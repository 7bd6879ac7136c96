// Metadata shows how values travel beside a request: the client puts them into
// the context, and the handler reads them from its own.
//
//	go run ./examples/metadata
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/metadata"
)

// Greeter greets in the language that the metadata asks for.
type Greeter struct{}

// Hello reads the metadata of the caller. Case makes no difference.
func (*Greeter) Hello(ctx context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	greeting := "Hello"
	if language, _ := metadata.Get(ctx, "accept-language"); language == "de" {
		greeting = "Hallo"
	}
	rsp.Greeting = greeting + " " + req.GetName()
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "metadata:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name("metadata"))
	service.Init()
	if err := greeter.RegisterGreeterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	return errors.Join(call(micro.NewService(micro.Name("metadata.client"))), service.Server().Stop())
}

// call asks in German, from a service of its own.
func call(caller micro.Service) error {
	client := greeter.NewGreeterService("metadata", caller.Client())
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Accept-Language": "de"})
	rsp, err := client.Hello(ctx, &greeter.HelloRequest{Name: "John"})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	return nil
}
