package micro_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// Note is the message of these tests.
type Note struct {
	Text string `json:"text"`
}

// inbox collects what subscribers received.
type inbox struct {
	mu    sync.Mutex
	notes []string
}

func (i *inbox) add(text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.notes = append(i.notes, text)
}

func (i *inbox) got() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.notes)
}

// receive is a subscriber.
func (i *inbox) receive(_ context.Context, n *Note) error {
	i.add(n.Text)
	return nil
}

// want waits for the notes, in any order, and no others.
func (i *inbox) want(t *testing.T, notes ...string) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d notes arrive", len(notes)), func() bool { return len(i.got()) >= len(notes) })
	got := i.got()
	slices.Sort(got)
	slices.Sort(notes)
	if !slices.Equal(got, notes) {
		t.Errorf("received %q, want %q", got, notes)
	}
}

// bus is a registry and a kind of broker for several services.
type bus struct {
	t        *testing.T
	registry registry.Registry
	broker   func(...broker.Option) broker.Broker
	name     string
}

// onBrokers runs a test with each of the built-in brokers.
func onBrokers(t *testing.T, test func(t *testing.T, b *bus)) {
	t.Run("memory", func(t *testing.T) {
		shared := broker.NewMemoryBroker()
		test(t, &bus{t, registry.NewMemoryRegistry(), func(opts ...broker.Option) broker.Broker {
			if err := shared.Init(opts...); err != nil {
				t.Error(err)
			}
			return shared
		}, "memory"})
	})
	t.Run("http", func(t *testing.T) { test(t, newHTTPBus(t)) })
}

func newHTTPBus(t *testing.T) *bus {
	return &bus{t, registry.NewMemoryRegistry(), broker.NewBroker, "http"}
}

// service runs a service whose subscribers are added by subscribe.
func (b *bus) service(subscribe func(s server.Server) error, opts ...micro.Option) micro.Service {
	b.t.Helper()
	return b.serviceOn(b.broker(), subscribe, opts...)
}

func (b *bus) serviceOn(on broker.Broker, subscribe func(s server.Server) error, opts ...micro.Option) micro.Service {
	b.t.Helper()
	opts = append(inMemory(micro.Name("receiver"), micro.Registry(b.registry), micro.Broker(on)), opts...)
	return runningWith(b.t, subscribe, opts...)
}

// publisher returns the client of a service that does not run.
func (b *bus) publisher() client.Client {
	own := b.broker()
	service := micro.NewService(inMemory(micro.Registry(b.registry), micro.Broker(own))...)
	b.t.Cleanup(func() {
		if err := own.Disconnect(); err != nil {
			b.t.Error(err)
		}
		_ = service.Client().Options().Selector.Close()
	})
	return service.Client()
}

// runningWith runs a service until the test ends.
func runningWith(t testing.TB, prepare func(server.Server) error, opts ...micro.Option) micro.Service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	opts = append(opts, micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))
	service := micro.NewService(opts...)
	if err := prepare(service.Server()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Run() }()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("service ended: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return service
}

func publish(t *testing.T, c client.Client, topic string, texts ...string) {
	t.Helper()
	event := micro.NewEvent(topic, c)
	for _, text := range texts {
		if err := event.Publish(t.Context(), &Note{text}); err != nil {
			t.Fatalf("publish %s: %v", text, err)
		}
	}
}

// Desk is a subscriber with methods, one of which takes the message by value.
type Desk struct{ *inbox }

func (d Desk) File(_ context.Context, n Note) error    { d.add("file " + n.Text); return nil }
func (d Desk) Answer(_ context.Context, n *Note) error { d.add("answer " + n.Text); return nil }

func TestSubscribersReallyAreDispatched(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var got inbox
		b.service(func(s server.Server) error {
			return errors.Join(
				micro.RegisterSubscriber("notes", s, func(_ context.Context, n *Note) error { got.add("func " + n.Text); return nil }),
				micro.RegisterSubscriber("notes", s, Desk{&got}),
				micro.RegisterSubscriber("others", s, got.receive),
			)
		})
		publish(t, b.publisher(), "notes", "a", "b")
		got.want(t, "func a", "file a", "answer a", "func b", "file b", "answer b")
	})
}

