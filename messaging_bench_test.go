package micro_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// BenchmarkPublishToHandler measures a message from Event.Publish to the return
// of its subscriber: one at a time, and as many as the broker takes.
func BenchmarkPublishToHandler(b *testing.B) {
	quiet := logger.NewLogger(logger.WithLevel(logger.ErrorLevel))
	for _, kind := range []struct {
		name        string
		subscribers broker.Broker
		publishers  broker.Broker // nil: the same
	}{
		{"memory", broker.NewMemoryBroker(), nil},
		{"http", broker.NewBroker(), broker.NewBroker()},
	} {
		if kind.publishers == nil {
			kind.publishers = kind.subscribers
		}
		reg := registry.NewMemoryRegistry()
		handled := make(chan struct{}, 1024)
		opts := func(on broker.Broker) []micro.Option {
			return inMemory(micro.Registry(reg), micro.Broker(on), micro.Logger(quiet))
		}
		runningWith(b, func(s server.Server) error {
			return micro.RegisterSubscriber("notes", s, func(context.Context, *Note) error {
				handled <- struct{}{}
				return nil
			}, server.SubscriberQueue("workers"))
		}, opts(kind.subscribers)...)
		event := micro.NewEvent("notes", micro.NewService(opts(kind.publishers)...).Client())
		b.Cleanup(func() { _ = kind.publishers.Disconnect() })
		note := &Note{Text: "the quick brown fox"}

		b.Run(kind.name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := event.Publish(context.Background(), note); err != nil {
					b.Fatal(err)
				}
				<-handled
			}
		})
		b.Run(kind.name+"/many", func(b *testing.B) {
			b.ReportAllocs()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range b.N {
					<-handled
				}
			}()
			var failed atomic.Pointer[error]
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := event.Publish(context.Background(), note); err != nil {
						failed.Store(&err)
					}
				}
			})
			if err := failed.Load(); err != nil {
				b.Fatal(*err)
			}
			<-done
		})
	}
}
