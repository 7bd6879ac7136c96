package client_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// echoBody is a body for JSON, and what peers send back.
type echoBody struct {
	Name string `json:"name"`
}

// peer is a server on the transport seam. It keeps what it receives.
type peer struct {
	addr     string
	listener transport.Listener

	mu       sync.Mutex
	messages []transport.Message
	inMemory bool
	conns    map[string]bool // by the address of the other end
	open     int
}

// serve answers one message on a socket.
type serve func(s transport.Socket, m *transport.Message) error

// newPeer starts a peer that passes each message to fn.
func newPeer(t testing.TB, tr transport.Transport, fn serve) *peer {
	t.Helper()
	l, err := tr.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: l.Addr(), listener: l, inMemory: tr.String() == "memory"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Accept(func(s transport.Socket) { p.accept(s, fn) })
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return p
}

func (p *peer) accept(s transport.Socket, fn serve) {
	defer s.Close()
	p.mu.Lock()
	if p.conns == nil {
		p.conns = map[string]bool{}
	}
	name := s.Remote()
	if p.inMemory { // where all have one name
		name = fmt.Sprint(len(p.conns))
	}
	p.conns[name] = true
	p.mu.Unlock()
	p.count(&p.open, 1)
	defer p.count(&p.open, -1)
	for {
		var m transport.Message
		if err := s.Recv(&m); err != nil {
			return
		}
		p.mu.Lock()
		p.messages = append(p.messages, transport.Message{Header: maps.Clone(m.Header), Body: slices.Clone(m.Body)})
		p.mu.Unlock()
		if err := fn(s, &m); err != nil {
			return
		}
	}
}

func (p *peer) count(n *int, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n += by
}

// received returns what has arrived so far.
func (p *peer) received() []transport.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// connections returns how many connections there were and are.
func (p *peer) connections() (total, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns), p.open
}

// echo sends back the body.
func echo(s transport.Socket, m *transport.Message) error {
	return s.Send(&transport.Message{Header: replyHeader(m), Body: m.Body})
}

// silent does not answer.
func silent(transport.Socket, *transport.Message) error { return nil }

// hangUp closes the connection instead of answering.
func hangUp(transport.Socket, *transport.Message) error { return io.EOF }

// fail answers with an error text.
func fail(text string) serve {
	return func(s transport.Socket, m *transport.Message) error {
		h := replyHeader(m)
		h["Micro-Error"] = text
		return s.Send(&transport.Message{Header: h})
	}
}

func replyHeader(m *transport.Message) map[string]string {
	h := map[string]string{}
	for _, name := range []string{"Content-Type", "Micro-ID", "Micro-Id", "Micro-Stream"} {
		if v := m.Header[name]; v != "" {
			h[name] = v
		}
	}
	return h
}

// newClient returns a client over tr that is closed with the test.
func newClient(t testing.TB, tr transport.Transport, opts ...client.Option) client.Client {
	t.Helper()
	c := client.NewClient(append([]client.Option{
		client.Transport(tr),
		client.Selector(&fixedNodes{}),
		client.Retries(0),
	}, opts...)...)
	if closer, ok := c.(io.Closer); ok {
		t.Cleanup(func() { closer.Close() })
	}
	return c
}

// fixedNodes is a selector that hands out its nodes in turn and keeps what it
// is told about them.
type fixedNodes struct {
	selector.Selector
	nodes   []*registry.Node
	selects error // returned by Select
	next    error // returned by Next

	mu       sync.Mutex
	turn     int
	marks    []mark
	services []string
}

type mark struct {
	service, address string
	err              error
}

// nodesAt returns modern nodes at the given addresses.
func nodesAt(addresses ...string) *fixedNodes {
	f := &fixedNodes{}
	for _, a := range addresses {
		f.nodes = append(f.nodes, &registry.Node{Id: a, Address: a, Metadata: map[string]string{"protocol": "mucp"}})
	}
	return f
}

func (f *fixedNodes) Select(service string, _ ...selector.SelectOption) (selector.Next, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.services = append(f.services, service)
	if f.selects != nil {
		return nil, f.selects
	}
	return f.pick, nil
}

func (f *fixedNodes) pick() (*registry.Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil {
		return nil, f.next
	}
	node := f.nodes[f.turn%len(f.nodes)]
	f.turn++
	return node, nil
}

func (f *fixedNodes) Mark(service string, node *registry.Node, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.marks = append(f.marks, mark{service, node.Address, err})
}

func (f *fixedNodes) marked() []mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.marks)
}

func (f *fixedNodes) Init(...selector.Option) error { return nil }
func (f *fixedNodes) Options() selector.Options     { return selector.Options{} }
func (f *fixedNodes) Reset(string)                  {}
func (f *fixedNodes) Close() error                  { return nil }
func (f *fixedNodes) String() string                { return "fixed" }

// call calls Greeter.Hello at addr with a JSON body and returns the answer.
func call(ctx context.Context, c client.Client, addr string, opts ...client.CallOption) (string, error) {
	var rsp echoBody
	req := c.NewRequest("greeter", "Greeter.Hello", &echoBody{Name: "Ada"})
	if addr != "" {
		opts = append(opts, client.WithAddress(addr))
	}
	err := c.Call(ctx, req, &rsp, opts...)
	return rsp.Name, err
}
