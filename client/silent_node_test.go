package client_test

import (
	"context"
	stderrors "errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// selectorOf returns the default selector over nodes at these addresses.
func selectorOf(t testing.TB, addresses ...string) selector.Selector {
	t.Helper()
	r := registry.NewMemoryRegistry()
	if err := r.Register(&registry.Service{Name: "greeter", Version: "1", Nodes: nodesAt(addresses...).nodes}); err != nil {
		t.Fatal(err)
	}
	s := selector.NewSelector(selector.Registry(r))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// freezable is a peer that answers until it is frozen, and from then on to
// nobody, whatever the request and the connection.
type freezable struct {
	*peer
	frozen atomic.Bool
}

func newFreezable(t testing.TB, tr transport.Transport) *freezable {
	f := &freezable{}
	f.peer = newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		if f.frozen.Load() {
			return nil
		}
		return echo(s, m)
	})
	return f
}

func TestAFrozenNodeFailsAtMostOneCallInTen(t *testing.T) {
	for name, pause := range map[string]time.Duration{"one after the other": 0, "one a second": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transport.NewMemoryTransport()
				frozen, live := newFreezable(t, tr), newPeer(t, tr, echo)
				frozen.frozen.Store(true)
				c := newClient(t, tr, client.Selector(selectorOf(t, frozen.addr, live.addr)),
					client.Retries(client.DefaultRetries), client.RequestTimeout(2*time.Second))
				failed := 0
				for range 45 {
					if _, err := call(context.Background(), c, ""); err != nil {
						failed++
					}
					time.Sleep(pause)
				}
				if failed > 4 {
					t.Errorf("%d of 45 calls failed", failed)
				}
			})
		})
	}
}

func TestManyCallersLoseOneRoundToAFrozenNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		frozen, live := newFreezable(t, tr), newPeer(t, tr, echo)
		frozen.frozen.Store(true)
		c := newClient(t, tr, client.Selector(selectorOf(t, frozen.addr, live.addr)), client.RequestTimeout(2*time.Second))
		var failed atomic.Int32
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for range 100 {
					if _, err := call(context.Background(), c, ""); err != nil {
						failed.Add(1)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		callers.Wait()
		if n := failed.Load(); n > 16 {
			t.Errorf("%d of 1600 calls failed, want no more than one a caller", n)
		}
	})
}

func TestANodeThatWakesUpIsCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		node, other := newFreezable(t, tr), newPeer(t, tr, echo)
		node.frozen.Store(true)
		c := newClient(t, tr, client.Selector(selectorOf(t, node.addr, other.addr)), client.RequestTimeout(2*time.Second))
		for range 60 {
			_, _ = call(context.Background(), c, "")
			time.Sleep(time.Second)
		}
		node.frozen.Store(false)
		calls := func() (n int) {
			for _, m := range node.received() {
				if m.Header["Micro-Endpoint"] == "Greeter.Hello" {
					n++
				}
			}
			return n
		}
		before := calls()
		for range 60 {
			if _, err := call(context.Background(), c, ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if calls() == before {
			t.Error("a minute after it woke up it has not been called once")
		}
	})
}

// One handler that never answers in time says nothing about the others.
func TestANodeWithOneSlowHandlerKeepsItsShareOfTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		slow := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
			if m.Header["Micro-Endpoint"] == "Greeter.Slow" {
				return nil
			}
			return echo(s, m)
		})
		quick := newPeer(t, tr, echo)
		c := newClient(t, tr, client.Selector(selectorOf(t, slow.addr, quick.addr)), client.RequestTimeout(time.Second))
		for range 20 {
			var round sync.WaitGroup
			for range 10 {
				round.Go(func() {
					req := c.NewRequest("greeter", "Greeter.Slow", &echoBody{})
					_ = c.Call(context.Background(), req, nil)
				})
			}
			round.Wait()
			synctest.Wait()
			before := len(slow.received())
			for range 40 {
				if _, err := call(context.Background(), c, ""); err != nil {
					t.Fatal(err)
				}
			}
			if len(slow.received()) == before {
				t.Fatal("of 40 calls to another handler none went to the node")
			}
		}
	})
}

// A host that is down drops packets: connecting takes until the deadline.
func TestANodeThatCannotBeDialledInTimeIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		live := newPeer(t, tr, echo)
		black := blackHole{tr, "10.0.0.1:1"}
		c := newClient(t, black, client.Selector(selectorOf(t, black.addr, live.addr)), client.RequestTimeout(2*time.Second))
		failed := 0
		for range 45 {
			if _, err := call(context.Background(), c, ""); err != nil {
				failed++
			}
			time.Sleep(time.Second)
		}
		if failed > 4 {
			t.Errorf("%d of 45 calls failed", failed)
		}
	})
}

// blackHole is a transport that dials one address until it is out of time.
type blackHole struct {
	transport.Transport
	addr string
}

func (b blackHole) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	if addr != b.addr {
		return b.Transport.Dial(addr, opts...)
	}
	var o transport.DialOptions
	for _, opt := range opts {
		opt(&o)
	}
	ctx, cancel := context.WithTimeout(o.Context, o.Timeout)
	defer cancel()
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAStreamThatEndsWithNothingReceivedSetsItsNodeAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		frozen, live := newFreezable(t, tr), newPeer(t, tr, echo)
		frozen.frozen.Store(true)
		c := newClient(t, tr, client.Selector(selectorOf(t, frozen.addr, live.addr)))
		failed := 0
		for range 45 {
			s, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"Ada"}), client.WithStreamTimeout(2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Recv(&echoBody{}); err != nil {
				failed++
			}
			s.Close()
		}
		if failed > 4 {
			t.Errorf("%d of 45 streams failed", failed)
		}
	})
}

func TestAMessageThatIsTooLargeIsNotTheNodesFault(t *testing.T) {
	memory := transport.NewMemoryTransport()
	first, second := newPeer(t, memory, echo), newPeer(t, memory, echo)
	tr := narrow{memory}
	nodes := nodesAt(first.addr, second.addr)
	c := newClient(t, tr, client.Selector(nodes), client.Retries(5), client.Backoff(nil))
	_, err := call(context.Background(), c, "")
	if !stderrors.Is(err, transport.ErrMessageTooLarge) || !stderrors.Is(err, transport.ErrNotSent) {
		t.Errorf("the error is %v", err)
	}
	if marks := nodes.marked(); len(marks) != 1 || stderrors.Is(marks[0].err, selector.ErrUnreachable) {
		t.Errorf("marked %+v, want one attempt that says nothing about the node", marks)
	}
	_, err = c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"Ada"}))
	if !stderrors.Is(err, transport.ErrMessageTooLarge) {
		t.Errorf("the error of a stream is %v", err)
	}
	if marks := nodes.marked(); len(marks) != 2 || stderrors.Is(marks[1].err, selector.ErrUnreachable) {
		t.Errorf("marked %+v", marks)
	}
}

// narrow is a transport that takes no message.
type narrow struct{ transport.Transport }

func (n narrow) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	c, err := n.Transport.Dial(addr, opts...)
	return narrowConn{c}, err
}

type narrowConn struct{ transport.Client }

func (narrowConn) Send(*transport.Message) error {
	return stderrors.Join(transport.ErrNotSent, transport.ErrMessageTooLarge)
}
