package client_test

import (
	"context"
	stderrors "errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestEveryErrorOfACallHasItsCause(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	broken := stderrors.New("broken")
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(broken)
	past, done := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer done()
	short := func(o *client.CallOptions) { o.ConnectionTimeout = 10 * time.Millisecond }
	for _, e := range []struct {
		name string
		ctx  context.Context
		tr   transport.Transport
		at   selector.Selector
		opts []client.CallOption
		body any
		want error
		code int32
	}{
		{name: "unknown service", at: &fixedNodes{selects: selector.ErrNotFound}, want: selector.ErrNotFound, code: 500},
		{name: "unknown service of the default selector", at: selectorOf(t), want: selector.ErrNoneAvailable, code: 500},
		{name: "no node", at: &fixedNodes{selects: selector.ErrNoneAvailable}, want: selector.ErrNoneAvailable, code: 500},
		{name: "no next node", at: &fixedNodes{next: selector.ErrNoneAvailable}, want: selector.ErrNoneAvailable, code: 500},
		{name: "next node not found", at: &fixedNodes{next: selector.ErrNotFound}, want: selector.ErrNotFound, code: 500},
		{name: "selector", at: &fixedNodes{selects: broken}, want: broken, code: 500},
		{name: "cancelled", ctx: canceled, at: nodesAt(p.addr), want: context.Canceled, code: 408},
		{name: "cancelled because", ctx: canceled, at: nodesAt(p.addr), want: broken, code: 408},
		{name: "deadline", ctx: past, at: nodesAt(p.addr), want: context.DeadlineExceeded, code: 408},
		{name: "deadline of the attempt", at: nodesAt(newPeer(t, tr, silent).addr), opts: []client.CallOption{short}, want: context.DeadlineExceeded, code: 408},
		{name: "deadline of the call", at: nodesAt(newPeer(t, tr, silent).addr), opts: []client.CallOption{client.WithRequestTimeout(10 * time.Millisecond)}, want: context.DeadlineExceeded, code: 408},
		{name: "refused", at: nodesAt("127.0.0.1:1"), want: transport.ErrNotSent, code: 500},
		{name: "refused by the system", tr: transport.NewHTTPTransport(), at: nodesAt("127.0.0.1:1"), want: transport.ErrNotSent, code: 500},
		{name: "too large", tr: narrow{tr}, at: nodesAt(p.addr), want: transport.ErrMessageTooLarge, code: 500},
		{name: "lost", at: nodesAt(newPeer(t, tr, hangUp).addr), want: io.EOF, code: 500},
		{name: "backoff", at: nodesAt(p.addr), opts: []client.CallOption{client.WithBackoff(
			func(context.Context, client.Request, int) (time.Duration, error) { return 0, broken })}, want: broken, code: 500},
		{name: "codec", at: nodesAt(p.addr), body: unencodable{broken}, want: broken, code: 500},
		{name: "panic", at: nodesAt(p.addr), body: unencodable{nil}, want: io.ErrNoProgress, code: 500},
	} {
		t.Run(e.name, func(t *testing.T) {
			if e.tr == nil {
				e.tr = tr
			}
			if e.ctx == nil {
				e.ctx = context.Background()
			}
			if e.body == nil {
				e.body = &echoBody{"Ada"}
			}
			c := newClient(t, e.tr, client.Selector(e.at))
			err := c.Call(e.ctx, c.NewRequest("greeter", "Greeter.Hello", e.body), nil, e.opts...)
			if _, ok := err.(*errors.Error); !ok {
				t.Fatalf("the error is %T, want *errors.Error", err)
			}
			if !stderrors.Is(err, e.want) || errors.FromError(err).Code != e.code {
				t.Errorf("%v: is it %v: %v; want code %d", err, e.want, stderrors.Is(err, e.want), e.code)
			}
		})
	}
}

// unencodable is a body that fails with an error, or panics without one.
type unencodable struct{ err error }

func (u unencodable) MarshalJSON() ([]byte, error) {
	if u.err == nil {
		panic(io.ErrNoProgress)
	}
	return nil, u.err
}

func TestTheErrorOfTheDialIsFoundByItsType(t *testing.T) {
	c := newClient(t, transport.NewHTTPTransport())
	_, err := call(context.Background(), c, "127.0.0.1:1")
	var op *net.OpError
	if !stderrors.As(err, &op) || op.Op != "dial" {
		t.Errorf("in %v errors.As finds %v", err, op)
	}
}

func TestTheErrorOfACodecIsFound(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	req := c.NewRequest("greeter", "Greeter.Hello", "no protobuf", client.WithContentType("application/protobuf"))
	err := c.Call(context.Background(), req, nil, client.WithAddress(p.addr))
	if !stderrors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("the error is %v", err)
	}
}

func TestAPlainErrorOfAHandlerSaysWhoseItIs(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, fail("it is 100% broken"))
	_, err := call(context.Background(), newClient(t, tr), p.addr)
	e, ok := err.(*errors.Error)
	if !ok || e.Code != 500 || e.Detail != "it is 100% broken" || e.Error() != e.Detail {
		t.Fatalf("the error is %T %v", err, err)
	}
	for _, part := range []string{"greeter", "Greeter.Hello", p.addr} {
		if !strings.Contains(e.Id, part) {
			t.Errorf("the id %q does not name %s", e.Id, part)
		}
	}
}

// answerAfter answers with an error once d is over.
func answerAfter(d time.Duration, text string) serve {
	return func(s transport.Socket, m *transport.Message) error {
		time.Sleep(d)
		return fail(text)(s, m)
	}
}

