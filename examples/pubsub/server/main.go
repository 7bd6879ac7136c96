// Server receives orders until it is told to stop. Start it twice, and each
// order goes to one of the two: they share a queue.
//
//	go run ./examples/pubsub/server
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/server"
)

// Order is the message. It has the same JSON as that of the client.
type Order struct {
	ID   int    `json:"id"`
	Item string `json:"item"`
}

func received(_ context.Context, o *Order) error {
	fmt.Printf("received order %d of a %s\n", o.ID, o.Item)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub server:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(
		micro.Name("pubsub.server"),
		micro.AfterStart(func() error { fmt.Println("subscribed"); return nil }),
	)
	service.Init()
	err := micro.RegisterSubscriber("examples.orders.shared", service.Server(), received, server.SubscriberQueue("packers"))
	if err != nil {
		return err
	}
	return service.Run()
}
