package brokertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
)

func connectTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	address := b.Address()
	if err := b.Connect(); err != nil {
		t.Errorf("the second Connect: %v", err)
	}
	if address == "" || b.Address() != address {
		t.Errorf("the address is %q, then %q", address, b.Address())
	}
}

func disconnectTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.h.New(t)
	if err := b.Disconnect(); err != nil {
		t.Errorf("Disconnect before Connect: %v", err)
	}
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	for range 2 {
		if err := b.Disconnect(); err != nil {
			t.Errorf("Disconnect: %v", err)
		}
	}
}

func publishDisconnected(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	if err := b.Disconnect(); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	if err := b.Publish(f.topic, &broker.Message{Body: []byte("x")}); err == nil {
		t.Errorf("Publish succeeded")
	}
}

func subscribeBeforeConnect(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.h.New(t), new(inbox)
	t.Cleanup(func() { _ = b.Disconnect() })
	sub, err := b.Subscribe(f.topic, in.handle)
	if err != nil {
		return
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "x")
	f.want("the subscriber", []string{"x"}, in)
}

func reconnect(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	f.publish(b, "one")
	f.want("the subscriber", []string{"one"}, in)
	if err := b.Disconnect(); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "two")
	f.want("the subscriber", []string{"one", "two"}, in)
}

func concurrentPublishers(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	var wg sync.WaitGroup
	all := numbered(400)
	for part := range slices.Chunk(all, 50) {
		wg.Go(func() {
			for _, body := range part {
				if err := b.Publish(f.topic, &broker.Message{Body: []byte(body)}); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	f.eventually(func() bool { return len(in.bodies()) >= len(all) })
	if got := slices.Sorted(slices.Values(in.bodies())); !slices.Equal(got, all) {
		t.Errorf("got %d of %d messages: %s", len(got), len(all), brief(got))
	}
}

func options(t testing.TB, h Harness) {
	b := h.New(t)
	handler := func(broker.Event) error { return nil }
	if err := b.Init(broker.ErrorHandler(handler)); err != nil {
		t.Fatalf("Init: %v", err)
	}
	o := b.Options()
	if o.ErrorHandler == nil || o.Logger == nil || o.Context == nil {
		t.Errorf("options are %+v", o)
	}
	o.Secure = !o.Secure
	if b.Options().Secure == o.Secure {
		t.Errorf("a change of the returned options is seen")
	}
}

func named(t testing.TB, h Harness) {
	if h.New(t).String() == "" {
		t.Errorf("String returns nothing")
	}
}
