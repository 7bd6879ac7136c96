package integration_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

// byTurns runs two ways to handle n things by turns, and reports the median of how
// much faster the first is.
func byTurns(b *testing.B, driver, library func(n int)) {
	b.Helper()
	const rounds = 10
	each := max(b.N/rounds, 2000)
	ratios := make([]float64, rounds)
	var spent [2]time.Duration
	b.ResetTimer()
	for round := range rounds {
		var took [2]time.Duration
		for turn := range 2 {
			who := (round + turn) % 2
			begun := time.Now()
			[]func(int){driver, library}[who](each)
			took[who] = time.Since(begun)
			spent[who] += took[who]
		}
		ratios[round] = took[1].Seconds() / took[0].Seconds()
	}
	slices.Sort(ratios)
	ops := float64(rounds * each)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ops/spent[0].Seconds(), "driver-ops/s")
	b.ReportMetric(ops/spent[1].Seconds(), "library-ops/s")
	b.ReportMetric(ratios[rounds/2], "ratio")
}

// BenchmarkRedisEvents compares with go-redis, which adds entries of the same size
// and reads and acknowledges pages of them. It does not decode what it gets. At least
// 10,000 things a turn make what the driver has fetched beforehand a small part.
func BenchmarkRedisEvents(b *testing.B) {
	url, ctx := servers.RealRedis(b), context.Background()
	s, c := newRedisStream(b, url), redisClient(b, url)
	encoded, err := json.Marshal(events.Event{ID: unique("0a8f2a3c-51d2-4a55-9d0e-0000"), Topic: "bench", Timestamp: time.Now(), Payload: benchValue})
	must(b, err)
	add := func(key string) error {
		return c.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"event", encoded, "attempt", 1}}).Err()
	}
	b.Run("publish", func(b *testing.B) {
		topic := unique("bench.")
		defer c.Del(ctx, "stream-"+topic, "raw-"+topic)
		compare(b,
			func(int) error { return s.Publish(topic, benchValue) },
			func(int) error { return add("raw-" + topic) })
	})
	fill := func(b *testing.B, key string, n int) {
		for left := n; left > 0; left -= 500 {
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for range min(left, 500) {
					p.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"event", encoded, "attempt", 1}})
				}
				return nil
			})
			must(b, err)
		}
	}
	for name, page := range map[string]bool{"consume": true, "consume, acknowledging each": false} {
		b.Run(name, func(b *testing.B) {
			topic := unique("bench.")
			key, raw := "stream-"+topic, "raw-"+topic
			defer c.Del(ctx, key, raw)
			opts := []events.ConsumeOption{events.WithGroup("g")}
			if !page {
				opts = append(opts, events.WithAutoAck(false, time.Minute))
			}
			ch, err := s.Consume(topic, opts...)
			must(b, err)
			must(b, c.XGroupCreateMkStream(ctx, raw, "g", "$").Err())
			total := 10 * max(b.N/10, 2000)
			fill(b, raw, total)
			fill(b, key, total)
			byTurns(b, func(n int) {
				for range n {
					if e := <-ch; !page {
						must(b, e.Ack())
					}
				}
			}, func(n int) { readRaw(b, c, raw, n, page) })
		})
	}
}

// readRaw reads n entries in pages, and acknowledges each page, or each entry.
func readRaw(b *testing.B, c *redis.Client, key string, n int, page bool) {
	ctx := context.Background()
	for n > 0 {
		streams, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{key, ">"}, Count: int64(min(n, 256))}).Result()
		must(b, err)
		var done []string
		for _, m := range streams[0].Messages {
			if page {
				done = append(done, m.ID)
				continue
			}
			must(b, c.XAck(ctx, key, "g", m.ID).Err())
		}
		if len(done) > 0 {
			must(b, c.XAck(ctx, key, "g", done...).Err())
		}
		n -= len(streams[0].Messages)
	}
}

// BenchmarkRedisBroker compares with go-redis, which publishes the same bytes, and does
// not decode what it gets.
func BenchmarkRedisBroker(b *testing.B) {
	url, ctx, topic := servers.Redis(b), context.Background(), unique("bench.")
	br, c := connectedRedisBroker(b, url), redisClient(b, url)
	message := &broker.Message{Header: map[string]string{"Micro-Topic": topic}, Body: benchValue}
	encoded, err := json.Marshal(message)
	must(b, err)
	publish := func(int) error { return br.Publish(topic, message) }
	publishRaw := func(int) error { return c.Publish(ctx, "raw-"+topic, encoded).Err() }
	b.Run("publish", func(b *testing.B) { compare(b, publish, publishRaw) })
	b.Run("publish and receive", func(b *testing.B) {
		received := make(chan struct{}, 1024)
		sub, err := br.Subscribe(topic, func(broker.Event) error { received <- struct{}{}; return nil })
		must(b, err)
		defer func() { _ = sub.Unsubscribe() }()
		raw := c.Subscribe(ctx, "raw-"+topic)
		defer raw.Close()
		_, err = raw.Receive(ctx)
		must(b, err)
		messages := raw.Channel(redis.WithChannelSize(1024))
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
			func(n int) { through(n, publish, func() { <-received }) },
			func(n int) {
				through(n, publishRaw, func() { <-messages })
			})
	})
}
