package server_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

func subscribe(t testing.TB, s server.Server, topic string, fn any, opts ...server.SubscriberOption) {
	t.Helper()
	if err := s.Subscribe(s.NewSubscriber(topic, fn, opts...)); err != nil {
		t.Fatalf("subscribe: %v", err)
	}
}

func eventMessage(topic, body string) *broker.Message {
	return &broker.Message{
		Header: map[string]string{"Micro-Topic": topic, "Content-Type": "application/json"},
		Body:   []byte(body),
	}
}

func publish(s server.Server, topic string, m *broker.Message) error {
	return s.Options().Broker.Publish(topic, m)
}

// Notes is a subscriber with methods.
type Notes struct{ got chan string }

func (n *Notes) First(_ context.Context, m *Text) error {
	n.got <- "first " + m.Text
	return nil
}

func (n *Notes) Second(_ context.Context, m Text) error {
	n.got <- "second " + m.Text
	return nil
}

func TestSubscribersReceiveBrokerMessages(t *testing.T) {
	s := newServer(t)
	got := make(chan string, 10)
	subscribe(t, s, "news", func(_ context.Context, m *Text) error {
		got <- "func " + m.Text
		return nil
	})
	subscribe(t, s, "notes", &Notes{got})
	start(t, s)
	for _, topic := range []string{"news", "notes", "other"} {
		if err := publish(s, topic, eventMessage(topic, `{"text":"x"}`)); err != nil {
			t.Errorf("publish %s: %v", topic, err)
		}
	}
	for _, want := range []string{"func x", "first x", "second x"} {
		if v := <-got; v != want {
			t.Errorf("got %q, want %q", v, want)
		}
	}
	if len(got) > 0 {
		t.Errorf("received twice: %s", <-got)
	}
}

func TestSubscribersOfOneTopicEachGetAMessageOnce(t *testing.T) {
	s := newServer(t)
	got := make(chan int, 10)
	for i := range 2 {
		subscribe(t, s, "news", func(context.Context, *Text) error {
			got <- i
			return nil
		})
	}
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
		t.Fatal(err)
	}
	if a, b := <-got, <-got; a == b || len(got) != 0 {
		t.Errorf("got %d and %d and %d more", a, b, len(got))
	}
}

func TestSubscriberOfAnExchangeIsReached(t *testing.T) {
	s := newServer(t)
	topics := make(chan string, 1)
	subscribe(t, s, "exchange", func(context.Context, *Text) error { return nil })
	if err := s.Init(server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, m server.Message) error {
			topics <- m.Topic()
			return next(ctx, m)
		}
	})); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	if err := publish(s, "exchange", eventMessage("topic", `{}`)); err != nil {
		t.Fatal(err)
	}
	if topic := <-topics; topic != "topic" {
		t.Errorf("topic %q, want that of the message", topic)
	}
}

func TestSubscribeOnARunningServerTakesEffectAtOnce(t *testing.T) {
	s := newServer(t)
	start(t, s)
	got := make(chan struct{}, 1)
	subscribe(t, s, "news", func(context.Context, *Text) error {
		got <- struct{}{}
		return nil
	})
	if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
		t.Fatal(err)
	}
	<-got
	testkit.Eventually(t, "the registry lists the subscriber", func() bool {
		services, _ := s.Options().Registry.GetService("test")
		return len(services) == 1 && len(services[0].Endpoints) == 1
	})
}

func TestInitKeepsSubscribers(t *testing.T) {
	s := newServer(t)
	got := make(chan struct{}, 1)
	subscribe(t, s, "news", func(context.Context, *Text) error {
		got <- struct{}{}
		return nil
	})
	if err := s.Init(server.Version("2")); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
		t.Fatal(err)
	}
	<-got
}

func TestStoppedServerReceivesNothing(t *testing.T) {
	s := newServer(t)
	subscribe(t, s, "news", func(context.Context, *Text) error { return errors.New("received") })
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{}`)); err == nil {
		t.Error("the subscriber's error did not reach the broker")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	b := s.Options().Broker
	if err := b.Connect(); err != nil {
		t.Fatal(err)
	}
	if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
		t.Errorf("after Stop: %v", err)
	}
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{}`)); err == nil {
		t.Error("after another Start nothing is received")
	}
}

