package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
)

// handlerBroker shows the handlers it was given.
type handlerBroker struct {
	broker.Broker
	handlers chan broker.Handler
}

func (b handlerBroker) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	b.handlers <- h
	return b.Broker.Subscribe(topic, h, opts...)
}

// lateEvent arrives when the server has stopped.
type lateEvent struct{ message *broker.Message }

func (e lateEvent) Topic() string            { return "topic" }
func (e lateEvent) Message() *broker.Message { return e.message }
func (e lateEvent) Ack() error               { return nil }
func (e lateEvent) Error() error             { return nil }

func TestMessageAfterStopIsNotTakenAndLost(t *testing.T) {
	b := handlerBroker{broker.NewMemoryBroker(), make(chan broker.Handler, 1)}
	s := newServer(t, server.Broker(b))
	subscribe(t, s, "topic", func(context.Context, *Text) error {
		t.Error("the subscriber was called")
		return nil
	})
	start(t, s)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	h := <-b.handlers
	err := h(lateEvent{eventMessage("topic", `{"text":"x"}`)})
	if !errors.Is(err, broker.ErrUnsubscribed) {
		t.Errorf("the broker is told %v", err)
	}
	if e, ok := microerrors.As(err); !ok || e.Code != 503 {
		t.Errorf("the reason is %v", e)
	}
}
