package micro_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Trouble is a subscriber whose methods fail in their ways, but one.
type Trouble struct{ *inbox }

func (Trouble) Fail(context.Context, *Note) error                  { return errors.New("refused") }
func (Trouble) Misread(context.Context, *struct{ Text int }) error { return nil }
func (Trouble) Panic(context.Context, *Note) error                 { panic("boom") }
func (t Trouble) Work(_ context.Context, n *Note) error            { t.add(n.Text); return nil }

// TestFailingSubscribersDoNotSkipTheOthers also covers panics and messages that
// one of the subscribers cannot decode.
func TestFailingSubscribersDoNotSkipTheOthers(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		var got, told inbox
		onError := broker.ErrorHandler(func(e broker.Event) error {
			told.add(e.Error().Error())
			return nil
		})
		b.serviceOn(b.broker(onError), func(s server.Server) error {
			return errors.Join(
				micro.RegisterSubscriber("notes", s, Trouble{&got}),
				micro.RegisterSubscriber("notes", s, got.receive),
			)
		})
		publish(t, b.publisher(), "notes", "a", "b")
		got.want(t, "a", "a", "b", "b")
		for _, text := range told.got() {
			for _, part := range []string{"subscriber error: ", "refused", "decode message on topic notes", "boom"} {
				if !strings.Contains(text, part) {
					t.Errorf("the error is %s, want %q in it", text, part)
				}
			}
		}
		if len(told.got()) != 2 {
			t.Errorf("the error handler was told %q", told.got())
		}
	})
}

// Without an ErrorHandler the memory broker gives the error to the publisher.
func TestErrorOfASubscriberReachesThePublisherOverTheMemoryBroker(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		b.service(func(s server.Server) error {
			return micro.RegisterSubscriber("notes", s, func(context.Context, *Note) error { panic("boom") })
		})
		err := micro.NewEvent("notes", b.publisher()).Publish(t.Context(), &Note{})
		if b.name == "memory" && (err == nil || !strings.Contains(err.Error(), "panic recovered: boom")) {
			t.Errorf("the memory broker returned %v", err)
		}
		if b.name == "http" && err != nil {
			t.Errorf("the http broker returned %v", err)
		}
	})
}

// recorder is a broker that notes how it is subscribed to.
type recorder struct {
	broker.Broker
	options chan broker.SubscribeOptions
}

func (r *recorder) Subscribe(topic string, h broker.Handler, opts ...broker.SubscribeOption) (broker.Subscriber, error) {
	r.options <- broker.NewSubscribeOptions(opts...)
	return r.Broker.Subscribe(topic, h, opts...)
}

func TestSubscriberOptionsReachTheBroker(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, 1)
	for _, test := range []struct {
		name string
		opts []server.SubscriberOption
		want broker.SubscribeOptions
	}{
		{"defaults", nil, broker.SubscribeOptions{AutoAck: true, Context: context.Background()}},
		{"queue", []server.SubscriberOption{server.SubscriberQueue("q")}, broker.SubscribeOptions{AutoAck: true, Queue: "q", Context: context.Background()}},
		{"acknowledged by hand", []server.SubscriberOption{server.DisableAutoAck()}, broker.SubscribeOptions{Context: context.Background()}},
		{"context", []server.SubscriberOption{server.SubscriberContext(ctx)}, broker.SubscribeOptions{AutoAck: true, Context: ctx}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{broker.NewMemoryBroker(), make(chan broker.SubscribeOptions, 1)}
			var got inbox
			runningWith(t, func(s server.Server) error {
				return micro.RegisterSubscriber("notes", s, got.receive, test.opts...)
			}, inMemory(micro.Broker(r))...)
			if o := <-r.options; o != test.want {
				t.Errorf("subscribed with %+v, want %+v", o, test.want)
			}
		})
	}
}

// postOffice is a Router.
type postOffice struct{ inbox }

