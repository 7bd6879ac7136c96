package brokertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
)

func queueOnce(t testing.TB, h Harness) {
	f := setup(t, h)
	b, one, two := f.connected(), new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	f.subscribe(b, one.handle, queue)
	f.subscribe(b, two.handle, queue)
	all := numbered(40)
	f.publish(b, all...)
	f.want("the group", all, one, two)
}

func queueAcrossBrokers(t testing.TB, h Harness) {
	f := setup(t, h)
	first, second, publisher := f.connected(), f.connected(), f.connected()
	one, two := new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	f.subscribe(first, one.handle, queue)
	f.subscribe(second, two.handle, queue)
	all := numbered(100)
	f.publish(publisher, all...)
	f.want("the group", all, one, two)
}

func queuesAndBroadcast(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	names := []string{"group a", "group b", "the subscriber without a queue"}
	inboxes := []*inbox{{}, {}, {}}
	f.subscribe(b, inboxes[0].handle, broker.Queue(unique("a")))
	f.subscribe(b, inboxes[1].handle, broker.Queue(unique("b")))
	f.subscribe(b, inboxes[2].handle)
	f.publish(b, "x", "y")
	for i, in := range inboxes {
		f.want(names[i], []string{"x", "y"}, in)
	}
}

func queueMemberLeaves(t testing.TB, h Harness) {
	f := setup(t, h)
	b, one, two := f.connected(), new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	leaving := f.subscribe(b, one.handle, queue)
	f.subscribe(b, two.handle, queue)
	if err := leaving.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	all := numbered(10)
	f.publish(b, all...)
	f.want("the member that is left", all, two)
	f.want("the member that left", nil, one)
}

func unsubscribed(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in, stays := f.connected(), new(inbox), new(inbox)
	sub := f.subscribe(b, in.handle)
	f.subscribe(b, stays.handle)
	f.publish(b, "before")
	f.want("the subscriber", []string{"before"}, in)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "after")
	f.want("the subscriber that stays", []string{"before", "after"}, stays)
	f.want("the subscriber that left", []string{"before"}, in)
}

func othersStay(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	ends := f.subscribe(b, new(inbox).handle)
	f.subscribe(b, in.handle)
	if err := ends.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "x")
	f.want("the other subscriber", []string{"x"}, in)
}

func unsubscribeTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	sub := f.subscribe(f.connected(), new(inbox).handle)
	for range 3 {
		if err := sub.Unsubscribe(); err != nil {
			t.Errorf("Unsubscribe: %v", err)
		}
	}
}

func unsubscribeInHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	var sub broker.Subscriber
	ready := make(chan struct{})
	left := make(chan error, 8)
	sub = f.subscribe(b, func(e broker.Event) error {
		<-ready
		left <- sub.Unsubscribe()
		return in.handle(e)
	})
	close(ready)
	f.publish(b, "x")
	select {
	case err := <-left:
		if err != nil {
			t.Errorf("Unsubscribe: %v", err)
		}
	case <-time.After(f.h.Patience):
		t.Errorf("Unsubscribe within the handler does not return")
	}
}

func publishInHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	answer := f.topic + "-answer"
	sub, err := b.Subscribe(answer, in.handle)
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	f.subscribe(b, func(e broker.Event) error {
		return b.Publish(answer, &broker.Message{Body: append([]byte("re: "), e.Message().Body...)})
	})
	f.publish(b, "x")
	f.want("the subscriber of the answer", []string{"re: x"}, in)
}

func panics(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	var once sync.Once
	f.subscribe(b, func(e broker.Event) error {
		once.Do(func() { panic("on purpose") })
		return in.handle(e)
	})
	// The publisher may be told, and the broker may try the first again.
	_ = b.Publish(f.topic, &broker.Message{Body: []byte("first")})
	f.publish(b, "second")
	if !f.eventually(func() bool { return slices.Contains(in.bodies(), "second") }) {
		t.Errorf("the message after the panic was not delivered")
	}
}

func errorHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	failure := errors.New("on purpose")
	got := make(chan broker.Event, 8)
	b := f.connected(broker.ErrorHandler(func(e broker.Event) error { got <- e; return nil }))
	f.subscribe(b, func(broker.Event) error { return failure })
	f.publish(b, "x")
	select {
	case e := <-got:
		if !errors.Is(e.Error(), failure) || e.Topic() != f.topic || e.Message() == nil || string(e.Message().Body) != "x" {
			t.Errorf("the ErrorHandler got topic %q, error %v", e.Topic(), e.Error())
		}
	case <-time.After(f.h.Patience):
		t.Errorf("the ErrorHandler was not called")
	}
}

func autoAck(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	if sub := f.subscribe(b, new(inbox).handle); !sub.Options().AutoAck {
		t.Errorf("AutoAck is off")
	}
	if sub := f.subscribe(b, new(inbox).handle, broker.DisableAutoAck()); sub.Options().AutoAck {
		t.Errorf("DisableAutoAck has no effect")
	}
}

func subscriberOptions(t testing.TB, h Harness) {
	f := setup(t, h)
	sub := f.subscribe(f.connected(), new(inbox).handle, broker.Queue("q"))
	if sub.Topic() != f.topic || sub.Options().Queue != "q" {
		t.Errorf("topic %q, queue %q", sub.Topic(), sub.Options().Queue)
	}
}

func doneContext(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.Publish(f.topic, &broker.Message{Body: []byte("x")}, broker.PublishContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Publish returned %v", err)
	}
	f.want("the subscriber", nil, in)
}
