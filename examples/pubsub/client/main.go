// Client publishes orders to whoever subscribes.
//
//	go run ./examples/pubsub/client --orders 10
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
)

// Order is the message. It has the same JSON as that of the server.
type Order struct {
	ID   int    `json:"id"`
	Item string `json:"item"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub client:", err)
		os.Exit(1)
	}
}

func run() error {
	count := 3
	service := micro.NewService(
		micro.Name("pubsub.client"),
		micro.Flags(&cli.IntFlag{Name: "orders", Value: count, Usage: "How many orders to publish", Destination: &count}),
	)
	service.Init()

	order := micro.NewEvent("examples.orders.shared", service.Client())
	for id := 1; id <= count; id++ {
		if err := order.Publish(context.Background(), &Order{ID: id, Item: "lamp"}); err != nil {
			return err
		}
		fmt.Printf("published order %d\n", id)
	}
	// Publish hands messages over; Disconnect sends what is still on its way,
	// and says if something could not be delivered.
	return service.Options().Broker.Disconnect()
}
