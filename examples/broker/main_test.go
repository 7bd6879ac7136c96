package main

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const three = "received message 1, id 1\nreceived message 2, id 2\nreceived message 3, id 3\n"

func TestPublisherAndSubscriberWorkInOneProcess(t *testing.T) {
	out := new(testkit.Buffer)
	b := broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()))
	if err := run(context.Background(), []string{"-count=3", "-interval=1ms"}, out, b); err != nil {
		t.Fatal(err)
	}
	if out.String() != three {
		t.Errorf("the output is\n%s", out)
	}
}

func TestASubscriberReceivesWhatAnotherProcessPublishes(t *testing.T) {
	r := registry.NewMemoryRegistry()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := new(testkit.Buffer), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"subscribe", "-queue=workers"}, out, broker.NewBroker(broker.Registry(r)))
	}()
	testkit.Eventually(t, "the subscription is registered", func() bool {
		services, err := r.GetService("micro.http.broker")
		return err == nil && len(services) == 1
	})
	err := run(ctx, []string{"publish", "-count=3", "-interval=1ms"}, out, broker.NewBroker(broker.Registry(r)))
	if err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if out.String() != three {
		t.Errorf("the output is\n%s", out)
	}
}
