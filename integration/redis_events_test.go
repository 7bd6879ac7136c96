package integration_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
	stream "github.com/justcy/go-micro/v4/events/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

// newRedisStream returns a stream on the server at the URL.
func newRedisStream(t testing.TB, url string, opts ...stream.Option) events.Stream {
	t.Helper()
	s, err := stream.NewStream(append([]stream.Option{stream.Address(url)}, opts...)...)
	must(t, err)
	t.Cleanup(func() { must(t, s.(io.Closer).Close()) })
	return s
}

// redisStreams is the harness of streams on the server at the URL.
func redisStreams(url string) eventstest.Harness {
	return eventstest.Harness{
		New: func(t testing.TB) events.Stream { return newRedisStream(t, url) },
		Inject: func(t testing.TB, topic string, data []byte) {
			addEntry(t, redisClient(t, url), topic, "event", data)
		},
		Outage: func(t testing.TB) (events.Stream, func(), func()) {
			s := servers.NewRedis(t)
			return newRedisStream(t, s.URL), s.Stop, s.Start
		},
		AckWait: 100 * time.Millisecond,
	}
}

func addEntry(t testing.TB, c redis.UniversalClient, topic string, values ...any) {
	t.Helper()
	must(t, c.XAdd(context.Background(), &redis.XAddArgs{Stream: "stream-" + topic, Values: values}).Err())
}

func TestRedisEvents(t *testing.T) {
	t.Parallel()
	eventstest.Run(t, redisStreams(servers.RealRedis(t)))
}
