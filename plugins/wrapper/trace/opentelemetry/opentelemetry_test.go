package opentelemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/justcy/go-micro/plugins/v4/wrapper/trace/opentelemetry"
	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/microtest"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// newProvider returns a provider and what its spans are exported to.
func newProvider(t testing.TB) (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	t.Cleanup(func() {
		if err := tp.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tp, exporter
}

type Request struct{ Name string }
type Response struct{ Text string }

// Front calls Back, by a call and by a stream.
type Front struct{ client client.Client }

func (f *Front) Sell(ctx context.Context, req *Request, rsp *Response) error {
	if err := f.client.Call(ctx, f.client.NewRequest("back", "Back.Store", req), rsp); err != nil {
		return err
	}
	s, err := f.client.Stream(ctx, f.client.NewRequest("back", "Back.Follow", req))
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Recv(rsp)
}

// Back stores, and publishes.
type Back struct{ client client.Client }

func (b *Back) Store(ctx context.Context, req *Request, rsp *Response) error {
	rsp.Text = "stored " + req.Name
	return b.client.Publish(ctx, b.client.NewMessage("sold", req))
}

func (b *Back) Follow(_ context.Context, s server.Stream) error {
	return s.Send(&Response{"followed"})
}

// network makes services that call each other.
type network interface {
	service(name string, opts ...micro.Option) micro.Service
	start(...micro.Service)
	client(name string) client.Client
}

// inMemory is a network of package microtest.
type inMemory struct{ *microtest.Network }

func (n inMemory) service(name string, opts ...micro.Option) micro.Service {
	return n.Service(name, opts...)
}
func (n inMemory) start(s ...micro.Service)         { n.Start(s...) }
func (n inMemory) client(name string) client.Client { return n.Client(name) }

// overHTTP is a network of HTTP on 127.0.0.1, for calls and for messages.
type overHTTP struct {
	t   *testing.T
	reg registry.Registry
}

func (n overHTTP) parts() (client.Client, server.Server, broker.Broker) {
	tr := transport.NewHTTPTransport()
	b := broker.NewBroker(broker.Registry(n.reg), broker.Addrs("127.0.0.1:0"))
	sel := selector.NewSelector(selector.Registry(n.reg))
	c := client.NewClient(client.Registry(n.reg), client.Selector(sel), client.Transport(tr), client.Broker(b))
	n.t.Cleanup(func() {
		_ = sel.Close()
		_ = c.(io.Closer).Close()
	})
	return c, server.NewServer(server.Address("127.0.0.1:0"), server.Registry(n.reg), server.Broker(b), server.Transport(tr)), b
}

func (n overHTTP) service(name string, opts ...micro.Option) micro.Service {
	c, s, b := n.parts()
	return micro.NewService(append([]micro.Option{micro.Client(c), micro.Server(s), micro.Broker(b), micro.Registry(n.reg),
		micro.Name(name), micro.HandleSignal(false), micro.Logger(quiet())}, opts...)...)
}

func (n overHTTP) start(services ...micro.Service) {
	for _, s := range services {
		started, ended := make(chan struct{}), make(chan error, 1)
		ctx, stop := context.WithCancel(context.Background())
		s.Init(micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))
		go func() { ended <- s.Run() }()
		select {
		case <-started:
		case err := <-ended:
			n.t.Fatal(err)
		}
		n.t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				n.t.Error(err)
			}
		})
	}
}

func (n overHTTP) client(string) client.Client {
	c, _, _ := n.parts()
	return c
}

func quiet() logger.Logger {
	return logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel))
}