func TestQueueGetsEachMessageOnce(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var first, second, both, everything inbox
		member := func(own *inbox) func(context.Context, *Note) error {
			return func(_ context.Context, n *Note) error {
				own.add(n.Text)
				both.add(n.Text)
				return nil
			}
		}
		for _, own := range []*inbox{&first, &second} {
			b.service(func(s server.Server) error {
				return micro.RegisterSubscriber("notes", s, member(own), server.SubscriberQueue("workers"))
			})
		}
		b.service(func(s server.Server) error { return micro.RegisterSubscriber("notes", s, everything.receive) })
		var texts []string
		c := b.publisher()
		for i := range 40 { // one by one, so that the http broker does not send them in one batch
			texts = append(texts, fmt.Sprint(i))
			publish(t, c, "notes", texts[i])
			both.want(t, slices.Clone(texts)...)
		}
		everything.want(t, texts...)
		if len(first.got()) == 0 || len(second.got()) == 0 {
			t.Errorf("one member got %d messages and the other %d", len(first.got()), len(second.got()))
		}
	})
}

func TestSubscribeOnARunningServiceTakesEffectAtOnce(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		service := b.service(func(server.Server) error { return nil })
		var got inbox
		if err := micro.RegisterSubscriber("notes", service.Server(), got.receive); err != nil {
			t.Fatal(err)
		}
		publish(t, b.publisher(), "notes", "a")
		got.want(t, "a")
	})
}

// TestExchangeReachesTheSubscriberOfTheBrokerTopic holds for brokers that
// rewrite Micro-Topic and for those that leave it alone.
func TestExchangeReachesTheSubscriberOfTheBrokerTopic(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var got, other inbox
		b.service(func(s server.Server) error {
			return errors.Join(
				micro.RegisterSubscriber("exchange", s, got.receive),
				micro.RegisterSubscriber("notes", s, other.receive),
			)
		})
		c := b.publisher()
		if err := micro.NewEvent("notes", c).Publish(t.Context(), &Note{"a"}, client.WithExchange("exchange")); err != nil {
			t.Fatal(err)
		}
		got.want(t, "a")
		publish(t, c, "notes", "b")
		other.want(t, "b")
	})
}

func TestMetadataTravelsWithAMessage(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		seen := make(chan metadata.Metadata, 1)
		b.service(func(s server.Server) error {
			return micro.RegisterSubscriber("notes", s, func(ctx context.Context, _ *Note) error {
				md, _ := metadata.FromContext(ctx)
				seen <- md
				return nil
			})
		})
		ctx := metadata.NewContext(t.Context(), metadata.Metadata{
			"customer": "John", "Connection": "close", "Timeout": "1", "Micro-Stream": "1", "Micro-Error": "x", ":path": "/",
		})
		if err := micro.NewEvent("notes", b.publisher()).Publish(ctx, &Note{}); err != nil {
			t.Fatal(err)
		}
		md := <-seen
		if len(md["Micro-Id"]+md["Micro-ID"]) != 36 {
			t.Errorf("the id of the message is %q", md)
		}
		maps.DeleteFunc(md, func(name, _ string) bool { return strings.EqualFold(name, "Micro-ID") })
		want := metadata.Metadata{"Customer": "John", "Content-Type": "application/json", "Micro-Topic": "notes"}
		if !maps.Equal(md, want) {
			t.Errorf("metadata %v, want %v", md, want)
		}
	})
}

