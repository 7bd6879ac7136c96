package client_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

func TestCallsToOneAddressShareAConnection(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"memory": transport.NewMemoryTransport(),
		"http":   transport.NewHTTPTransport(),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, tr, echo)
			c := newClient(t, tr)
			for range 3 {
				if got, err := call(context.Background(), c, p.addr); err != nil || got != "Ada" {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			if total, _ := p.connections(); total != 1 {
				t.Errorf("three calls used %d connections, want 1", total)
			}
			if id := p.received()[2].Header; id["Micro-ID"]+id["Micro-Id"] != "2" {
				t.Errorf("the third request has the headers %v, want id 2", id)
			}
		})
	}
}

// wantError fails unless err is an *errors.Error with the given parts.

// panicking is a transport whose connections panic in Send.

// connectionTimeout sets what has no option of its own.

// dialFunc is a transport with another Dial.

// A handler that takes longer than the default ConnectionTimeout runs once.

// A backoff that takes time leaves less of it to the next attempt.

func TestMetadataOfOneMessageStaysBehind(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error { return echo(s, m) })
	c := newClient(t, tr)
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{
		"Micro-Stream": "7", "micro-error": "x", "Micro-Id": "99", "Micro-Topic": "t", "X-Micro-Stream": "7",
		"Connection": "close", "content-length": "3", "Transfer-Encoding": "chunked", ":path": "/",
		"Micro-Target": "x", "Micro-Protocol": "x", "Local": "l", "Remote": "r",
		"Micro-Namespace": "ns", "Authorization": "Bearer x", "X-Request-Id": "1",
	})
	want := []string{"Authorization", "Micro-Namespace", "X-Request-Id", "Content-Type", "Accept",
		"Micro-ID", "Micro-Service", "Micro-Method", "Micro-Endpoint", "Timeout"}
	if _, err := call(ctx, c, p.addr); err != nil {
		t.Fatal(err)
	}
	stream, err := c.Stream(ctx, c.NewRequest("greeter", "Greeter.Hello", nil), client.WithAddress(p.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Recv(nil); err != nil {
		t.Fatal(err)
	}
	unary, streaming := p.received()[0].Header, p.received()[1].Header
	for _, name := range want {
		if unary[name] == "" {
			t.Errorf("the request lacks %s", name)
		}
		delete(unary, name)
		delete(streaming, name)
	}
	if len(unary) != 0 {
		t.Errorf("the request also has %v", unary)
	}
	if len(streaming) != 1 || streaming["Micro-Stream"] != "1" {
		t.Errorf("the stream also has %v, want Micro-Stream 1 alone", streaming)
	}
}

func TestCallWrappersFirstIsOutermost(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	var order []string
	wrap := func(name string) client.CallWrapper {
		return func(next client.CallFunc) client.CallFunc {
			return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
				order = append(order, name)
				return next(ctx, node, req, rsp, opts)
			}
		}
	}
	c := newClient(t, tr, client.WrapCall(wrap("a"), wrap("b")))
	if _, err := call(context.Background(), c, p.addr, client.WithCallWrapper(wrap("c"))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "abc" {
		t.Errorf("order is %s", got)
	}
}

// Contexts that wrappers derive from a call's end with it.

func TestNegativeRetriesStillCall(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	if got, err := call(context.Background(), newClient(t, tr, client.Retries(-1)), p.addr); err != nil || got != "Ada" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCallsDoNotShareSlices(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	var ran atomic.Int32
	count := func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			ran.Add(1)
			return next(ctx, node, req, rsp, opts)
		}
	}
	spare := make([]client.CallWrapper, 0, 8)
	c := newClient(t, tr, func(o *client.Options) { o.CallOptions.CallWrappers = append(spare, count) })
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if _, err := call(context.Background(), c, p.addr, client.WithCallWrapper(count)); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if ran.Load() != 16 {
		t.Errorf("wrappers ran %d times, want 16", ran.Load())
	}
}

// Init in the middle of a call neither waits for it nor disturbs it.

func TestAConnectionIsUsedAgainUnlessItIsLostOrShouldClose(t *testing.T) {
	tr := transport.NewMemoryTransport()
	for _, e := range []struct {
		name  string
		serve serve
		opts  []client.CallOption
		total int
	}{
		{"after success", echo, nil, 1},
		{"after an application error", fail("no"), nil, 1},
		{"not after a lost connection", hangUp, nil, 3},
		{"not with WithConnClose", echo, []client.CallOption{client.WithConnClose()}, 3},
	} {
		t.Run(e.name, func(t *testing.T) {
			p := newPeer(t, tr, e.serve)
			c := newClient(t, tr)
			for range 3 {
				_, _ = call(context.Background(), c, p.addr, e.opts...)
			}
			if total, _ := p.connections(); total != e.total {
				t.Errorf("three calls used %d connections, want %d", total, e.total)
			}
		})
	}
}

func TestWithConnCloseAsksThePeer(t *testing.T) {
	s := newV4Server(t, v4Echo)
	if _, err := call(context.Background(), newClient(t, transport.NewHTTPTransport()), s.addr, client.WithConnClose()); err != nil {
		t.Fatal(err)
	}
	if got := s.received()[0]; !got.close {
		t.Error("the request does not ask to close the connection")
	}
}

func TestNilResponseIsDiscarded(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	for _, ct := range []string{"application/json", "application/protobuf", "application/grpc"} {
		req := c.NewRequest("greeter", "Greeter.Hello", wrapperspb.String("x"), client.WithContentType(ct))
		if err := c.Call(context.Background(), req, nil, client.WithAddress(p.addr)); err != nil {
			t.Errorf("%s: %v", ct, err)
		}
	}
}

// The context that wrappers see ends with the call, whether or not somebody

// watched it before.

// A context derived in a wrapper is watched by the call, too.

// A wrapper that tries twice has reached a handler if one of its tries did.

func TestARequestThatReachedANodeIsNotSentToAnotherForItsWrapper(t *testing.T) {
	tr := transport.NewMemoryTransport()
	reached, other := newPeer(t, tr, fail("no")), newPeer(t, tr, echo)
	twice := func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			_ = next(ctx, node, req, rsp, opts)
			dead := &registry.Node{Address: "127.0.0.1:1", Metadata: node.Metadata}
			return next(ctx, dead, req, rsp, opts)
		}
	}
	c := newClient(t, tr, client.Selector(nodesAt(reached.addr, other.addr)), client.Retries(5), client.WrapCall(twice))
	if _, err := call(context.Background(), c, ""); err == nil || len(other.received()) != 0 {
		t.Errorf("the request went to a second node: %v", err)
	}
}

func TestFunctionsOfThePackageUseTheDefaultClient(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	b := &recorder{}
	former := client.DefaultClient
	client.DefaultClient = newClient(t, tr, client.Broker(b))
	t.Cleanup(func() { client.DefaultClient = former })

	req := client.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"})
	var rsp echoBody
	if err := client.Call(context.Background(), req, &rsp, client.WithAddress(p.addr)); err != nil || rsp.Name != "Ada" {
		t.Errorf("Call gave %q, %v", rsp.Name, err)
	}
	stream, err := client.NewStream(context.Background(), req, client.WithAddress(p.addr))
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	if err := client.Publish(context.Background(), client.NewMessage("t", nil)); err != nil || len(b.messages) != 1 {
		t.Errorf("Publish published %d messages, %v", len(b.messages), err)
	}
}
