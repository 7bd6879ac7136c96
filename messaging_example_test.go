package micro_test

import (
	"context"
	"fmt"
	"log"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// A service receives the messages of a topic, and another one publishes. Within
// one process the memory broker will do; the default broker joins processes.
func ExampleNewEvent() {
	type Order struct{ Item string }

	ctx, stop := context.WithCancel(context.Background())
	opts := []micro.Option{
		micro.Registry(registry.NewMemoryRegistry()),
		micro.Transport(transport.NewMemoryTransport()),
		micro.Broker(broker.NewMemoryBroker()),
		micro.Logger(logger.NewLogger(logger.WithLevel(logger.ErrorLevel))),
	}
	started := make(chan struct{})
	shop := micro.NewService(append(opts, micro.Name("shop"), micro.Context(ctx),
		micro.AfterStart(func() error { close(started); return nil }))...)
	received := func(_ context.Context, o *Order) error {
		fmt.Println("packing a", o.Item)
		return nil
	}
	if err := micro.RegisterSubscriber("orders", shop.Server(), received, server.SubscriberQueue("packers")); err != nil {
		log.Fatal(err)
	}
	stopped := make(chan error)
	go func() { stopped <- shop.Run() }()
	<-started

	customer := micro.NewService(append(opts, micro.Name("customer"))...)
	orders := micro.NewEvent("orders", customer.Client())
	if err := orders.Publish(ctx, &Order{Item: "lamp"}); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := <-stopped; err != nil {
		log.Fatal(err)
	}
	// Output: packing a lamp
}
