// Main publishes messages and receives them in one process: with a function,
// with the methods of a value, and with a queue whose two members share the
// messages.
//
//	go run ./examples/pubsub/main
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

// Order is the message.
type Order struct {
	ID   int    `json:"id"`
	Item string `json:"item"`
}

// Shop is a subscriber of which every method receives the messages.
type Shop struct{ seen chan<- string }

// Pack receives an order.
func (s *Shop) Pack(_ context.Context, o *Order) error {
	s.seen <- fmt.Sprintf("method: pack %s", o.Item)
	return nil
}

// Bill receives the same order.
func (s *Shop) Bill(ctx context.Context, o *Order) error {
	customer, _ := metadata.Get(ctx, "Customer") // travels beside the message
	s.seen <- fmt.Sprintf("method: bill %s for the %s", customer, o.Item)
	return nil
}

const (
	orders  = "examples.orders"
	parcels = "examples.parcels"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub:", err)
		os.Exit(1)
	}
}

func run() error {
	seen := make(chan string, 100)
	service := micro.NewService(micro.Name("pubsub"))
	service.Init()
	if err := subscribe(service.Server(), seen); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	return errors.Join(publish(micro.NewService(micro.Name("pubsub.client")), seen), service.Server().Stop())
}

func subscribe(s server.Server, seen chan<- string) error {
	received := func(_ context.Context, o *Order) error {
		seen <- fmt.Sprintf("function: order %d of a %s", o.ID, o.Item)
		return nil
	}
	var first, second atomic.Int64
	member := func(count *atomic.Int64) func(context.Context, *Order) error {
		return func(context.Context, *Order) error {
			count.Add(1)
			if a, b := first.Load(), second.Load(); a+b == 10 {
				seen <- fmt.Sprintf("queue: one carried %d parcels, the other %d", a, b)
			}
			return nil
		}
	}
	return errors.Join(
		micro.RegisterSubscriber(orders, s, received),
		micro.RegisterSubscriber(orders, s, &Shop{seen}),
		micro.RegisterSubscriber(parcels, s, member(&first), server.SubscriberQueue("carriers")),
		micro.RegisterSubscriber(parcels, s, member(&second), server.SubscriberQueue("carriers")),
	)
}

func publish(publisher micro.Service, seen <-chan string) error {
	defer disconnect(publisher.Options().Broker)
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Customer": "John"})
	order := micro.NewEvent(orders, publisher.Client())
	if err := order.Publish(ctx, &Order{ID: 1, Item: "lamp"}); err != nil {
		return err
	}
	if err := show(seen, 3); err != nil {
		return err
	}
	parcel := micro.NewEvent(parcels, publisher.Client())
	for i := range 10 {
		if err := parcel.Publish(ctx, &Order{ID: i}); err != nil {
			return err
		}
	}
	return show(seen, 1)
}

// show prints what subscribers saw, n times.
func show(seen <-chan string, n int) error {
	for range n {
		select {
		case text := <-seen:
			fmt.Println(text)
		case <-time.After(time.Minute):
			return errors.New("a message did not arrive within a minute")
		}
	}
	return nil
}

// disconnect sends what is still on its way.
func disconnect(b broker.Broker) {
	if err := b.Disconnect(); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub:", err)
	}
}
