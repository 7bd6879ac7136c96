package integration_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/broker"
	natsbroker "github.com/justcy/go-micro/v4/broker/nats"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/natsjs"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	natstransport "github.com/justcy/go-micro/v4/transport/nats"
)

// rawStream makes a stream as the driver does, and returns what the driver would
// publish.
func rawStream(b *testing.B, url string) (js jetstream.JetStream, subject string, encoded []byte) {
	b.Helper()
	js, err := jetstream.New(natsConn(b, url))
	must(b, err)
	subject = unique("raw-")
	_, err = js.CreateStream(b.Context(), jetstream.StreamConfig{Name: subject, Subjects: []string{subject}})
	must(b, err)
	event, err := events.NewEvent(subject, benchValue)
	must(b, err)
	encoded, err = json.Marshal(event)
	must(b, err)
	return js, subject, encoded
}

// BenchmarkJetStream compares with nats.go, which publishes bytes that are encoded
// already, and does not decode what it gets.
func BenchmarkJetStream(b *testing.B) {
	url := servers.NATS(b)
	js, subject, encoded := rawStream(b, url)
	for name, opts := range map[string]func() []jetstream.PublishOpt{
		"beside a library that lets doubles in": func() []jetstream.PublishOpt { return nil },
		"beside a library that does not": func() []jetstream.PublishOpt {
			return []jetstream.PublishOpt{jetstream.WithMsgID(uuid.NewString())}
		},
	} {
		b.Run("publish, waiting for each, "+name, func(b *testing.B) {
			s, topic := newJetStream(b, natsjs.SynchronousPublish(true)), unique("bench-")
			compare(b,
				func(int) error { return s.Publish(topic, benchValue) },
				func(int) error {
					_, err := js.Publish(context.Background(), subject, encoded, opts()...)
					return err
				})
		})
		b.Run("publish, "+name, func(b *testing.B) { publishJetStream(b, js, subject, encoded, opts) })
	}
	b.Run("consume, acknowledging each", func(b *testing.B) { consumeJetStream(b, url) })
}

// publishJetStream publishes without waiting for each.
func publishJetStream(b *testing.B, js jetstream.JetStream, subject string, encoded []byte, opts func() []jetstream.PublishOpt) {
	s, topic := newJetStream(b), unique("bench-")
	must(b, s.Publish(topic, benchValue))
	stored := 1
	byTurns(b, func(n int) {
		for range n {
			must(b, s.Publish(topic, benchValue))
		}
		stored += n
		eventuallyStored(b, js, topic, stored)
	}, func(n int) {
		for range n {
			_, err := js.PublishAsync(subject, encoded, append(opts(), jetstream.WithStallWait(time.Minute))...)
			must(b, err)
		}
		<-js.PublishAsyncComplete()
	})
}

// eventuallyStored waits until a stream holds so many events.
func eventuallyStored(b *testing.B, js jetstream.JetStream, stream string, n int) {
	b.Helper()
	testkit.Eventually(b, "the events are stored", func() bool {
		s, err := js.Stream(context.Background(), stream)
		return err == nil && s.CachedInfo().State.Msgs == uint64(n)
	})
}

// consumeJetStream consumes what is there already, with the driver and with nats.go,
// which both acknowledge each event on a push consumer.
func consumeJetStream(b *testing.B, url string) {
	js, subject, encoded := rawStream(b, url)
	total := max(b.N/10, 2000) * 10
	for range total {
		_, err := js.PublishAsync(subject, encoded, jetstream.WithStallWait(time.Minute))
		must(b, err)
	}
	<-js.PublishAsyncComplete()
	s := newJetStream(b)
	ch, err := s.Consume(subject, events.WithGroup("driver"), events.WithOffset(time.Unix(1, 0)), events.WithAutoAck(false, time.Minute))
	must(b, err)
	var got chan *nats.Msg
	byTurns(b, func(n int) {
		for range n {
			e := <-ch
			must(b, e.Ack())
		}
	}, func(n int) {
		if got == nil { // so that it does not read ahead before
			got = make(chan *nats.Msg)
			_, err := jetStream(b, url).QueueSubscribe(subject, "library", func(m *nats.Msg) { got <- m }, nats.ManualAck(), nats.AckExplicit())
			must(b, err)
		}
		for range n {
			must(b, (<-got).Ack())
		}
	})
}

// BenchmarkNATSBroker compares with nats.go, which publishes the same bytes, and
// decodes what it gets.
func BenchmarkNATSBroker(b *testing.B) {
	url, topic := servers.NATS(b), unique("bench-")
	br, c := connected(b, natsbroker.NewBroker(broker.Addrs(url))), natsConn(b, url)
	message := &broker.Message{Header: map[string]string{"Micro-Topic": topic}, Body: benchValue}
	encoded, err := json.Marshal(message)
	must(b, err)
	b.Run("publish and receive", func(b *testing.B) {
		received, raw := make(chan struct{}, 1024), make(chan *nats.Msg, 1024)
		sub, err := br.Subscribe(topic, func(broker.Event) error { received <- struct{}{}; return nil })
		must(b, err)
		defer func() { _ = sub.Unsubscribe() }()
		rawSub, err := c.Subscribe("raw-"+topic, func(m *nats.Msg) {
			var got broker.Message
			if json.Unmarshal(m.Data, &got) == nil {
				raw <- m
			}
		})
		must(b, err)
		defer func() { _ = rawSub.Unsubscribe() }()
		through := func(n int, publish operation, receive func()) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range n {
					receive()
				}
			}()
			together(b, callers, n, publish)
			<-done
		}
		byTurns(b,
			func(n int) {
				through(n, func(int) error { return br.Publish(topic, message) }, func() { <-received })
			},
			func(n int) {
				through(n, func(int) error { return c.Publish("raw-"+topic, encoded) }, func() { <-raw })
			})
	})
}

// BenchmarkNATSTransport compares a round trip with a request of nats.go that
// carries the same bytes, which it does not decode.
func BenchmarkNATSTransport(b *testing.B) {
	url, subject := servers.NATS(b), unique("raw-")
	tr, c := natstransport.NewTransport(transport.Addrs(url)), natsConn(b, url)
	l := serving(b, natstransport.NewTransport(transport.Addrs(url)), echo)
	message := &transport.Message{Header: map[string]string{"Micro-Id": "1"}, Body: benchValue}
	encoded, err := json.Marshal(message)
	must(b, err)
	answering := natsConn(b, url)
	_, err = answering.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) })
	must(b, err)
	must(b, answering.Flush())
	sockets := make(chan transport.Client, callers)
	for range callers {
		sockets <- dialled(b, tr, l.Addr())
	}
	compare(b, func(int) error {
		s := <-sockets
		defer func() { sockets <- s }()
		if err := s.Send(message); err != nil {
			return err
		}
		var m transport.Message
		return s.Recv(&m)
	}, func(int) error {
		_, err := c.Request(subject, encoded, time.Minute)
		return err
	})
}
