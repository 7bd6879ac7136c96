package wrapper_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/stats"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

var bg = context.Background()

func withMetadata(key, value string) context.Context {
	return metadata.NewContext(bg, metadata.Metadata{key: value})
}

func TestFromServiceNamesTheCaller(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		fake := new(fakeClient)
		c := wrapper.FromService("blog", fake)
		if err := do(c, bg); err != nil || fake.sent["Micro-From-Service"] != "blog" {
			t.Errorf("sent %v, %v", fake.sent, err)
		}
		if err := do(c, withMetadata("Micro-From-Service", "shop")); err != nil || fake.sent["Micro-From-Service"] != "shop" {
			t.Errorf("it was overwritten: %v, %v", fake.sent, err)
		}
	})
}

func TestWrappedClientsCanBeClosed(t *testing.T) {
	fake := new(fakeClient)
	c := wrapper.TraceCall("blog", nil, wrapper.AuthCall(nil, wrapper.FromService("blog", fake)))
	if err := c.(io.Closer).Close(); err != nil || !fake.closed {
		t.Errorf("closed: %v, %v", fake.closed, err)
	}
}

func authOf(token *auth.Token) func() auth.Auth {
	a := auth.NewAuth(auth.Namespace("ns"), auth.ClientToken(token))
	return func() auth.Auth { return a }
}

func valid() *auth.Token {
	return &auth.Token{AccessToken: "secret", Expiry: time.Now().Add(time.Hour)}
}

func TestStreamsAndEventsAreAuthenticated(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		fake := new(fakeClient)
		if err := do(wrapper.AuthCall(authOf(valid()), fake), bg); err != nil {
			t.Fatal(err)
		}
		if fake.sent["Authorization"] != "Bearer secret" || fake.sent["Micro-Namespace"] != "ns" {
			t.Errorf("sent %v", fake.sent)
		}
	})
}

func TestCallsCarryTheTokenOfTheService(t *testing.T) {
	own := withMetadata("Authorization", "mine")
	for name, tc := range map[string]struct {
		auth          func() auth.Auth
		ctx           context.Context
		opts          []client.CallOption
		authorization string
		namespace     string
	}{
		"token":              {authOf(valid()), bg, nil, "Bearer secret", "ns"},
		"the caller's own":   {authOf(valid()), own, nil, "mine", ""},
		"in any case":        {authOf(valid()), withMetadata("authorization", "mine"), nil, "mine", ""},
		"service token":      {authOf(valid()), own, []client.CallOption{client.WithServiceToken()}, "Bearer secret", "ns"},
		"namespace is kept":  {authOf(valid()), withMetadata("Micro-Namespace", "other"), nil, "Bearer secret", "other"},
		"no token":           {authOf(nil), bg, nil, "", "ns"},
		"expired token":      {authOf(&auth.Token{AccessToken: "old"}), bg, nil, "", "ns"},
		"no auth":            {func() auth.Auth { return nil }, bg, nil, "", ""},
		"no function either": {nil, bg, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fake := new(fakeClient)
			if err := wrapper.AuthCall(tc.auth, fake).Call(tc.ctx, hello, nil, tc.opts...); err != nil {
				t.Fatal(err)
			}
			authorization, _ := metadata.Get(fake.ctx, "Authorization")
			namespace, _ := metadata.Get(fake.ctx, "Micro-Namespace")
			if authorization != tc.authorization || namespace != tc.namespace {
				t.Errorf("sent %v", fake.sent)
			}
		})
	}
}

func TestAuthCallSeesAReplacedAuth(t *testing.T) {
	fake, current := new(fakeClient), authOf(nil)
	c := wrapper.AuthCall(func() auth.Auth { return current() }, fake)
	current = authOf(valid())
	if err := c.Call(bg, hello, nil); err != nil || fake.sent["Authorization"] != "Bearer secret" {
		t.Errorf("sent %v, %v", fake.sent, err)
	}
}