func TestADeadlineThatPassesOnBothSidesIsADeadline(t *testing.T) {
	for _, text := range []string{
		context.DeadlineExceeded.Error(),
		"looking up the user: context deadline exceeded",
		errors.Timeout("go.micro.server", "too late").Error(),
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := transport.NewMemoryTransport()
			p := newPeer(t, tr, answerAfter(time.Second, text))
			c := newClient(t, tr)
			for name, ask := range map[string]func() error{
				"request timeout": func() error {
					_, err := call(context.Background(), c, p.addr, client.WithRequestTimeout(time.Second))
					return err
				},
				"deadline": func() error {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					defer cancel()
					_, err := call(ctx, c, p.addr)
					return err
				},
				"attempt": func() error {
					_, err := call(context.Background(), c, p.addr, connectionTimeout(time.Second))
					return err
				},
			} {
				for range 100 {
					err := ask()
					if !stderrors.Is(err, context.DeadlineExceeded) || errors.FromError(err).Code != 408 {
						t.Fatalf("%s: the error is %T %v", name, err, err)
					}
				}
			}
		})
	}
}

func TestADeadlineThatPassesOnBothSidesOfTheNetworkIsADeadline(t *testing.T) {
	s := server.NewServer(server.Name("node"), server.Address("127.0.0.1:0"), server.Registry(registry.NewMemoryRegistry()),
		server.Broker(broker.NewMemoryBroker()), server.Transport(transport.NewHTTPTransport()))
	if err := s.Handle(s.NewHandler(&Sleeper{})); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for name, tr := range map[string]transport.Transport{
		"multiplexed": transport.NewHTTPTransport(),
		"plain":       transport.NewHTTPTransport(transport.DisableMux()),
	} {
		c := newClient(t, tr)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 40 {
					req := c.NewRequest("node", "Sleeper.Sleep", &Request{})
					err := c.Call(context.Background(), req, nil, client.WithAddress(s.Options().Address), client.WithRequestTimeout(5*time.Millisecond))
					if !stderrors.Is(err, context.DeadlineExceeded) || errors.FromError(err).Code != 408 {
						t.Errorf("%s: the error is %T %v", name, err, err)
					}
				}
			})
		}
		callers.Wait()
	}
}

// Sleeper is a service whose one method returns with its context.
type Sleeper struct{}

func (*Sleeper) Sleep(ctx context.Context, _ *Request, _ *Response) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAStreamsDeadlineThatPassesOnBothSidesIsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, answerAfter(time.Second, context.DeadlineExceeded.Error()))
		c := newClient(t, tr)
		for range 100 {
			s, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"Ada"}),
				client.WithAddress(p.addr), client.WithStreamTimeout(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Recv(nil); err != context.DeadlineExceeded {
				t.Fatalf("Recv returns %v", err)
			}
			s.Close()
		}
	})
}

func TestAnErrorThatArrivesInTimeIsTheHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, answerAfter(time.Second, "no such user"))
		_, err := call(context.Background(), newClient(t, tr), p.addr, client.WithRequestTimeout(2*time.Second))
		if err == nil || err.Error() != "no such user" || stderrors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestErrorsNameWhatTheyAreAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, silent)
		c := newClient(t, tr, client.Selector(selectorOf(t, p.addr)))
		for name, e := range map[string]struct {
			opts []client.CallOption
			want []string
		}{
			"timeout": {[]client.CallOption{client.WithRequestTimeout(2 * time.Second)},
				[]string{"call timeout: context deadline exceeded", "greeter", "Greeter.Hello", p.addr, "2s"}},
			"one filter": {[]client.CallOption{client.WithSelectOption(selector.WithFilter(selector.FilterVersion("9")))},
				[]string{"error selecting greeter node: none available", "service greeter", "selector.FilterVersion"}},
			"several filters": {[]client.CallOption{client.WithSelectOption(selector.WithFilter(selector.FilterEndpoint("Greeter.None"), selector.FilterLabel("a", "b")))},
				[]string{"none available", "service greeter", "selector.FilterEndpoint, selector.FilterLabel"}},
			"a filter of one's own": {[]client.CallOption{client.WithSelectOption(selector.WithFilter(nobody))},
				[]string{"none available", "client_test.nobody"}},
		} {
			_, err := call(context.Background(), c, "", e.opts...)
			for _, part := range e.want {
				if !strings.Contains(errors.FromError(err).Detail, part) {
					t.Errorf("%s: %v does not name %q", name, err, part)
				}
			}
		}
	})
}

func nobody([]*registry.Service) []*registry.Service { return nil }

func TestCallsThatLackSomethingAreRefused(t *testing.T) {
	c := newClient(t, transport.NewMemoryTransport(), client.Broker(&recorder{}))
	req := c.NewRequest("greeter", "Greeter.Hello", nil)
	var noContext context.Context
	stream := func(ctx context.Context, req client.Request) error {
		_, err := c.Stream(ctx, req)
		return err
	}
	for name, err := range map[string]error{
		"call without a request":    c.Call(context.Background(), nil, nil),
		"call without a context":    c.Call(noContext, req, nil),
		"stream without a request":  stream(context.Background(), nil),
		"stream without a context":  stream(noContext, req),
		"publish without a message": c.Publish(context.Background(), nil),
		"publish without a context": c.Publish(noContext, c.NewMessage("t", nil)),
		"publish without a topic":   c.Publish(context.Background(), c.NewMessage("", nil)),
	} {
		if e := errors.FromError(err); e.GetCode() != 400 || e.GetId() != "go.micro.client" {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if err := c.Publish(context.Background(), c.NewMessage("", nil), client.WithExchange("t")); err != nil {
		t.Errorf("with an exchange: %v", err)
	}
}