// runShop makes and starts the services, and returns who calls them.
func runShop(t *testing.T, n network, tp trace.TracerProvider, received func(context.Context), front ...server.HandlerOption) client.Client {
	t.Helper()
	with := opentelemetry.WithTraceProvider(tp)
	traced := []micro.Option{
		micro.WrapClient(opentelemetry.NewClientWrapper(with)),
		micro.WrapHandler(opentelemetry.NewHandlerWrapper(with)),
		micro.WrapSubscriber(opentelemetry.NewSubscriberWrapper(with)),
	}
	entrance, back, mailer := n.service("front", traced...), n.service("back", traced...), n.service("mailer", traced...)
	for _, s := range []micro.Service{entrance, back, mailer} {
		if err := s.Client().Init(client.ContentType("application/json")); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		micro.RegisterHandler(entrance.Server(), &Front{entrance.Client()}, front...),
		micro.RegisterHandler(back.Server(), &Back{back.Client()}),
		micro.RegisterSubscriber("sold", mailer.Server(), func(ctx context.Context, _ *Request) error {
			received(ctx)
			return nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	n.start(entrance, back, mailer)
	c := opentelemetry.NewClientWrapper(with)(n.client("shop"))
	if err := c.Init(client.ContentType("application/json")); err != nil {
		t.Fatal(err)
	}
	return c
}

// tree is the spans as indented names, children in the order of their names.
func tree(spans tracetest.SpanStubs) string {
	var out strings.Builder
	var walk func(parent trace.SpanID, depth int)
	walk = func(parent trace.SpanID, depth int) {
		var children tracetest.SpanStubs
		for _, s := range spans {
			if s.Parent.SpanID() == parent {
				children = append(children, s)
			}
		}
		slices.SortFunc(children, func(a, b tracetest.SpanStub) int { return strings.Compare(a.Name, b.Name) })
		for _, s := range children {
			fmt.Fprintf(&out, "%s%s (%s)\n", strings.Repeat("  ", depth), s.Name, s.SpanKind)
			walk(s.SpanContext.SpanID(), depth+1)
		}
	}
	walk(trace.SpanID{}, 0)
	return out.String()
}

const wholeTree = `front.Front.Sell (client)
  front.Front.Sell (server)
    back.Back.Follow (client)
      back.Back.Follow (server)
    back.Back.Store (client)
      back.Back.Store (server)
        Pub to sold (client)
          Sub from sold (server)
`

func TestATraceCrossesServicesStreamsAndTheBrokerAsOneTree(t *testing.T) {
	for name, n := range map[string]network{
		"memory": inMemory{microtest.New(t, microtest.Logger(quiet()))},
		"http":   overHTTP{t, registry.NewMemoryRegistry()},
	} {
		t.Run(name, func(t *testing.T) {
			tp, exporter := newProvider(t)
			if o, ok := n.(overHTTP); ok {
				o.t, n = t, overHTTP{t, o.reg}
			}
			var wg sync.WaitGroup
			wg.Add(1)
			c := runShop(t, n, tp, func(context.Context) { wg.Done() })
			if err := c.Call(t.Context(), c.NewRequest("front", "Front.Sell", &Request{"lamp"}), new(Response)); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			eventually(t, func() bool { return len(exporter.GetSpans()) == 8 }, func() string { return tree(exporter.GetSpans()) })
			spans := exporter.GetSpans()
			if got := tree(spans); got != wholeTree {
				t.Errorf("got\n%swant\n%s", got, wholeTree)
			}
			for _, s := range spans {
				if s.SpanContext.TraceID() != spans[0].SpanContext.TraceID() {
					t.Errorf("%s is in another trace", s.Name)
				}
			}
		})
	}
}

// eventually waits for spans that end a little after the reply.
func eventually(t *testing.T, ok func() bool, state func() string) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("did not happen; the state is\n%s", state())
		}
	}
}

// request is a request of both sides.
type request struct {
	client.Request
	stream bool
}

func (request) Service() string     { return "greeter" }
func (request) Endpoint() string    { return "Greeter.Hello" }
func (r request) Stream() bool      { return r.stream }
func (request) ContentType() string { return "" }

type serverRequest struct{ server.Request }

func (serverRequest) Service() string  { return "greeter" }
func (serverRequest) Endpoint() string { return "Greeter.Hello" }