func TestHandlerStatsRecordsEveryOutcome(t *testing.T) {
	s := stats.NewStats()
	broken := errors.New("broken")
	run := func(h server.HandlerFunc) error {
		defer func() { _ = recover() }()
		return wrapper.HandlerStats(s)(h)(bg, serverRequest{hello}, nil)
	}
	if err := run(func(context.Context, server.Request, any) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := run(func(context.Context, server.Request, any) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
	run(func(context.Context, server.Request, any) error { panic("boom") })
	records, _ := s.Read()
	if got := records[len(records)-1]; got.Requests != 3 || got.Errors != 2 {
		t.Errorf("got %d requests, %d errors", got.Requests, got.Errors)
	}
}

// only returns the one span a tracer has recorded.
func only(t *testing.T, tracer trace.Tracer) *trace.Span {
	t.Helper()
	spans, err := tracer.Read()
	if err != nil || len(spans) != 1 {
		t.Fatalf("%d spans, %v", len(spans), err)
	}
	return spans[0]
}

func TestStreamsAndEventsAreTraced(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		tracer, fake := trace.NewTracer(), new(fakeClient)
		if err := do(wrapper.TraceCall("blog", tracer, fake), bg); err != nil {
			t.Fatal(err)
		}
		span := only(t, tracer)
		if span.Type != trace.SpanTypeRequestOutbound || len(span.Metadata) != 0 {
			t.Errorf("the span is %+v", *span)
		}
		if span.Name != "greeter.Greeter.Hello" && span.Name != "publish news" {
			t.Errorf("it is called %q", span.Name)
		}
		if id, parent, ok := trace.FromContext(fake.ctx); !ok || id != span.Trace || parent != span.Id {
			t.Errorf("the trace was not passed on: %v", fake.sent)
		}
	})
}

func TestASpanHasTheErrorOfItsWork(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		tracer, fake := trace.NewTracer(), &fakeClient{err: errors.New("broken")}
		if err := do(wrapper.TraceCall("blog", tracer, fake), bg); err != fake.err {
			t.Fatalf("got %v", err)
		}
		if got := only(t, tracer).Metadata["error"]; got != "broken" {
			t.Errorf("got %q", got)
		}
	})
}

func TestTheSpanOfAStreamLastsUntilItEnds(t *testing.T) {
	tracer, fake := trace.NewTracer(), new(fakeClient)
	s, err := wrapper.TraceCall("blog", tracer, fake).Stream(bg, hello)
	if err != nil {
		t.Fatal(err)
	}
	if spans, _ := tracer.Read(); len(spans) != 0 {
		t.Fatal("it ended with the opening")
	}
	fake.stream.err = errors.New("broken")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if got := only(t, tracer).Metadata["error"]; got != "broken" {
		t.Errorf("got %q", got)
	}
}

func TestTheSpanOfAStreamEndsWhenAReceiveTellsOfItsEnd(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		err   error
		ended bool // and with it the context
		spans int
		text  string
	}{
		"a message":            {nil, false, 0, ""},
		"a message that fails": {broken, false, 0, ""},
		"the end":              {io.EOF, false, 1, ""},
		"a failure":            {broken, true, 1, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, fake := trace.NewTracer(), new(fakeClient)
			s, err := wrapper.TraceCall("blog", tracer, fake).Stream(bg, hello)
			if err != nil {
				t.Fatal(err)
			}
			fake.stream.err = tc.err
			if tc.ended {
				fake.stream.end()
			}
			if err := s.Recv(nil); err != tc.err {
				t.Errorf("received %v", err)
			}
			if spans, _ := tracer.Read(); len(spans) != tc.spans {
				t.Fatalf("%d spans", len(spans))
			}
			if tc.spans > 0 && only(t, tracer).Metadata["error"] != tc.text {
				t.Errorf("the span is %+v", *only(t, tracer))
			}
		})
	}
}

