package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestManySocketsAreSpreadOverAsManyConnectionsAsAllowed(t *testing.T) {
	for _, c := range []struct{ allowed, sockets, want int }{
		{1, 60, 1}, {2, 10, 1}, {2, 60, 2}, {3, 100, 3},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.sockets, c.allowed), func(t *testing.T) {
			addr, conns := listenCounted(t, transport.NewHTTPTransport(quiet))
			tr := transport.NewHTTPTransport(quiet, transport.Connections(c.allowed))
			call(t, dial(t, tr, addr), "the first, which offers")
			var all sync.WaitGroup
			for i := range c.sockets {
				s := dial(t, tr, addr)
				all.Go(func() {
					if err := tryCall(s, fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := int(conns.conns.Load()); n != c.want {
				t.Errorf("%d connections, want %d", n, c.want)
			}
		})
	}
}

func TestOneConnectionGoesOnWhenAFurtherOneFails(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := transport.NewHTTPTransport(quiet).Listen("", transport.NetListener(nl))
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() { _ = l.Accept(echo) }) // it ends with nl
	defer accepting.Wait()
	defer l.Close()
	tr := transport.NewHTTPTransport(quiet, transport.Connections(2))
	call(t, dial(t, tr, nl.Addr().String()), "the first, which offers")
	nl.Close() // what stands goes on
	for i := range 60 {
		call(t, dial(t, tr, nl.Addr().String()), fmt.Sprint(i))
	}
}

// counting is a transport that counts the connections which its listener accepts.
type counting struct {
	transport.Transport
	conns counted
}

func (c *counting) Listen(addr string, opts ...transport.ListenOption) (transport.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.conns.Listener = l
	return c.Transport.Listen(addr, append(opts, transport.NetListener(&c.conns))...)
}

// Held is a handler that waits until it is released.
type Held struct{ begun, release chan struct{} }

func (h *Held) Call(context.Context, *Empty, *Empty) error {
	h.begun <- struct{}{}
	<-h.release
	return nil
}

func TestManyCallsAreSpreadOverAsManyConnectionsAsAllowed(t *testing.T) {
	const callers = 64
	r := registry.NewMemoryRegistry()
	h := &Held{begun: make(chan struct{}, callers), release: make(chan struct{}, callers)}
	ends := &counting{Transport: transport.NewHTTPTransport(quiet)}
	srv := server.NewServer(server.Name("held"), server.Transport(ends), server.Registry(r))
	if err := errors.Join(srv.Handle(srv.NewHandler(h)), srv.Start()); err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	tr := transport.NewHTTPTransport(quiet, transport.Connections(2))
	c := client.NewClient(client.Registry(r), client.Transport(tr), client.ContentType("application/json"), client.RequestTimeout(testkit.Patience))
	defer c.(io.Closer).Close()
	for _, callers := range []int{1, callers, callers} { // the first one offers
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if err := c.Call(t.Context(), c.NewRequest("held", "Held.Call", &Empty{}), &Empty{}); err != nil {
					t.Error(err)
				}
			})
		}
		testkit.Eventually(t, "all calls are in their handlers", func() bool { return len(h.begun) == callers })
		for range callers {
			<-h.begun
			h.release <- struct{}{}
		}
		all.Wait()
	}
	if n := ends.conns.conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