func (*postOffice) ServeRequest(context.Context, server.Request, server.Response) error {
	return errors.New("not a call")
}

func (p *postOffice) ProcessMessage(_ context.Context, m server.Message) error {
	text := string(m.Payload().(*bytes.Frame).Data)
	if strings.Contains(text, "panic") {
		panic("boom")
	}
	p.add(m.Topic() + " " + strings.TrimSpace(text))
	return nil
}

func TestRouterGetsTheMessagesOfItsService(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		r := new(postOffice)
		b.service(func(server.Server) error { return nil }, micro.AddListenOption(server.WithRouter(r)))
		publish(t, b.publisher(), "receiver", "a")
		r.want(t, `receiver {"text":"a"}`)
	})
}

func TestWrappersSeeThePanicOfARouterAsAnError(t *testing.T) {
	onBrokers(t, func(t *testing.T, b *bus) {
		seen := make(chan error, 1)
		b.service(func(server.Server) error { return nil }, micro.AddListenOption(server.WithRouter(new(postOffice))),
			micro.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
				return func(ctx context.Context, m server.Message) error {
					err := next(ctx, m)
					seen <- err
					return nil
				}
			}))
		publish(t, b.publisher(), "receiver", "panic")
		if err := <-seen; err == nil || !strings.Contains(err.Error(), "boom") {
			t.Errorf("the wrapper saw %v", err)
		}
	})
}

// The messages are posted as curl would, and a call follows over the same connection.
func TestAMessageMayBePostedToTheServerItself(t *testing.T) {
	var got inbox
	service := runningWith(t, func(s server.Server) error {
		return errors.Join(
			micro.RegisterHandler(s, Echo{}),
			micro.RegisterSubscriber("notes", s, got.receive),
			micro.RegisterSubscriber("trouble", s, Trouble{&got}),
		)
	}, inMemory(micro.Name("receiver"), micro.Transport(transport.NewHTTPTransport()))...)
	conn, err := net.Dial("tcp", service.Server().Options().Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	replies := bufio.NewReader(conn)
	post := func(headers, body string) (*http.Response, string) {
		t.Helper()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
		rsp, err := http.ReadResponse(replies, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer rsp.Body.Close()
		text, err := io.ReadAll(rsp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return rsp, string(text)
	}

	rsp, body := post("Micro-Topic: notes\r\nCustomer: John\r\n", `{"text":"a"}`)
	if rsp.StatusCode != 200 || body != "" || rsp.Header.Get("Customer") != "John" || rsp.Header.Get("Micro-Error") != "" {
		t.Errorf("replied %s %v %q", rsp.Status, rsp.Header, body)
	}
	rsp, body = post("Micro-Topic: trouble\r\n", `{"text":"b"}`)
	if text := rsp.Header.Get("Micro-Error"); rsp.StatusCode != 200 || body != "" || !strings.Contains(text, "subscriber error: ") {
		t.Errorf("replied %s %q with the error %q", rsp.Status, body, text)
	}
	rsp, _ = post("Micro-Topic: nobody\r\n", `{}`)
	if rsp.StatusCode != 200 || rsp.Header.Get("Micro-Error") != "" {
		t.Errorf("without a subscriber: %s %v", rsp.Status, rsp.Header)
	}
	rsp, _ = post("Micro-Topic: notes\r\n", `{"text":`)
	if text := rsp.Header.Get("Micro-Error"); !strings.Contains(text, "decode message on topic notes") {
		t.Errorf("a broken body was answered with %q", text)
	}
	got.want(t, "a", "b")
	_, body = post("Micro-Endpoint: Echo.Call\r\nMicro-Method: Echo.Call\r\nMicro-Service: receiver\r\nMicro-Id: 1\r\n", `{"Text":"on"}`)
	if strings.TrimSpace(body) != `{"Text":"on"}` {
		t.Errorf("the call after the messages was answered %q", body)
	}
}