func TestSubscriberWrappersSeeTheMessage(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var order inbox
		wrapper := func(name string) server.SubscriberWrapper {
			return func(next server.SubscriberFunc) server.SubscriberFunc {
				return func(ctx context.Context, m server.Message) error {
					order.add(fmt.Sprintf("%s %s %s %s", name, m.Topic(), m.ContentType(), m.Payload().(*Note).Text))
					return next(ctx, m)
				}
			}
		}
		b.service(func(s server.Server) error {
			return micro.RegisterSubscriber("notes", s, func(context.Context, *Note) error { order.add("subscriber"); return nil })
		}, micro.WrapSubscriber(wrapper("outer"), wrapper("inner")))
		publish(t, b.publisher(), "notes", "a")
		testkit.Eventually(t, "the subscriber is called", func() bool { return len(order.got()) == 3 })
		want := []string{"outer notes application/json a", "inner notes application/json a", "subscriber"}
		if got := order.got(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestEachHandlerSeesItsOwnHeaderCopy(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var seen inbox
		b.service(func(s server.Server) error {
			var got inbox
			return errors.Join(
				micro.RegisterSubscriber("notes", s, Desk{&got}),
				micro.RegisterSubscriber("notes", s, got.receive),
			)
		}, micro.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
			return func(ctx context.Context, m server.Message) error {
				seen.add(m.Header()["Mark"])
				m.Header()["Mark"] = "changed"
				md, _ := metadata.FromContext(ctx)
				seen.add(md["Mark"])
				return next(ctx, m)
			}
		}))
		publish(t, b.publisher(), "notes", "a")
		seen.want(t, "", "", "", "", "", "")
	})
}

func TestTheBrokerOfAServiceListensAndAdvertisesAsItsServer(t *testing.T) {
	for _, tt := range []struct {
		name               string
		opts               []micro.Option
		listens, registers string
	}{
		{"by default", nil, "::", ""},
		{"the server's host", []micro.Option{micro.Address("127.0.0.1:0")}, "127.0.0.1", "127.0.0.1"},
		{"what the server advertises", []micro.Option{micro.AddListenOption(server.Advertise("10.1.2.3:99"))}, "::", "10.1.2.3"},
		{"an address of its own", []micro.Option{micro.Address("127.0.0.1:0"), micro.Broker(broker.NewBroker(broker.Addrs(":0")))}, "::", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := registry.NewMemoryRegistry()
			b := broker.NewBroker()
			opts := append([]micro.Option{micro.Registry(r), micro.Broker(b), micro.Name("placed")}, tt.opts...)
			started := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			service := micro.NewService(append(opts, micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))...)
			if err := micro.RegisterSubscriber("notes", service.Server(), func(context.Context, *Note) error { return nil }); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- service.Run() }()
			select {
			case <-started:
			case err := <-done:
				t.Fatal(err)
			}
			listening, _, err := net.SplitHostPort(service.Options().Broker.Address())
			if err != nil || listening != tt.listens {
				t.Errorf("the broker listens on %q, %v, want %q", listening, err, tt.listens)
			}
			services, err := r.GetService("micro.http.broker")
			if err != nil {
				t.Fatal(err)
			}
			registered, _, err := net.SplitHostPort(services[0].Nodes[0].Address)
			if ip := net.ParseIP(registered); err != nil || ip.IsUnspecified() || tt.registers != "" && registered != tt.registers {
				t.Errorf("the broker registered %q, %v, want %q", registered, err, tt.registers)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMessageBeforeItsSubscriberWaits(t *testing.T) {
	b := newHTTPBus(t)
	c := b.publisher()
	if err := micro.NewEvent("notes", c).Publish(t.Context(), &Note{"early"}); err != nil {
		t.Errorf("publish without any subscriber: %v", err)
	}
	var got inbox
	b.service(func(s server.Server) error { return micro.RegisterSubscriber("notes", s, got.receive) })
	publish(t, c, "notes", "late")
	got.want(t, "early", "late")
}

func TestStopFinishesTheMessageInHand(t *testing.T) {
	b := newHTTPBus(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var got inbox
	stopped := make(chan struct{})
	c := b.publisher()
	t.Run("service", func(t *testing.T) {
		b.t = t
		b.service(func(s server.Server) error {
			return micro.RegisterSubscriber("notes", s, func(ctx context.Context, n *Note) error {
				close(begun)
				<-goOn
				if ctx.Err() == nil {
					got.add(n.Text)
				}
				return nil
			})
		}, micro.BeforeStop(func() error { close(stopped); return nil }))
		publish(t, c, "notes", "a")
		<-begun
		go func() { <-stopped; close(goOn) }()
	}) // which stops the service
	got.want(t, "a")
}
