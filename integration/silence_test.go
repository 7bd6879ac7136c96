package integration_test

import (
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	natsbroker "github.com/justcy/go-micro/v4/broker/nats"
	redisbroker "github.com/justcy/go-micro/v4/broker/redis"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/integration/internal/eventdrivers"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// noticed is how long it may take until a connection is given up over which nothing
// comes any more, and nobody was told: four times what the slowest driver promises.
const noticed = 2 * time.Minute

func TestSubscriptionsAreMadeAgainWhenTheirConnectionFallsSilent(t *testing.T) {
	for name, driver := range map[string]struct {
		server func(testing.TB) string
		open   func(...broker.Option) broker.Broker
	}{
		"nats":  {servers.NATS, natsbroker.NewBroker},
		"redis": {servers.Redis, redisbroker.NewBroker},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, topic, in := driver.server(t), unique("silence-"), new(collector)
			p := servers.NewProxy(t, url)
			b, direct := connected(t, driver.open(broker.Addrs(p.URL))), connected(t, driver.open(broker.Addrs(url)))
			_, err := b.Subscribe(topic, in.handle)
			must(t, err)
			p.Strand()
			testkit.EventuallyWithin(t, noticed, "a message arrives again", func() bool {
				must(t, direct.Publish(topic, &broker.Message{Body: []byte("after")}))
				return in.has("after")
			})
		})
	}
}

func TestConsumptionsGoOnWhenTheirConnectionFallsSilent(t *testing.T) {
	eachEventDriver(t, func(t *testing.T, d eventdrivers.Driver) {
		url, topic := d.Shared(t), unique("silence-")
		p := servers.NewProxy(t, url)
		s, err := d.Open(p.URL)
		must(t, err)
		t.Cleanup(func() { _ = s.(io.Closer).Close() })
		direct, err := d.Open(url)
		must(t, err)
		t.Cleanup(func() { must(t, direct.(io.Closer).Close()) })
		ch, err := s.Consume(topic, events.WithGroup("g"), events.WithAutoAck(false, 5*time.Second))
		must(t, err)
		p.Strand()
		must(t, direct.Publish(topic, []byte("after")))
		select {
		case e := <-ch:
			must(t, e.Ack())
		case <-time.After(noticed):
			t.Error("no event arrives any more")
		}
		testkit.EventuallyWithin(t, noticed, "Publish succeeds again", func() bool { return s.Publish(topic, []byte("again")) == nil })
	})
}
