package transport_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// BenchmarkCallsBesideResets compares the calls of honest callers beside a peer
// that resets requests as fast as it can with those when they are alone.
func BenchmarkCallsBesideResets(b *testing.B) {
	flood := resetFlood(1000)
	for _, callers := range []int{1, 16} {
		for _, attackers := range []int{1, 8} {
			b.Run(fmt.Sprintf("callers=%d/attackers=%d", callers, attackers), func(b *testing.B) {
				l := listen(b, transport.NewHTTPTransport(quiet), reply)
				clients := make([]transport.Client, callers)
				for i := range clients {
					clients[i] = dial(b, transport.NewHTTPTransport(quiet), l.Addr(), transport.WithStream())
				}
				const round = 500 * time.Millisecond
				var alone, beside int64
				var conns int64
				rounds := 0
				for b.Loop() {
					rounds++
					alone += callsWithin(b, clients, round)
					_, stop := attack(b, l.Addr(), flood, attackers)
					beside += callsWithin(b, clients, round)
					conns += stop()
				}
				perSecond := float64(rounds) * round.Seconds()
				b.ReportMetric(float64(alone)/perSecond, "calls/s-alone")
				b.ReportMetric(float64(beside)/perSecond, "calls/s-beside")
				b.ReportMetric(float64(beside)/float64(alone), "ratio")
				b.ReportMetric(float64(conns)/perSecond, "attacks/s")
			})
		}
	}
}

// callsWithin counts the calls that callers make in a time.
func callsWithin(t testing.TB, clients []transport.Client, limit time.Duration) int64 {
	var all sync.WaitGroup
	var calls atomic.Int64
	end := time.Now().Add(limit)
	for _, c := range clients {
		all.Go(func() {
			m := &transport.Message{Header: callHeader, Body: make([]byte, 128)}
			var got transport.Message
			for time.Now().Before(end) {
				if err := c.Send(m); err != nil {
					t.Error(err)
					return
				}
				if err := c.Recv(&got); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	all.Wait()
	return calls.Load()
}