type serverMessage struct{ server.Message }

func (serverMessage) Topic() string { return "news" }

type clientMessage struct{ client.Message }

func (clientMessage) Topic() string { return "news" }

// fake is a client that does nothing but remember the context.
type fake struct {
	client.Client
	ctx    context.Context
	err    error
	stream client.Stream
}

func (f *fake) Call(ctx context.Context, _ client.Request, _ any, _ ...client.CallOption) error {
	f.ctx = ctx
	return f.err
}

func (f *fake) Publish(ctx context.Context, _ client.Message, _ ...client.PublishOption) error {
	f.ctx = ctx
	return f.err
}

func (f *fake) Stream(ctx context.Context, _ client.Request, _ ...client.CallOption) (client.Stream, error) {
	f.ctx = ctx
	return f.stream, f.err
}

// fakeStream is a stream that has its error at once.
type fakeStream struct {
	client.Stream
	ctx context.Context
	err error
}

func (s *fakeStream) Context() context.Context { return s.ctx }
func (s *fakeStream) Recv(any) error           { return s.err }
func (s *fakeStream) Error() error             { return s.err }
func (s *fakeStream) Close() error             { return nil }

func TestTheSpanOfAStreamLastsUntilItsEnd(t *testing.T) {
	broken := errors.New("broken")
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tc := range map[string]struct {
		ctx   context.Context
		err   error
		spans int
		code  codes.Code
	}{
		"a message":            {t.Context(), nil, 0, 0},
		"a message that fails": {t.Context(), broken, 0, 0},
		"the end":              {t.Context(), io.EOF, 1, codes.Unset},
		"a failure":            {ended, broken, 1, codes.Error},
	} {
		t.Run(name, func(t *testing.T) {
			tp, exporter := newProvider(t)
			c := opentelemetry.NewClientWrapper(opentelemetry.WithTraceProvider(tp))(&fake{stream: &fakeStream{ctx: tc.ctx, err: tc.err}})
			s, err := c.Stream(t.Context(), request{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Recv(nil); err != tc.err {
				t.Errorf("received %v", err)
			}
			if n := len(exporter.GetSpans()); n != tc.spans {
				t.Errorf("%d spans before it is closed", n)
			}
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			if spans := exporter.GetSpans(); len(spans) != 1 || tc.spans > 0 && spans[0].Status.Code != tc.code {
				t.Errorf("the spans are %v", spans)
			}
		})
	}
}

func TestAttributesFollowTheSemanticConventions(t *testing.T) {
	tp, exporter := newProvider(t)
	with := opentelemetry.WithTraceProvider(tp)
	failed := microerrors.NotFound("greeter", "nobody there")
	call := opentelemetry.NewCallWrapper(with)(func(context.Context, *registry.Node, client.Request, any, client.CallOptions) error {
		return fmt.Errorf("attempt: %w", failed)
	})
	_ = call(t.Context(), &registry.Node{Address: "10.0.0.1:8080"}, request{}, nil, client.CallOptions{})
	ctx := metadata.NewContext(t.Context(), metadata.Metadata{"Remote": "[::1]:9"})
	_ = opentelemetry.NewHandlerWrapper(with)(func(context.Context, server.Request, any) error { return context.DeadlineExceeded })(ctx, serverRequest{}, nil)
	_ = opentelemetry.NewSubscriberWrapper(with)(func(context.Context, server.Message) error { return nil })(t.Context(), serverMessage{})
	_ = opentelemetry.NewClientWrapper(with)(&fake{err: errors.New("plain")}).Publish(t.Context(), clientMessage{})

	want := []map[string]string{
		{"rpc.system.name": "go-micro", "rpc.method": "greeter/Greeter.Hello", "server.address": "10.0.0.1", "server.port": "8080", "error.type": "404", "rpc.response.status_code": "404"},
		{"rpc.system.name": "go-micro", "rpc.method": "greeter/Greeter.Hello", "network.peer.address": "::1", "network.peer.port": "9", "error.type": "timeout"},
		{"messaging.system": "go-micro", "messaging.destination.name": "news", "messaging.operation.type": "process"},
		{"messaging.system": "go-micro", "messaging.destination.name": "news", "messaging.operation.type": "send", "error.type": "*errors.errorString"},
	}
	spans := exporter.GetSpans()
	for i, want := range want {
		if got := attributes(spans[i].Attributes); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\ngot  %v\nwant %v", spans[i].Name, got, want)
		}
		if isError := want["error.type"] != ""; isError != (spans[i].Status.Code == codes.Error) || isError != (len(spans[i].Events) == 1) {
			t.Errorf("%s: status %v, %d events", spans[i].Name, spans[i].Status, len(spans[i].Events))
		}
	}
	if name := spans[0].InstrumentationScope.Name; name != "github.com/justcy/go-micro/plugins/v4/wrapper/trace/opentelemetry" {
		t.Errorf("the tracer is %s", name)
	}
}

func attributes(list []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		m[string(a.Key)] = a.Value.String()
	}
	return m
}

