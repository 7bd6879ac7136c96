package main

import (
	"context"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/microtest"
)

const (
	known   = "Hello John, and welcome"
	unknown = "Welcome, whoever you are"
)

func TestAMockStandsInForTheService(t *testing.T) {
	if got := welcome(t.Context(), &mock{}, "John"); got != known {
		t.Errorf("got %q", got)
	}
	if got := welcome(t.Context(), &mock{err: errors.New("gone")}, "John"); got != unknown {
		t.Errorf("without a greeter: %q", got)
	}
}

// Greeter is a service of the test's own.
type Greeter struct{}

func (Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

func TestAServiceInMemoryStandsInForTheRealOne(t *testing.T) {
	net := microtest.New(t)
	service := net.Service("greeter")
	if err := micro.RegisterHandler(service.Server(), Greeter{}); err != nil {
		t.Fatal(err)
	}
	net.Start(service)
	g := greeter.NewGreeterService("greeter", net.Client("shop"))
	if got := welcome(t.Context(), g, "John"); got != known {
		t.Errorf("got %q", got)
	}
	net.Link("shop", "greeter").Cut()
	if got := welcome(t.Context(), g, "John"); got != unknown {
		t.Errorf("when the greeter cannot be reached: %q", got)
	}
}