func TestErrorsOfSubscribersAreReturnedToTheBroker(t *testing.T) {
	const panicked = `{"id":"go.micro.server","code":500,"detail":"panic recovered: boom","status":"Internal Server Error"}`
	fail := func(context.Context, *Text) error { return errors.New("one 100%") }
	for _, test := range []struct {
		name string
		fns  any
		body string
		want string
	}{
		{"error", fail, `{}`, `{"id":"go.micro.server","code":500,"detail":"subscriber error: one 100%","status":"Internal Server Error"}`},
		{"panic", func(context.Context, *Text) error { panic("boom") }, `{}`, panicked},
		{"several", &Failing{}, `{}`, `{"id":"go.micro.server","code":500,"detail":"subscriber error: a\nb","status":"Internal Server Error"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			subscribe(t, s, "news", test.fns)
			start(t, s)
			err := publish(s, "news", eventMessage("news", test.body))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// Failing is a subscriber whose methods all fail.
type Failing struct{}

func (*Failing) A(context.Context, *Text) error { return errors.New("a") }
func (*Failing) B(context.Context, *Text) error { return errors.New("b") }

// Mixed has one function that cannot decode what the others can.
type Mixed struct{ got chan string }

func (m *Mixed) A(context.Context, *struct{ Text int }) error { return nil }
func (m *Mixed) B(_ context.Context, t *Text) error {
	m.got <- t.Text
	return nil
}

func TestUndecodableMessageDoesNotSkipOtherHandlers(t *testing.T) {
	s := newServer(t)
	m := &Mixed{make(chan string, 1)}
	subscribe(t, s, "news", m)
	start(t, s)
	err := publish(s, "news", eventMessage("news", `{"text":"x"}`))
	if err == nil || !strings.Contains(err.Error(), "decode message on topic news") {
		t.Errorf("got %v", err)
	}
	if got := <-m.got; got != "x" {
		t.Errorf("the second function got %q", got)
	}
}

// Both is a subscriber with two methods of the same form.
type Both struct{}

func (*Both) A(context.Context, *Text) error { return nil }
func (*Both) B(context.Context, *Text) error { return nil }

func TestSubscriberWrappersGetACopyOfTheMessage(t *testing.T) {
	s := newServer(t, server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, m server.Message) error {
			var again Text
			for range 2 { // the reader is a fresh one each time
				if err := m.Codec().ReadBody(&again); err != nil {
					return err
				}
			}
			foo, _ := metadata.Get(ctx, "Foo")
			got := fmt.Sprint(m.Topic(), m.ContentType(), m.Payload().(*Text).Text, m.Header()["Foo"], string(m.Body()), again.Text, foo)
			if want := `newsapplication/jsonxbar{"text":"x"}xbar`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			m.Header()["Foo"] = "changed" // of this function's copy
			return next(ctx, m)
		}
	}))
	subscribe(t, s, "news", &Both{})
	start(t, s)
	m := eventMessage("news", `{"text":"x"}`)
	m.Header["Foo"] = "bar"
	if err := publish(s, "news", m); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstSubscriberWrapperIsOutermost(t *testing.T) {
	var order []string
	wrapper := func(name string) server.Option {
		return server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
			return func(ctx context.Context, m server.Message) error {
				order = append(order, name)
				return next(ctx, m)
			}
		})
	}
	s := newServer(t, wrapper("outer"), wrapper("inner"))
	subscribe(t, s, "news", func(context.Context, *Text) error { return nil })
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(order) != "[outer inner]" {
		t.Errorf("order %v", order)
	}
}

func TestSubscribersMustHaveTheirForm(t *testing.T) {
	s := newServer(t)
	for _, fn := range []any{
		nil, 1, struct{}{}, func() {},
		func(context.Context) error { return nil },
		func(*Text) error { return nil },
		func(context.Context, *Text) {},
		func(context.Context, *Text, *Text) error { return nil },
		func(string, *Text) error { return nil },
		(func(context.Context, *Text) error)(nil),
	} {
		if s.Subscribe(s.NewSubscriber("news", fn)) == nil {
			t.Errorf("%T was accepted", fn)
		}
	}
}

func TestEventsOverTheTransportAreAnswered(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		s := newServer(t, opt)
		got := make(chan string, 10)
		subscribe(t, s, "news", func(_ context.Context, m *Text) error {
			got <- m.Text
			if m.Text == "bad" {
				return errors.New("refused")
			}
			return nil
		})
		handle(t, s, newEcho())
		start(t, s)
		p := dial(t, s)
		h := header{"Micro-Topic": "news", "Content-Type": "application/json", "Foo": "bar"}
		m := p.call(h, `{"text":"x"}`)
		if v := <-got; v != "x" || len(m.Body) != 0 || value(m, "Foo") != "bar" || value(m, "Micro-Topic") != "news" || value(m, "Micro-Error") != "" {
			t.Errorf("received %q, reply %v %q", v, m.Header, m.Body)
		}
		p.wantError(p.call(h, `{"text":"bad"}`), "subscriber error: refused")
		p.wantError(p.call(header{"Micro-Topic": "news", "Content-Type": "odd"}, ``), "unsupported Content-Type: odd")
		p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"on"}`), `{"text":"on"}`)
	})
}

