// Nats is a greeter that flags move to NATS: where services are found, how calls
// travel and who carries messages. The code names none of it; it only imports what
// the flags can name. With a NATS server at 127.0.0.1:4222:
//
//	go run ./examples/nats --registry nats --broker nats --transport nats
//	go run ./examples/nats --registry nats --broker nats --transport nats --call John
//
// Servers elsewhere are named by --registry_address, --broker_address and
// --transport_address, each a list with commas, or by MICRO_REGISTRY_ADDRESS and so
// on. Without flags the same program finds itself by multicast DNS and speaks HTTP.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"

	// What the flags can name beside the built-in ones.
	_ "github.com/justcy/go-micro/v4/broker/nats"
	_ "github.com/justcy/go-micro/v4/registry/nats"
	_ "github.com/justcy/go-micro/v4/transport/nats"
)

const topic = "examples.nats.visitors"

// Visitor is the message.
type Visitor struct{ Name string }

// Greeter implements greeter.GreeterHandler.
type Greeter struct{}

// Hello greets by name.
func (*Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

func visited(_ context.Context, v *Visitor) error {
	fmt.Println("a visitor:", v.Name)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

func run() error {
	var name string
	service := micro.NewService(
		micro.Flags(&cli.StringFlag{Name: "call", Usage: "Call the greeter by this name, in place of being it"}),
		micro.Action(func(c *cli.Context) error { name = c.String("call"); return nil }),
		micro.AfterStart(func() error { fmt.Println("ready"); return nil }),
	)
	service.Init()
	if name != "" {
		return call(service, name)
	}
	service.Init(micro.Name("examples.nats"))
	if err := greeter.RegisterGreeterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	if err := micro.RegisterSubscriber(topic, service.Server(), visited); err != nil {
		return err
	}
	return service.Run()
}

// call calls the greeter and publishes that it did.
func call(service micro.Service, name string) error {
	o, ctx := service.Options(), context.Background()
	fmt.Printf("registry %s, broker %s, transport %s\n", o.Registry, o.Broker, o.Transport)
	rsp, err := greeter.NewGreeterService("examples.nats", service.Client()).Hello(ctx, &greeter.HelloRequest{Name: name})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	if err := micro.NewEvent(topic, service.Client()).Publish(ctx, &Visitor{Name: name}); err != nil {
		return err
	}
	return o.Broker.Disconnect() // when the message is sent
}
