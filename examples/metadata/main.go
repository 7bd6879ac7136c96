// Metadata shows how values travel beside a request: the client puts them into
// the context, and the handler reads them from its own.
//
//	go run ./examples/metadata
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/examples/internal/run"
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
	err := run.Service("metadata", func(service micro.Service) error {
		return greeter.RegisterGreeterHandler(service.Server(), new(Greeter))
	}, func(caller micro.Service) error {
		client := greeter.NewGreeterService("metadata", caller.Client())
		ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Accept-Language": "de"})
		rsp, err := client.Hello(ctx, &greeter.HelloRequest{Name: "John"})
		if err != nil {
			return err
		}
		fmt.Println(rsp.GetGreeting())
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "metadata:", err)
		os.Exit(1)
	}
}