func TestALocalParentWins(t *testing.T) {
	tp, exporter := newProvider(t)
	ctx := metadata.NewContext(t.Context(), metadata.Metadata{
		"Traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
		"Tracestate":  "other=1",
		"Tenant":      "t",
	})
	remote, far := opentelemetry.StartSpanFromContext(ctx, tp, "remote child")
	local, near := opentelemetry.StartSpanFromContext(remote, tp, "local child")
	f := new(fake)
	if err := opentelemetry.NewClientWrapper(opentelemetry.WithTraceProvider(tp))(f).Call(local, request{}, nil); err != nil {
		t.Fatal(err)
	}
	near.End()
	far.End()
	spans := exporter.GetSpans()
	if got := spans[2].Parent.SpanID().String(); got != "0123456789abcdef" || spans[2].SpanContext.TraceID().String() != "0123456789abcdef0123456789abcdef" {
		t.Errorf("the remote parent is %s", got)
	}
	if spans[1].Parent.SpanID() != spans[2].SpanContext.SpanID() || spans[0].Parent.SpanID() != spans[1].SpanContext.SpanID() {
		t.Error("a local span is not the parent")
	}
	md, _ := metadata.FromContext(f.ctx)
	if want := "00-0123456789abcdef0123456789abcdef-" + spans[0].SpanContext.SpanID().String() + "-01"; md["Traceparent"] != want || md["Tracestate"] != "other=1" || md["Tenant"] != "t" {
		t.Errorf("sent %v, want %s", md, want)
	}
}

func TestHeadersFullOfGarbageBeginANewTrace(t *testing.T) {
	for name, md := range map[string]metadata.Metadata{
		"nonsense": {"Traceparent": "\xff\x00; DROP TABLE spans"},
		"zeros":    {"Traceparent": "00-00000000000000000000000000000000-0000000000000000-00"},
		"version":  {"Traceparent": "ff-0123456789abcdef0123456789abcdef-0123456789abcdef-01"},
		"long":     {"Traceparent": strings.Repeat("0", 60_000), "Tracestate": strings.Repeat("a=b,", 10_000), "Baggage": strings.Repeat("a=b,", 10_000)},
		"state":    {"Traceparent": "00--", "Tracestate": "=,=,=", "Baggage": "%%%"},
	} {
		t.Run(name, func(t *testing.T) {
			tp, exporter := newProvider(t)
			var inside context.Context
			handle := opentelemetry.NewHandlerWrapper(opentelemetry.WithTraceProvider(tp))(func(ctx context.Context, _ server.Request, _ any) error {
				inside = ctx
				return nil
			})
			if err := handle(metadata.NewContext(t.Context(), md), serverRequest{}, nil); err != nil {
				t.Fatal(err)
			}
			s := exporter.GetSpans()[0]
			if s.Parent.IsValid() || !s.SpanContext.IsValid() {
				t.Errorf("parent %v, span %v", s.Parent, s.SpanContext)
			}
			sent, _ := metadata.FromContext(inside)
			if sent["Traceparent"] != fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID()) || len(sent["Tracestate"]) > 0 {
				t.Errorf("travels on with %.200v", sent)
			}
		})
	}
}

