package broker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

func BenchmarkMemoryDelivery(b *testing.B) {
	m := newMemory(b)
	subscribe(b, m, "topic", func(broker.Event) error { return nil })
	msg := &broker.Message{Header: map[string]string{"Micro-Topic": "topic"}, Body: make([]byte, 128)}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Publish("topic", msg); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// A subscriber comes and goes while many others stay.
func BenchmarkScaleMemorySubscribe(b *testing.B) {
	for _, queue := range []string{"", "queue"} {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("queue=%t/%d", queue != "", n), func(b *testing.B) {
				m := newMemory(b)
				for range n {
					subscribe(b, m, "topic", func(broker.Event) error { return nil }, broker.Queue(queue))
				}
				for b.Loop() {
					s := subscribe(b, m, "topic", func(broker.Event) error { return nil }, broker.Queue(queue))
					_ = s.Unsubscribe()
				}
			})
		}
	}
}

// Receivers are there and answer nothing, while each is published to.
func BenchmarkScaleHTTPReceiversStopped(b *testing.B) {
	const messages = 100
	for _, n := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := registry.NewMemoryRegistry()
			for i := range n {
				_ = r.Register(&registry.Service{Name: "micro.http.broker", Version: "queue", Nodes: []*registry.Node{{
					Id: fmt.Sprint("node", i), Address: "127.0.0.1:1", // where nobody listens
					Metadata: map[string]string{"broker": "http", "topic": fmt.Sprint("topic", i)},
				}}})
			}
			var lines atomic.Int64
			out := writerFunc(func(p []byte) (int, error) { lines.Add(1); return len(p), nil })
			body := make([]byte, 10_000)
			var before, after runtime.MemStats
			for b.Loop() {
				pub := broker.NewBroker(broker.Registry(r), broker.Logger(logger.NewLogger(logger.WithOutput(out))), broker.DisconnectTimeout(time.Millisecond))
				if err := pub.Connect(); err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&before)
				for range messages {
					for i := range n {
						_ = pub.Publish(fmt.Sprint("topic", i), &broker.Message{Body: body})
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				_ = pub.Disconnect()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n*messages)*1e9, "ns/message")
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB-waiting")
			b.ReportMetric(float64(lines.Load())/float64(b.N), "lines")
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// inParallel spreads b.N calls over so many publishers.
func inParallel(b *testing.B, publishers int, publish func()) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range publishers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				publish()
			}
		})
	}
	wg.Wait()
}

func BenchmarkHTTP(b *testing.B) {
	for name, publishers := range map[string]int{"1 publisher": 1, "16 publishers": 16} {
		b.Run("broker/"+name, func(b *testing.B) { benchmarkBroker(b, publishers) })
		b.Run("broker to a peer without batches/"+name, func(b *testing.B) { benchmarkPlainPeer(b, publishers) })
		b.Run("net_http POST/"+name, func(b *testing.B) { benchmarkPost(b, publishers) })
	}
}

// delivered returns a message count and a channel that is closed at the n-th.
func delivered(n int) (func(), <-chan struct{}) {
	var count atomic.Int64
	done := make(chan struct{})
	return func() {
		if count.Add(1) == int64(n) {
			close(done)
		}
	}, done
}

func benchmarkBroker(b *testing.B, publishers int) {
	r := registry.NewMemoryRegistry()
	sub := connect(b, broker.NewBroker(broker.Registry(r)))
	pub := connect(b, broker.NewBroker(broker.Registry(r)))
	count, done := delivered(b.N)
	subscribe(b, sub, "topic", func(broker.Event) error { count(); return nil }, broker.Queue("queue"))
	benchmarkPublish(b, pub, publishers, done)
}

func benchmarkPublish(b *testing.B, pub broker.Broker, publishers int, done <-chan struct{}) {
	msg := &broker.Message{Header: map[string]string{"K": "v"}, Body: make([]byte, 128)}
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, publishers, func() {
		if err := pub.Publish("topic", msg); err != nil {
			b.Error(err)
		}
	})
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// decodingServer does with a message what any subscriber has to.
func decodingServer(count func()) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m broker.Message
		if json.Unmarshal(body, &m) == nil {
			count()
		}
	}))
}

func benchmarkPlainPeer(b *testing.B, publishers int) {
	count, done := delivered(b.N)
	server := decodingServer(count)
	b.Cleanup(server.Close)
	r := registry.NewMemoryRegistry()
	if err := r.Register(&registry.Service{Name: "micro.http.broker", Version: "queue", Nodes: []*registry.Node{{
		Id: "peer", Address: server.Listener.Addr().String(), Metadata: map[string]string{"broker": "http", "topic": "topic"},
	}}}); err != nil {
		b.Fatal(err)
	}
	benchmarkPublish(b, connect(b, broker.NewBroker(broker.Registry(r))), publishers, done)
}

func benchmarkPost(b *testing.B, publishers int) {
	server := decodingServer(func() {})
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}
	b.Cleanup(client.CloseIdleConnections)
	msg := &broker.Message{Header: map[string]string{"K": "v"}, Body: make([]byte, 128)}
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, publishers, func() {
		body, _ := json.Marshal(msg)
		resp, err := client.Post(server.URL, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
