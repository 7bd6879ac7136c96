// Mocking shows how code that calls a service is tested without it: a generated
// client is an interface, and anything with its methods takes its place. The tests
// are in main_test.go, with a mock and, in the second one, with a real service on
// the network of package microtest.
//
//	go test -v ./examples/mocking
//	go run ./examples/mocking
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4/client"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
)

// welcome is the code to be tested: it calls a greeter, and does without one.
func welcome(ctx context.Context, g greeter.GreeterService, name string) string {
	rsp, err := g.Hello(ctx, &greeter.HelloRequest{Name: name})
	if err != nil {
		return "Welcome, whoever you are"
	}
	return rsp.GetGreeting() + ", and welcome"
}

// mock is a greeter that calls nobody.
type mock struct {
	greeter.GreeterService // for the methods that are not called
	err                    error
}

// Hello answers as the service would.
func (m *mock) Hello(_ context.Context, req *greeter.HelloRequest, _ ...client.CallOption) (*greeter.HelloResponse, error) {
	if m.err != nil {
		return nil, m.err
	}
	return &greeter.HelloResponse{Greeting: "Hello " + req.GetName()}, nil
}

func main() {
	ctx := context.Background()
	fmt.Println(welcome(ctx, &mock{}, "John"))
	fmt.Println(welcome(ctx, &mock{err: os.ErrDeadlineExceeded}, "John"))
}
