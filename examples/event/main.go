// Event shows a stream of events: groups that each get every event, members of
// a group that share them, acknowledgement with redelivery, and replay.
//
//	go run ./examples/event
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/events"
)

// Order is the message.
type Order struct{ ID int }

const topic = "orders"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "event:", err)
		os.Exit(1)
	}
}

func run() error {
	stream, err := events.NewStream()
	if err != nil {
		return err
	}
	if closer, ok := stream.(io.Closer); ok {
		defer closer.Close()
	}
	began := time.Now()
	for _, show := range []func(events.Stream) error{showGroups, showAcknowledgement} {
		if err := show(stream); err != nil {
			return err
		}
	}
	return showReplay(stream, began)
}

// showGroups has two consumers in one group and another one by itself.
func showGroups(stream events.Stream) error {
	ctx, end := context.WithCancel(context.Background())
	defer end() // a consumption lasts as long as its context
	consume := func(group string) (<-chan events.Event, error) {
		return stream.Consume(topic, events.WithGroup(group), events.WithContext(ctx))
	}
	anna, err1 := consume("packers")
	bert, err2 := consume("packers")
	audit, err3 := consume("auditors")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for id := 1; id <= 2; id++ {
		err := stream.Publish(topic, Order{id}, events.WithMetadata(map[string]string{"shop": "Berlin"}))
		if err != nil {
			return err
		}
	}
	for _, reader := range []struct {
		name   string
		events <-chan events.Event
	}{{"Anna packs", anna}, {"Bert packs", bert}, {"the auditor notes", audit}, {"the auditor notes", audit}} {
		ev, order, err := next(reader.events)
		if err != nil {
			return err
		}
		fmt.Printf("%s order %d from %s\n", reader.name, order.ID, ev.Metadata["shop"])
	}
	return nil
}

// showAcknowledgement leaves an event unacknowledged once, so that it comes again.
func showAcknowledgement(stream events.Stream) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	ch, err := stream.Consume(topic, events.WithAutoAck(false, 100*time.Millisecond), events.WithContext(ctx))
	if err != nil {
		return err
	}
	if err := stream.Publish(topic, Order{3}); err != nil {
		return err
	}
	_, order, err := next(ch)
	if err != nil {
		return err
	}
	fmt.Printf("order %d fails\n", order.ID) // and is not acknowledged
	ev, order, err := next(ch)
	if err != nil {
		return err
	}
	fmt.Printf("order %d came again and is done\n", order.ID)
	return ev.Ack()
}

// showReplay reads what was published before it came.
func showReplay(stream events.Stream, since time.Time) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	ch, err := stream.Consume(topic, events.WithOffset(since), events.WithContext(ctx))
	if err != nil {
		return err
	}
	for range 3 {
		_, order, err := next(ch)
		if err != nil {
			return err
		}
		fmt.Printf("replayed order %d\n", order.ID)
	}
	return nil
}

func next(ch <-chan events.Event) (events.Event, Order, error) {
	var order Order
	select {
	case ev := <-ch:
		err := ev.Unmarshal(&order)
		return ev, order, err
	case <-time.After(time.Minute):
		return events.Event{}, order, errors.New("no event within a minute")
	}
}