func TestTheSpanOfAStreamEndsWithItsContext(t *testing.T) {
	tracer, fake := trace.NewTracer(), new(fakeClient)
	if _, err := wrapper.TraceCall("blog", tracer, fake).Stream(bg, hello); err != nil {
		t.Fatal(err)
	}
	fake.stream.err = io.EOF
	fake.stream.end()
	testkit.Eventually(t, "the span ends", func() bool {
		spans, _ := tracer.Read()
		return len(spans) > 0
	})
	if got := only(t, tracer).Metadata; len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// nilTracer returns neither context nor span.
type nilTracer struct{ trace.Tracer }

func (nilTracer) Start(context.Context, string) (context.Context, *trace.Span) { return nil, nil }

func TestANilSpanIsTolerated(t *testing.T) {
	for _, tracer := range []trace.Tracer{nilTracer{}, nil} {
		fake := new(fakeClient)
		if err := wrapper.TraceCall("blog", tracer, fake).Call(bg, hello, nil); err != nil || fake.ctx == nil {
			t.Errorf("got %v, context %v", err, fake.ctx)
		}
		h := wrapper.TraceHandler(tracer)(func(ctx context.Context, _ server.Request, _ any) error { return ctx.Err() })
		if err := h(bg, serverRequest{hello}, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestTheOutcomeOfAHandlerIsInItsSpan(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		handler server.HandlerFunc
		err     string
	}{
		"success": {func(context.Context, server.Request, any) error { return nil }, ""},
		"failure": {func(context.Context, server.Request, any) error { return broken }, "broken"},
		"panic":   {func(context.Context, server.Request, any) error { panic("boom") }, "the handler panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			tracer := trace.NewTracer()
			func() {
				defer func() { _ = recover() }()
				_ = wrapper.TraceHandler(tracer)(tc.handler)(bg, serverRequest{hello}, nil)
			}()
			span := only(t, tracer)
			if span.Type != trace.SpanTypeRequestInbound || span.Name != "greeter.Greeter.Hello" || span.Metadata["error"] != tc.err {
				t.Errorf("the span is %+v", *span)
			}
		})
	}
}

func TestRequestsForDebugAreNotTraced(t *testing.T) {
	tracer := trace.NewTracer()
	h := wrapper.TraceHandler(tracer)(func(context.Context, server.Request, any) error { return nil })
	if err := h(bg, serverRequest{request{"Debug.Trace"}}, nil); err != nil {
		t.Fatal(err)
	}
	if spans, _ := tracer.Read(); len(spans) != 0 {
		t.Errorf("got %+v", *spans[0])
	}
}

// received is a message of a server.
type received struct{ server.Message }

func (received) Topic() string { return "news" }

func TestReceivedEventsArePartOfTheirPublishersTrace(t *testing.T) {
	tracer := trace.NewTracer()
	ctx, publisher := tracer.Start(bg, "publisher")
	failed := errors.New("broken")
	subscriber := wrapper.TraceSubscriber(tracer)(func(ctx context.Context, _ server.Message) error {
		if id, parent, ok := trace.FromContext(ctx); !ok || id != publisher.Trace || parent == publisher.Id {
			t.Errorf("the subscriber has trace %q and span %q", id, parent)
		}
		return failed
	})
	if err := subscriber(ctx, received{}); err != failed {
		t.Fatal(err)
	}
	span := only(t, tracer)
	if span.Name != "subscribe news" || span.Trace != publisher.Trace || span.Parent != publisher.Id ||
		span.Type != trace.SpanTypeRequestInbound || span.Metadata["error"] != "broken" {
		t.Errorf("got %+v", span)
	}
	if err := wrapper.TraceSubscriber(nil)(func(context.Context, server.Message) error { return nil })(bg, received{}); err != nil {
		t.Errorf("without a tracer: %v", err)
	}
}

// open is a request that opens a stream.
type open struct{ serverRequest }

func (open) Stream() bool { return true }

func TestOpenStreamsAreCounted(t *testing.T) {
	s := stats.NewStats()
	streams := func() uint64 {
		records, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		return records[len(records)-1].Streams
	}
	handle := wrapper.HandlerStats(s)(func(context.Context, server.Request, any) error {
		if n := streams(); n != 1 {
			t.Errorf("%d streams while one is open", n)
		}
		panic("in the handler")
	})
	func() {
		defer func() { _ = recover() }()
		_ = handle(bg, open{}, nil)
	}()
	if n := streams(); n != 0 {
		t.Errorf("%d streams when it has ended", n)
	}
}
