package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec/json"
)

func newMemory(t testing.TB, opts ...broker.Option) broker.Broker {
	return connect(t, broker.NewMemoryBroker(opts...))
}

func TestTheMemoryBrokerMustBeConnectedToBeUsed(t *testing.T) {
	b := broker.NewMemoryBroker()
	if _, err := b.Subscribe("topic", new(log).handle); err == nil || err.Error() != "not connected" {
		t.Errorf("Subscribe: %v", err)
	}
	if err := b.Publish("topic", &broker.Message{}); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Publish: %v", err)
	}
}

func TestMemoryQueueGroupTakesTurns(t *testing.T) {
	b := newMemory(t)
	var one, two, all log
	subscribe(t, b, "topic", one.handle, broker.Queue("q"))
	subscribe(t, b, "topic", two.handle, broker.Queue("q"))
	subscribe(t, b, "topic", all.handle)
	publish(t, b, "topic", "1", "2", "3", "4")
	if !slices.Equal(one.got(), []string{"1", "3"}) || !slices.Equal(two.got(), []string{"2", "4"}) || len(all.got()) != 4 {
		t.Errorf("got %v, %v and %v", one.got(), two.got(), all.got())
	}
}

func TestMemoryHandlerErrorGoesToThePublisher(t *testing.T) {
	b := newMemory(t)
	failure := errors.New("on purpose")
	var later log
	subscribe(t, b, "topic", func(broker.Event) error { return failure })
	subscribe(t, b, "topic", later.handle)
	if err := b.Publish("topic", &broker.Message{}); !errors.Is(err, failure) {
		t.Errorf("Publish: %v", err)
	}
	if len(later.got()) != 0 {
		t.Error("a later handler ran")
	}
}

func TestMemoryErrorHandlerLetsLaterHandlersRun(t *testing.T) {
	failure := errors.New("on purpose")
	var told []error
	b := newMemory(t, broker.ErrorHandler(func(e broker.Event) error { told = append(told, e.Error()); return nil }))
	var later log
	subscribe(t, b, "topic", func(broker.Event) error { return failure })
	subscribe(t, b, "topic", later.handle)
	publish(t, b, "topic", "x")
	if len(told) != 1 || !errors.Is(told[0], failure) || len(later.got()) != 1 {
		t.Errorf("told %v, later handler got %v", told, later.got())
	}
}

func TestMemoryPanicBecomesAnError(t *testing.T) {
	b := newMemory(t)
	subscribe(t, b, "topic", func(broker.Event) error { panic("on purpose") })
	if err := b.Publish("topic", &broker.Message{}); err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("Publish: %v", err)
	}
}

func TestMemoryUnsubscribeTakesEffectBeforeItReturns(t *testing.T) {
	b := newMemory(t)
	var got log
	for range 100 {
		s := subscribe(t, b, "topic", got.handle)
		for range 2 {
			if err := s.Unsubscribe(); err != nil {
				t.Fatal(err)
			}
		}
		publish(t, b, "topic", "x")
	}
	if len(got.got()) != 0 {
		t.Errorf("%d messages after Unsubscribe", len(got.got()))
	}
}

func TestMemorySubscriptionsStayOverADisconnect(t *testing.T) {
	b := newMemory(t)
	var got log
	subscribe(t, b, "topic", got.handle)
	if err := b.Disconnect(); err != nil {
		t.Fatal(err)
	}
	connect(t, b)
	publish(t, b, "topic", "x")
	eventuallyEqual(t, got.got, []string{"x"})
}

type badCodec struct{ json.Marshaler }

func (badCodec) Unmarshal([]byte, any) error { return errors.New("on purpose") }

func TestMemoryWithACodecDecodesEachTimeItIsAsked(t *testing.T) {
	b := newMemory(t, broker.Codec(json.Marshaler{}))
	var got log
	subscribe(t, b, "topic", func(e broker.Event) error {
		if once, again := e.Message(), e.Message(); once == again {
			t.Error("Message does not decode each time")
		}
		return got.handle(e)
	})
	publish(t, b, "topic", "x")
	eventuallyEqual(t, got.got, []string{"x"})

	bad := newMemory(t, broker.Codec(badCodec{}))
	subscribe(t, bad, "topic", func(e broker.Event) error {
		if e.Message() != nil {
			t.Error("an undecodable message is not nil")
		}
		return nil
	})
	publish(t, bad, "topic", "x")
}

