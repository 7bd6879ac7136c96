package transport_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/justcy/go-micro/v4/transport"
)

// callHeader is what a call carries.
var callHeader = map[string]string{
	"Micro-Service": "greeter", "Micro-Endpoint": "Greeter.Hello", "Micro-Method": "Greeter.Hello",
	"Micro-ID": "12345", "Timeout": "30000000000", "Content-Type": "application/protobuf", "Accept": "application/protobuf",
}

// replyHeader is what its reply carries.
var replyHeader = map[string]string{"Micro-Id": "12345", "Content-Type": "application/protobuf"}

func reply(s transport.Socket) {
	var m transport.Message
	for s.Recv(&m) == nil {
		if s.Send(&transport.Message{Header: replyHeader, Body: m.Body}) != nil {
			return
		}
	}
}

func benchmarkCalls(b *testing.B, tr transport.Transport, size int, opts ...transport.DialOption) {
	benchmarkServer(b, tr, reply, size, opts...)
}

func benchmarkServer(b *testing.B, tr transport.Transport, fn func(transport.Socket), size int, opts ...transport.DialOption) {
	c := dial(b, tr, listen(b, tr, fn).Addr(), append(opts, transport.WithStream())...)
	m := &transport.Message{Header: callHeader, Body: make([]byte, size)}
	var got transport.Message
	b.SetBytes(int64(2 * size))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(m); err != nil {
			b.Fatal(err)
		}
		if err := c.Recv(&got); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	for _, size := range []int{128, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("http/%d", size), func(b *testing.B) { benchmarkCalls(b, transport.NewHTTPTransport(), size) })
		b.Run(fmt.Sprintf("https/%d", size), func(b *testing.B) {
			benchmarkCalls(b, transport.NewHTTPTransport(transport.Secure(true)), size, transport.WithInsecureSkipVerify(true))
		})
		b.Run(fmt.Sprintf("memory/%d", size), func(b *testing.B) { benchmarkCalls(b, transport.NewMemoryTransport(), size) })
		b.Run(fmt.Sprintf("nethttp/%d", size), func(b *testing.B) { benchmarkNetHTTP(b, size) })
	}
}

// replyHandingOn is reply by a second goroutine, while the first one reads.
func replyHandingOn(s transport.Socket) {
	bodies := make(chan []byte)
	defer close(bodies)
	go func() {
		for body := range bodies {
			if s.Send(&transport.Message{Header: replyHeader, Body: body}) != nil {
				s.Close()
			}
		}
	}()
	var m transport.Message
	for s.Recv(&m) == nil {
		bodies <- m.Body
	}
}

// BenchmarkPlainServer shows what it costs to notice, while a message is worked
// on, that its sender has gone.
func BenchmarkPlainServer(b *testing.B) {
	for name, fn := range map[string]func(transport.Socket){"none": reply, "goroutine": replyHandingOn} {
		b.Run(name, func(b *testing.B) { benchmarkServer(b, transport.NewHTTPTransport(transport.DisableMux()), fn, 128) })
	}
}

// benchmarkNetHTTP makes the same exchange with net/http's client and server.
func benchmarkNetHTTP(b *testing.B, size int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, value := range replyHeader {
			w.Header().Set(name, value)
		}
		w.Write(body)
	})}
	go srv.Serve(l)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	body := make([]byte, size)
	b.SetBytes(int64(2 * size))
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+"/", bytes.NewReader(body))
		for name, value := range callHeader {
			r.Header.Set(name, value)
		}
		rsp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		io.ReadAll(rsp.Body)
		rsp.Body.Close()
	}
}

// An exchange allocates on each side for the headers' text, the map and the
// body of what it receives.
func TestAnExchangeAllocatesLittle(t *testing.T) {
	tr := transport.NewHTTPTransport()
	c := dial(t, tr, listen(t, tr, reply).Addr(), transport.WithStream())
	m := &transport.Message{Header: callHeader, Body: make([]byte, 128)}
	var got transport.Message
	allocs := testing.AllocsPerRun(200, func() {
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
		if err := c.Recv(&got); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 14 {
		t.Errorf("an exchange allocates %v times, both ends counted", allocs)
	}
}
