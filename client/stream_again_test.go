package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// refusing is a transport on which one address takes streams and then refuses
// them, as a node does that begins to drain.
type refusing struct {
	transport.Transport
	addr string
}

func (r refusing) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	if addr != r.addr {
		return r.Transport.Dial(addr, opts...)
	}
	return &refusedStream{closed: make(chan struct{})}, nil
}

// refusedStream takes messages and executes nothing of them.
type refusedStream struct {
	once   sync.Once
	closed chan struct{}
}

func (s *refusedStream) Send(*transport.Message) error { return nil }
func (s *refusedStream) Recv(*transport.Message) error {
	return fmt.Errorf("%w: the node is shutting down", transport.ErrNotSent)
}
func (s *refusedStream) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *refusedStream) Local() string  { return "here" }
func (s *refusedStream) Remote() string { return "there" }

func TestAStreamThatANodeRefusesGoesToAnotherOne(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"memory": transport.NewMemoryTransport(),
		"http":   transport.NewHTTPTransport(),
		"plain":  transport.NewHTTPTransport(transport.DisableMux()),
	} {
		t.Run(name, func(t *testing.T) {
			live := newPeer(t, tr, echo)
			const draining = "127.0.0.1:1"
			c := newClient(t, refusing{tr, draining}, client.Selector(nodesAt(draining, live.addr)), client.Retries(2))
			stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Talk", &echoBody{"opens"}, client.StreamingRequest()))
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			for _, name := range []string{"first", "second"} {
				if err := stream.Send(&echoBody{name}); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{"opens", "first", "second"} { // the peer sends back what it gets
				var got echoBody
				if err := stream.Recv(&got); err != nil || got.Name != want {
					t.Fatalf("got %q, %v, want %q", got.Name, err, want)
				}
			}
		})
	}
}

// streamCount counts the streams that are open at each address.
type streamCount struct {
	selector.Selector
	mu   sync.Mutex
	open map[string]int
}

func (s *streamCount) Begin(string, *registry.Node) func(error) { return func(error) {} }

func (s *streamCount) BeginStream(_ string, n *registry.Node) func() {
	s.add(n.Address, 1)
	return func() { s.add(n.Address, -1) }
}

func (s *streamCount) add(addr string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[addr] += n
}

func (s *streamCount) at(addr string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[addr]
}

func TestAStreamThatGoesToAnotherNodeCountsThere(t *testing.T) {
	tr := transport.NewMemoryTransport()
	live := newPeer(t, tr, echo)
	const draining = "127.0.0.1:1"
	count := &streamCount{Selector: nodesAt(draining, live.addr), open: map[string]int{}}
	c := newClient(t, refusing{tr, draining}, client.Selector(count), client.Retries(2))
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Talk", &echoBody{"opens"}, client.StreamingRequest()))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if count.at(draining) != 1 {
		t.Errorf("%d streams are counted at the first node", count.at(draining))
	}
	if err := stream.Recv(&echoBody{}); err != nil {
		t.Fatal(err)
	}
	if count.at(draining) != 0 || count.at(live.addr) != 1 {
		t.Errorf("%d streams are counted at the node that was left and %d at the other", count.at(draining), count.at(live.addr))
	}
	stream.Close()
	testkit.Eventually(t, "the stream is not counted when it has ended", func() bool { return count.at(live.addr) == 0 })
	if n := count.at(draining); n != 0 {
		t.Errorf("%d streams are counted at the node that was left", n)
	}
}

func TestAStreamThatWasAnsweredStaysWithItsNode(t *testing.T) {
	tr := transport.NewMemoryTransport()
	answers := 0
	node := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		if answers++; answers > 1 {
			return io.EOF
		}
		return echo(s, m)
	})
	other := newPeer(t, tr, echo)
	c := newClient(t, tr, client.Selector(nodesAt(node.addr, other.addr)), client.Retries(2))
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Talk", &echoBody{"opens"}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Recv(new(echoBody)); err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&echoBody{"next"})
	if err := stream.Recv(new(echoBody)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Recv returns %v, want the end of the connection", err)
	}
	if len(other.received()) != 0 {
		t.Error("another node was asked")
	}
}

// closing is a transport on which one address takes the message that opens a
// stream, and has closed the connection when another one is sent.
type closing struct {
	transport.Transport
	addr string
}

func (r closing) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	if addr != r.addr {
		return r.Transport.Dial(addr, opts...)
	}
	return &closedStream{refusedStream: refusedStream{closed: make(chan struct{})}}, nil
}

type closedStream struct {
	refusedStream
	sent int
}

func (s *closedStream) Send(*transport.Message) error {
	if s.sent++; s.sent > 1 {
		return fmt.Errorf("%w: the peer has closed the socket", transport.ErrNotSent)
	}
	return nil
}

func (s *closedStream) Recv(*transport.Message) error { <-s.closed; return io.EOF }

func TestAStreamThatMayHaveBeenServedIsNotOpenedAgain(t *testing.T) {
	tr := transport.NewMemoryTransport()
	other := newPeer(t, tr, echo)
	const served = "127.0.0.1:1"
	c := newClient(t, closing{tr, served}, client.Selector(nodesAt(served, other.addr)), client.Retries(2))
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Talk", &echoBody{"opens"}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Send(&echoBody{"first"}); !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("Send returns %v", err)
	}
	if len(other.received()) != 0 {
		t.Error("another node was asked")
	}
}
