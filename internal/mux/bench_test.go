package mux_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
)

// callHeader is what a call carries.
var callHeader = map[string]string{
	"Micro-Service": "greeter", "Micro-Endpoint": "Greeter.Hello", "Micro-Method": "Greeter.Hello",
	"Micro-ID": "12345", "Timeout": "30000000000", "Content-Type": "application/protobuf", "Accept": "application/protobuf",
}

// benchmarkEcho makes b.N round trips from so many goroutines at a time.
func benchmarkEcho(b *testing.B, callers, size int) {
	c, _ := pair(b, mux.Config{}, echo)
	sockets := make([]*mux.Socket, callers)
	for i := range sockets {
		sockets[i] = open(b, c)
	}
	body := make([]byte, size)
	b.SetBytes(int64(2 * size))
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, s := range sockets {
		all.Go(func() {
			m, got := mux.Message{Header: callHeader, Body: body}, mux.Message{}
			for range share(b.N, callers, i) {
				if err := s.Send(&m, 0); err != nil {
					b.Error(err)
					return
				}
				if err := s.Recv(&got, 0); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// share is the i-th of so many nearly equal parts of n.
func share(n, parts, i int) int { return n*(i+1)/parts - n*i/parts }

func BenchmarkEcho(b *testing.B) {
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchmarkEcho(b, callers, 128) })
	}
	for _, size := range []int{64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) { benchmarkEcho(b, 1, size) })
	}
}

// BenchmarkBurst sends messages one way, as a stream does.
func BenchmarkBurst(b *testing.B) {
	ended := make(chan int)
	c, _ := pair(b, mux.Config{}, func(s *mux.Socket) {
		var m mux.Message
		n := 0
		for n < b.N && s.Recv(&m, 0) == nil {
			n++
		}
		ended <- n
	})
	s := open(b, c)
	m := mux.Message{Header: callHeader, Body: make([]byte, 128)}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := s.Send(&m, 0); err != nil {
			b.Fatal(err)
		}
	}
	if n := <-ended; n != b.N {
		b.Fatalf("%d of %d messages arrived", n, b.N)
	}
}