func TestBrokersWorkWithoutALogger(t *testing.T) {
	b := newMemory(t, broker.Logger(nil), broker.Codec(badCodec{}))
	subscribe(t, b, "topic", func(e broker.Event) error {
		if e.Message() != nil {
			t.Error("decoded")
		}
		return nil
	})
	publish(t, b, "topic", "x")

	taken := map[string]http.Handler{broker.DefaultPath: http.NotFoundHandler()}
	broker.NewBroker(broker.Logger(nil), func(o *broker.Options) {
		o.Context = context.WithValue(o.Context, "http_handlers", taken) //nolint:staticcheck // the key is known to programs
	})
}

func TestMemoryMayBeUsedConcurrently(t *testing.T) {
	b := newMemory(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				s := subscribe(t, b, "topic", new(log).handle, broker.Queue("q"))
				publish(t, b, "topic", "x")
				_ = s.Unsubscribe()
			}
		})
	}
	wg.Wait()
}

func Example() {
	b := broker.NewMemoryBroker()
	if err := b.Connect(); err != nil {
		fmt.Println(err)
	}
	defer b.Disconnect()
	for _, member := range []string{"one", "two"} {
		_, err := b.Subscribe("orders", func(e broker.Event) error {
			fmt.Printf("%s got %s\n", member, e.Message().Body)
			return nil
		}, broker.Queue("billing"))
		if err != nil {
			fmt.Println(err)
		}
	}
	for _, order := range []string{"tea", "coffee", "water"} {
		if err := b.Publish("orders", &broker.Message{Body: []byte(order)}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// one got tea
	// two got coffee
	// one got water
}

func TestMemoryHandlersRunInTheOrderOfTheirSubscriptions(t *testing.T) {
	b := newMemory(t)
	var order []int
	subs := map[int]broker.Subscriber{}
	for i := range 6 {
		opts := []broker.SubscribeOption{}
		if i == 2 || i == 4 {
			opts = append(opts, broker.Queue("q"))
		}
		subs[i] = subscribe(t, b, "topic", func(broker.Event) error { order = append(order, i); return nil }, opts...)
	}
	publish(t, b, "topic", "x")
	if want := []int{0, 1, 2, 3, 5}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	for _, i := range []int{1, 2} {
		if err := subs[i].Unsubscribe(); err != nil {
			t.Fatal(err)
		}
	}
	order = nil
	publish(t, b, "topic", "x")
	if want := []int{0, 4, 3, 5}; !slices.Equal(order, want) {
		t.Errorf("after two have left the order is %v, want %v", order, want)
	}
}

func TestMemoryMessageOfAMemberThatLeavesGoesToTheOneThatStays(t *testing.T) {
	b := newMemory(t)
	var leaving broker.Subscriber
	leaving = subscribe(t, b, "topic", func(broker.Event) error {
		if err := leaving.Unsubscribe(); err != nil {
			t.Error(err)
		}
		return broker.ErrUnsubscribed
	}, broker.Queue("q"))
	var got log
	subscribe(t, b, "topic", got.handle, broker.Queue("q"))
	publish(t, b, "topic", "x")
	if !slices.Equal(got.got(), []string{"x"}) {
		t.Errorf("the member that stays got %q", got.got())
	}
}

func TestMemoryMembersComeAndGoWhilePublishing(t *testing.T) {
	b := newMemory(t)
	var got atomic.Int64
	count := func(broker.Event) error { got.Add(1); return nil }
	subscribe(t, b, "topic", count, broker.Queue("q"))
	var churn sync.WaitGroup
	for range 4 {
		churn.Go(func() {
			for range 200 {
				one, err := b.Subscribe("topic", count, broker.Queue("q"))
				two, err2 := b.Subscribe("topic", func(broker.Event) error { return nil })
				if err != nil || err2 != nil {
					t.Error(err, err2)
					return
				}
				_, _ = two.Unsubscribe(), one.Unsubscribe()
			}
		})
	}
	for range 1000 {
		publish(t, b, "topic", "x")
	}
	churn.Wait()
	if n := got.Load(); n != 1000 {
		t.Errorf("the group got %d of 1000 messages", n)
	}
}
