// Command broker publishes and subscribes with the default broker: messages go
// directly from process to process, which find each other by multicast DNS.
//
//	go run ./examples/broker subscribe     # in one terminal, or in several
//	go run ./examples/broker publish       # in another
//	go run ./examples/broker               # both in one process
//
// Start several subscribers with -queue=workers and they share the messages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/justcy/go-micro/v4/broker"
)

const topic = "go.micro.topic.foo"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, broker.NewBroker()); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		stop()
		os.Exit(1)
	}
}

// run does what the arguments ask for until ctx is done or all is published.
func run(ctx context.Context, args []string, out io.Writer, b broker.Broker) (err error) {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	queue := flags.String("queue", "", "share the messages with the other subscribers of this queue")
	count := flags.Int("count", 10, "how many messages to publish; 0 means until interrupted")
	pause := flags.Duration("interval", time.Second, "pause between two messages")
	role := "both"
	if len(args) > 0 && (args[0] == "publish" || args[0] == "subscribe") {
		role, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}

	if err := b.Connect(); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	// Disconnect waits for messages on their way, and tells what did not arrive.
	defer func() { err = errors.Join(err, b.Disconnect()) }()

	if role != "publish" {
		if err := subscribe(b, *queue, out); err != nil {
			return err
		}
	}
	if role == "subscribe" {
		<-ctx.Done()
		return nil
	}
	return publish(ctx, b, *count, *pause, out)
}

func subscribe(b broker.Broker, queue string, out io.Writer) error {
	_, err := b.Subscribe(topic, func(e broker.Event) error {
		m := e.Message()
		fmt.Fprintf(out, "received %s, id %s\n", m.Body, m.Header["id"])
		return nil
	}, broker.Queue(queue))
	if err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	return nil
}

func publish(ctx context.Context, b broker.Broker, count int, pause time.Duration, out io.Writer) error {
	for i := 1; count == 0 || i <= count; i++ {
		m := &broker.Message{
			Header: map[string]string{"id": fmt.Sprint(i)},
			Body:   fmt.Appendf(nil, "message %d", i),
		}
		if err := b.Publish(topic, m); err != nil {
			return fmt.Errorf("publishing message %d: %w", i, err)
		}
		if i == count {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	return nil
}
