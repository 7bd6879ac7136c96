package server_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// uses are the ways in which code that a server calls may use that server.
var uses = map[string]func(s server.Server, n int64){
	"Options":   func(s server.Server, _ int64) { _ = s.Options() },
	"Init":      func(s server.Server, _ int64) { _ = s.Init(server.Metadata(map[string]string{"k": "v"})) },
	"Handle":    func(s server.Server, _ int64) { _ = s.Handle(s.NewHandler(new(Raw))) },
	"Subscribe": func(s server.Server, n int64) { _ = s.Subscribe(s.NewSubscriber(fmt.Sprint("topic", n), ignore)) },
	"Start":     func(s server.Server, _ int64) { _ = s.Start() },
}

func ignore(context.Context, *Text) error { return nil }

// places are where a server calls code of others.
var places = map[string]func(use func()) []server.Option{
	"a handler wrapper": func(use func()) []server.Option {
		return []server.Option{server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc { use(); return next })}
	},
	"a subscriber wrapper": func(use func()) []server.Option {
		return []server.Option{server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc { use(); return next })}
	},
	"an option": func(use func()) []server.Option {
		return []server.Option{func(*server.Options) { use() }}
	},
	"the check": func(use func()) []server.Option {
		return []server.Option{server.RegisterCheck(func(context.Context) error { use(); return nil })}
	},
	"the logger": func(use func()) []server.Option {
		return []server.Option{server.WithLogger(usingLogger{quiet(), use})}
	},
	"the registry": func(use func()) []server.Option {
		return []server.Option{server.Registry(usingRegistry{registry.NewMemoryRegistry(), use})}
	},
	"the broker": func(use func()) []server.Option {
		return []server.Option{server.Broker(usingBroker{broker.NewMemoryBroker(), use})}
	},
}

type usingLogger struct {
	logger.Logger
	use func()
}

func (l usingLogger) Logf(level logger.Level, format string, v ...any) { l.use() }

type usingRegistry struct {
	registry.Registry
	use func()
}

func (r usingRegistry) Register(s *registry.Service, o ...registry.RegisterOption) error {
	r.use()
	return r.Registry.Register(s, o...)
}

func (r usingRegistry) Deregister(s *registry.Service, o ...registry.DeregisterOption) error {
	r.use()
	return r.Registry.Deregister(s, o...)
}

type usingBroker struct {
	broker.Broker
	use func()
}

func (b usingBroker) Disconnect() error { b.use(); return b.Broker.Disconnect() }

func (b usingBroker) Subscribe(topic string, h broker.Handler, o ...broker.SubscribeOption) (broker.Subscriber, error) {
	b.use()
	s, err := b.Broker.Subscribe(topic, h, o...)
	return usingSubscriber{s, b.use}, err
}

type usingSubscriber struct {
	broker.Subscriber
	use func()
}

func (s usingSubscriber) Unsubscribe() error { s.use(); return s.Subscriber.Unsubscribe() }

func TestWhatAServerCallsMayUseTheServer(t *testing.T) {
	for place, options := range places {
		for name, use := range uses {
			t.Run(name+" in "+place, func(t *testing.T) {
				inTime(t, func(t *testing.T, b *timed) {
					s := b.server()
					handle(t, s, newEcho())
					subscribe(t, s, "news", ignore)
					var n atomic.Int64
					returns(t, func() {
						// It is called again because of what it does, for some time.
						err := s.Init(options(func() {
							if n.Add(1) <= 20 {
								use(s, n.Load())
							}
						})...)
						if err != nil {
							t.Errorf("init: %v", err)
						}
						start(t, s)
						p := dial(t, s)
						p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
						if err := s.Stop(); err != nil {
							t.Errorf("stop: %v", err)
						}
					})
					if n.Load() == 0 {
						t.Error("it was not called")
					}
				})
			})
		}
	}
}

// returns fails t when fn does not return.
func returns(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(testkit.Patience):
		t.Fatal("deadlock")
	}
}

func TestAnOptionThatChangesTheServerEachTimeIsAnError(t *testing.T) {
	s := newServer(t)
	returns(t, func() {
		err := s.Init(func(*server.Options) { _ = s.Init(server.Version("2")) })
		if err == nil {
			t.Error("no error")
		}
	})
	if v := s.Options().Version; v != "2" {
		t.Errorf("version %q", v)
	}
}

func TestACheckMaySubscribeAndStop(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		var srv server.Server
		stop := make(chan bool, 2)
		stopped := make(chan error, 1)
		srv = s.server(server.RegisterCheck(func(context.Context) error {
			if <-stop {
				stopped <- srv.Stop()
				return nil
			}
			return srv.Subscribe(srv.NewSubscriber("news", ignore))
		}))
		stop <- false
		start(t, srv)
		if got := registered(t, srv).Endpoints; len(got) != 1 {
			t.Errorf("registered with the endpoints %v, want the subscriber of the check", got)
		}
		began := time.Now()
		stop <- true
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
		if d := time.Since(began) - 30*time.Second; d > 5*time.Second { // the next check comes after 30 seconds
			t.Errorf("Stop within a check took %v", d)
		}
	})
}

func TestASubscriptionOfARunningServerIsMadeOnce(t *testing.T) {
	b := &countingBroker{Broker: broker.NewMemoryBroker()}
	s := newServer(t, server.Broker(b))
	start(t, s)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { subscribe(t, s, fmt.Sprint("topic", i), ignore) })
	}
	all.Wait()
	if n := b.made.Load(); n != 50 {
		t.Errorf("%d subscriptions were made, want 50", n)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := b.ended.Load(); n != 50 {
		t.Errorf("%d subscriptions were ended, want 50", n)
	}
}

type countingBroker struct {
	broker.Broker
	made, ended atomic.Int64
}

func (b *countingBroker) Subscribe(topic string, h broker.Handler, o ...broker.SubscribeOption) (broker.Subscriber, error) {
	b.made.Add(1)
	s, err := b.Broker.Subscribe(topic, h, o...)
	return usingSubscriber{s, func() { b.ended.Add(1) }}, err
}

func TestConcurrentChangesAreAllKept(t *testing.T) {
	s := newServer(t)
	handle(t, s, newEcho())
	var calls, changes atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			err := s.Init(server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
				return func(ctx context.Context, req server.Request, rsp any) error {
					calls.Add(1)
					return next(ctx, req, rsp)
				}
			}))
			if err != nil {
				t.Error(err)
			}
			changes.Add(1)
		})
		all.Go(func() { subscribe(t, s, fmt.Sprint("topic", i), ignore) })
	}
	all.Wait()
	start(t, s)
	p := dial(t, s)
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
	if calls.Load() != 20 {
		t.Errorf("%d of 20 wrappers are in force", calls.Load())
	}
	if n := len(registered(t, s).Endpoints); n != 8+20 {
		t.Errorf("%d endpoints are registered, want those of the handler and 20 subscribers", n)
	}
}
