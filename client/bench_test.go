package client_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// instant is a transport without a network and without another side: Recv
// returns the body that was sent. What is measured over it is the client alone.
type instant struct{ transport.Transport }

func (instant) Dial(string, ...transport.DialOption) (transport.Client, error) {
	return &instantConn{header: map[string]string{"Content-Type": "application/protobuf", "Micro-ID": "1"}}, nil
}

type instantConn struct {
	header map[string]string
	body   []byte
}

func (c *instantConn) Send(m *transport.Message) error {
	c.body = append(c.body[:0], m.Body...)
	return nil
}

func (c *instantConn) Recv(m *transport.Message) error {
	m.Header, m.Body = c.header, c.body
	return nil
}

func (c *instantConn) Close() error   { return nil }
func (c *instantConn) Local() string  { return "local" }
func (c *instantConn) Remote() string { return "remote" }

// quietNodes keeps nothing of what it is told.
type quietNodes struct{ *fixedNodes }

func (quietNodes) Mark(string, *registry.Node, error) {}

func (q quietNodes) Select(string, ...selector.SelectOption) (selector.Next, error) {
	return func() (*registry.Node, error) { return q.nodes[0], nil }, nil
}

func benchmarkCall(b *testing.B, ctx context.Context, tr transport.Transport, addr string) {
	c := newClient(b, tr, client.Selector(quietNodes{nodesAt(addr)}))
	body, rsp := wrapperspb.Bytes(make([]byte, 128)), &wrapperspb.BytesValue{}
	b.ReportAllocs()
	for b.Loop() {
		req := c.NewRequest("greeter", "Greeter.Hello", body, client.WithContentType("application/protobuf"))
		if err := c.Call(ctx, req, rsp); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall is the cost of the client itself.
func BenchmarkCall(b *testing.B) {
	b.Run("background", func(b *testing.B) { benchmarkCall(b, context.Background(), instant{}, "a:1") })
	b.Run("cancellable", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		benchmarkCall(b, ctx, instant{}, "a:1")
	})
}

// BenchmarkCallOverMemory adds the memory transport and a peer that echoes.
func BenchmarkCallOverMemory(b *testing.B) {
	tr := transport.NewMemoryTransport()
	l, err := tr.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go l.Accept(func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil && s.Send(&m) == nil {
		}
	})
	benchmarkCall(b, context.Background(), tr, l.Addr())
}

// BenchmarkStream is one message there and back.
func BenchmarkStream(b *testing.B) {
	c := newClient(b, instant{})
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", wrapperspb.Bytes(nil),
		client.WithContentType("application/protobuf")), client.WithAddress("a:1"))
	if err != nil {
		b.Fatal(err)
	}
	defer stream.Close()
	body, rsp := wrapperspb.Bytes(make([]byte, 128)), &wrapperspb.BytesValue{}
	b.ReportAllocs()
	for b.Loop() {
		if err := stream.Send(body); err != nil {
			b.Fatal(err)
		}
		if err := stream.Recv(rsp); err != nil {
			b.Fatal(err)
		}
	}
}

// A call must stay cheap also over a transport that needs maps of headers.
func TestACallAllocatesAtMostNineTimes(t *testing.T) {
	c := newClient(t, instant{}, client.Selector(quietNodes{nodesAt("a:1")}))
	body, rsp := wrapperspb.String("x"), &wrapperspb.StringValue{}
	n := testing.AllocsPerRun(200, func() {
		req := c.NewRequest("greeter", "Greeter.Hello", body, client.WithContentType("application/protobuf"))
		if err := c.Call(context.Background(), req, rsp); err != nil {
			t.Fatal(err)
		}
	})
	if n > 9 && !raceEnabled {
		t.Errorf("a call makes %v allocations, want 9 at most", n)
	}
}
