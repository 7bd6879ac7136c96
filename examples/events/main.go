// Events shows a stream that outlives its processes: a producer, two members of a
// group that share the events, and a replay of what both have had, each a process of
// its own. They meet on NATS JetStream or on Redis, whichever the URL names.
//
//	go run ./examples/events --stream nats://127.0.0.1:4222
//	go run ./examples/events --stream redis://127.0.0.1:6379
//
// The first process starts the others. Each can be started by hand as well:
//
//	go run ./examples/events --role pack       # twice
//	go run ./examples/events --role produce
//	go run ./examples/events --role replay
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/natsjs"
	redis "github.com/justcy/go-micro/v4/events/redis" // the package is named stream
)

var (
	url   = flag.String("stream", "nats://127.0.0.1:4222", "URL of the server")
	topic = flag.String("topic", "examples.orders", "of the events")
	count = flag.Int("count", 10, "how many orders there are")
	role  = flag.String("role", "", "produce, pack or replay; none starts all of them")
	since = flag.Duration("since", time.Minute, "replay what is no older")
)

// Order is the message.
type Order struct{ ID int }

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func run() error {
	play, ok := map[string]func(events.Stream) error{"produce": produce, "pack": pack, "replay": replay}[*role]
	if !ok {
		return supervise()
	}
	stream, err := open(*url)
	if err != nil {
		return err
	}
	return errors.Join(play(stream), stream.(io.Closer).Close())
}

// open connects to the server for the scheme of a URL.
func open(url string) (events.Stream, error) {
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "nats", "tls":
		return natsjs.NewStream(natsjs.Address(url), natsjs.SynchronousPublish(true))
	case "redis", "rediss":
		return redis.NewStream(redis.Address(url))
	}
	return nil, errors.New("the URL does not begin with nats://, tls://, redis:// or rediss://")
}

// produce publishes the orders.
func produce(stream events.Stream) error {
	for id := range *count {
		if err := stream.Publish(*topic, Order{id + 1}); err != nil {
			return err
		}
	}
	return nil
}

// pack takes its share of the orders until its input ends. One that it did not
// acknowledge, because it crashed, say, would go to the other member.
func pack(stream events.Stream) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	ch, err := stream.Consume(*topic, events.WithGroup("packers"), events.WithContext(ctx),
		events.WithAutoAck(false, 30*time.Second), events.WithRetryLimit(5))
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	fmt.Println("ready")
	for {
		select {
		case e := <-ch:
			var order Order
			if err := e.Unmarshal(&order); err != nil {
				return err
			}
			fmt.Println("packed order", order.ID)
			if err := e.Ack(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// replay reads again, in order, what was published lately.
func replay(stream events.Stream) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	ch, err := stream.Consume(*topic, events.WithOffset(time.Now().Add(-*since)), events.WithContext(ctx))
	if err != nil {
		return err
	}
	for range *count {
		select {
		case e := <-ch:
			var order Order
			if err := e.Unmarshal(&order); err != nil {
				return err
			}
			fmt.Println("replayed order", order.ID)
		case <-time.After(time.Minute):
			return errors.New("no event within a minute")
		}
	}
	return nil
}
