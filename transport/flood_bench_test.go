package transport_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// BenchmarkCallsBesideResets compares the calls of honest callers beside peers that
// reset requests as fast as they can with those when they are alone. The server, the
// callers and the peers are processes of their own. The flood has lasted for a while
// when the calls begin.
func BenchmarkCallsBesideResets(b *testing.B) {
	for _, callers := range []int{1, 16} {
		for _, manner := range []string{"waits", "returns"} { // for its end, or at once
			for _, attackers := range []string{"1", "8"} {
				b.Run(fmt.Sprintf("callers=%d/attackers=%s/each=%s", callers, attackers, manner), func(b *testing.B) {
					server := startFloodChild(b, "serve")
					if !server.Out.Scan() {
						b.Fatal("the server has ended")
					}
					addr := server.Out.Text()
					clients := make([]transport.Client, callers)
					for i := range clients {
						clients[i] = dial(b, transport.NewHTTPTransport(quiet), addr, transport.WithStream())
					}
					const round = time.Second
					var alone, beside []time.Duration
					for b.Loop() {
						alone = append(alone, callsWithin(b, clients, round)...)
						attackers := startFloodChild(b, "attack", addr, attackers, manner)
						time.Sleep(round)
						beside = append(beside, callsWithin(b, clients, round)...)
						attackers.End()
					}
					b.ReportMetric(float64(len(beside))/float64(len(alone)), "ratio")
					b.ReportMetric(float64(len(alone))/float64(b.N)/round.Seconds(), "calls/s-alone")
					b.ReportMetric(p99(alone), "p99-ms-alone")
					b.ReportMetric(p99(beside), "p99-ms-beside")
				})
			}
		}
	}
}

func p99(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds()) / 1000
}

// callsWithin makes calls for a time and returns how long each took.
func callsWithin(t testing.TB, clients []transport.Client, limit time.Duration) (took []time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(limit)
	for _, c := range clients {
		all.Go(func() {
			m := &transport.Message{Header: callHeader, Body: make([]byte, 128)}
			var got transport.Message
			var mine []time.Duration
			for began := time.Now(); began.Before(end); {
				if err := c.Send(m); err != nil {
					t.Error(err)
					return
				}
				if err := c.Recv(&got); err != nil {
					t.Error(err)
					return
				}
				now := time.Now()
				mine = append(mine, now.Sub(began))
				began = now
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	all.Wait()
	return took
}

const floodVariable = "MICRO_TEST_FLOOD"

// startFloodChild starts a process of the benchmark.
func startFloodChild(t testing.TB, args ...string) *testkit.Process {
	t.Helper()
	return testkit.StartTest(t, "TestFloodChild", floodVariable+"="+strings.Join(args, " "))
}

func TestFloodChild(t *testing.T) {
	role, args, _ := strings.Cut(os.Getenv(floodVariable), " ")
	switch role {
	case "serve":
		l := listen(t, transport.NewHTTPTransport(quiet), reply)
		fmt.Println(l.Addr())
		io.Copy(io.Discard, os.Stdin)
	case "attack":
		var addr, manner string
		var attackers int
		if _, err := fmt.Sscan(args, &addr, &attackers, &manner); err != nil {
			t.Fatal(err)
		}
		_, stop := attack(addr, testkit.ResetFlood(1000), attackers, manner == "waits")
		io.Copy(io.Discard, os.Stdin)
		stop()
	default:
		t.Skip("it is for BenchmarkCallsBesideResets")
	}
}
