package integration_test

import (
	"io"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
	"github.com/justcy/go-micro/v4/events/natsjs"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

func newJetStream(t testing.TB, opts ...natsjs.Option) events.Stream {
	t.Helper()
	s, err := natsjs.NewStream(append([]natsjs.Option{natsjs.Address(servers.NATS(t))}, opts...)...)
	must(t, err)
	t.Cleanup(func() {
		if err := s.(io.Closer).Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// natsConn is a connection of the library.
func natsConn(t testing.TB, url string) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(url)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestJetStream(t *testing.T) {
	servers.NATS(t)
	for name, opts := range map[string][]natsjs.Option{
		"asynchronous":                 nil,
		"synchronous, without durable": {natsjs.SynchronousPublish(true), natsjs.DisableDurableStreams()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventstest.Run(t, eventstest.Harness{
				New: func(t testing.TB) events.Stream { return newJetStream(t, opts...) },
				Outage: func(t testing.TB) (events.Stream, func(), func()) {
					server := servers.NewNATS(t)
					return newJetStream(t, append(opts, natsjs.Address(server.URL))...), server.Stop, server.Start
				},
				Inject: func(t testing.TB, topic string, data []byte) {
					js, err := jetstream.New(natsConn(t, servers.NATS(t)))
					must(t, err)
					_, err = js.Publish(t.Context(), topic, data)
					must(t, err)
				},
				Quiet:    50 * time.Millisecond,
				AckWait:  200 * time.Millisecond,
				Patience: time.Minute,
			})
		})
	}
}