// everything is a Router that shows what it was given.
type everything struct {
	requests chan string
	messages chan string
}

func (r *everything) ServeRequest(_ context.Context, req server.Request, rsp server.Response) error {
	b, err := req.Read()
	if err != nil {
		return err
	}
	r.requests <- req.Endpoint() + " " + string(b)
	rsp.WriteHeader(map[string]string{"Foo": "bar"})
	return rsp.Write([]byte("routed"))
}

func (r *everything) ProcessMessage(_ context.Context, m server.Message) error {
	if string(m.Body()) == "panic" {
		panic("router")
	}
	r.messages <- m.Topic() + " " + string(m.Payload().(*bytes.Frame).Data)
	return nil
}

func TestARouterIsCalledInsideTheWrappers(t *testing.T) {
	seen := make(chan error, 10)
	r := &everything{make(chan string, 10), make(chan string, 10)}
	p := serve(t, newEcho(), server.WithRouter(r),
		server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			return func(ctx context.Context, req server.Request, rsp any) error {
				err := next(ctx, req, rsp)
				seen <- err
				return err
			}
		}),
		server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
			return func(ctx context.Context, m server.Message) error {
				err := next(ctx, m)
				seen <- err
				return err
			}
		}))
	m := p.call(jsonHeader("Any.Thing", "1"), "body")
	want := header{"Content-Type": "application/json", "Foo": "bar", "Micro-ID": "1", "X-Micro-ID": "1"}
	if !maps.Equal(m.Header, want) || string(m.Body) != "routed" {
		t.Errorf("got %v %q", m.Header, m.Body)
	}
	if got := <-r.requests; got != "Any.Thing body" || <-seen != nil {
		t.Errorf("routed %q", got)
	}
	if err := publish(p.server, "test", eventMessage("own", "data")); err != nil {
		t.Fatal(err)
	}
	if got := <-r.messages; got != "own data" || <-seen != nil {
		t.Errorf("routed %q", got)
	}
	err := publish(p.server, "test", eventMessage("own", "panic"))
	if err == nil || !strings.Contains(err.Error(), "panic recovered: router") {
		t.Errorf("got %v", err)
	}
	if err := <-seen; err == nil {
		t.Error("the wrapper did not see the router's panic")
	}
}

func TestStreamThroughRouterIsEnded(t *testing.T) {
	r := &everything{make(chan string, 10), make(chan string, 10)}
	p := serve(t, newEcho(), server.WithRouter(r))
	m := p.call(streamHeader("Any.Thing", "1"), "x")
	p.wantBody(m, "routed")
	p.wantError(p.recv(), "EOS")
}

func TestEventMayCloseTheConnection(t *testing.T) {
	s := newServer(t)
	start(t, s)
	p := dial(t, s)
	m := p.call(header{"Micro-Topic": "none", "Connection": "close", "Authorization": "secret"}, "")
	if value(m, "Micro-Error") != "" || value(m, "Authorization") != "" {
		t.Errorf("reply %v", m.Header)
	}
	p.closedByServer()
}

func TestASubscriberWithoutATopicIsRefused(t *testing.T) {
	s := newServer(t)
	start(t, s)
	if err := s.Subscribe(s.NewSubscriber("", func(context.Context, *Text) error { return nil })); err == nil {
		t.Fatal("it was taken")
	}
	subscribe(t, s, "news", func(context.Context, *Text) error { return nil }) // registers all that there are
}