func TestWhatAFilterNamesIsNotTraced(t *testing.T) {
	tp, exporter := newProvider(t)
	opts := []opentelemetry.Option{
		nil,
		opentelemetry.WithTraceProvider(tp),
		opentelemetry.WithCallFilter(func(context.Context, client.Request) bool { return true }),
		opentelemetry.WithStreamFilter(func(context.Context, client.Request) bool { return true }),
		opentelemetry.WithPublishFilter(func(context.Context, client.Message) bool { return true }),
		opentelemetry.WithSubscribeFilter(func(context.Context, server.Message) bool { return true }),
		opentelemetry.WithHandleFilter(func(context.Context, server.Request) bool { return true }),
	}
	c := opentelemetry.NewClientWrapper(opts...)(new(fake))
	_ = c.Call(t.Context(), request{}, nil)
	_, _ = c.Stream(t.Context(), request{})
	_ = c.Publish(t.Context(), clientMessage{})
	_ = opentelemetry.NewHandlerWrapper(opts...)(func(context.Context, server.Request, any) error { return nil })(t.Context(), serverRequest{}, nil)
	_ = opentelemetry.NewSubscriberWrapper(opts...)(func(context.Context, server.Message) error { return nil })(t.Context(), serverMessage{})
	_ = opentelemetry.NewCallWrapper(opts...)(func(context.Context, *registry.Node, client.Request, any, client.CallOptions) error { return nil })(t.Context(), nil, request{}, nil, client.CallOptions{})
	if spans := exporter.GetSpans(); len(spans) != 0 {
		t.Errorf("%d spans", len(spans))
	}
}

func TestAHandlerThatPanicsEndsItsSpan(t *testing.T) {
	tp, exporter := newProvider(t)
	handle := opentelemetry.NewHandlerWrapper(opentelemetry.WithTraceProvider(tp))(func(context.Context, server.Request, any) error { panic("no") })
	func() {
		defer func() { _ = recover() }()
		_ = handle(t.Context(), serverRequest{}, nil)
	}()
	if spans := exporter.GetSpans(); len(spans) != 1 || spans[0].Status.Code != codes.Error {
		t.Errorf("%d spans", len(spans))
	}
}

func TestNilContextsAndRequestsAreLeftToTheClient(t *testing.T) {
	f := &fake{err: errors.New("refused")}
	c := opentelemetry.NewClientWrapper()(f)
	var none context.Context
	if err := c.Call(none, nil, nil); err != f.err {
		t.Error(err)
	}
	if err := c.Publish(none, nil); err != f.err {
		t.Error(err)
	}
	if _, err := c.Stream(none, nil); err != f.err {
		t.Error(err)
	}
}

func TestAnotherPropagatorMayCarryTheTrace(t *testing.T) {
	tp, _ := newProvider(t)
	f := new(fake)
	c := opentelemetry.NewClientWrapper(opentelemetry.WithTraceProvider(tp), opentelemetry.WithPropagator(xRay{}))(f)
	if err := c.Call(t.Context(), request{}, nil); err != nil {
		t.Fatal(err)
	}
	if md, _ := metadata.FromContext(f.ctx); md["X-Test-Trace"] == "" || md["Traceparent"] != "" {
		t.Errorf("sent %v", md)
	}
}

type xRay struct{}

func (xRay) Inject(ctx context.Context, c propagation.TextMapCarrier) {
	c.Set("x-test-trace", trace.SpanContextFromContext(ctx).TraceID().String())
}
func (xRay) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context { return ctx }
func (xRay) Fields() []string                                                          { return []string{"x-test-trace"} }
