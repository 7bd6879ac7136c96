package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/handler"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/trace"
	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// process is a server that was started and a client of it.
type process struct {
	server server.Server
	client client.Client
	at     client.CallOption
	debug  debug.DebugService
}

// start starts a server whose Debug handler is the built-in one, unless prepare
// adds another.
func start(t *testing.T, prepare func(server.Server), opts ...server.Option) *process {
	t.Helper()
	newHandler(t) // a log, stats and a tracer of its own
	tr, reg := transport.NewHTTPTransport(), registry.NewMemoryRegistry()
	s := server.NewServer(append([]server.Option{server.Name("debug"), server.Address("127.0.0.1:0"), server.Transport(tr),
		server.Registry(reg), server.Broker(broker.NewMemoryBroker())}, opts...)...)
	if prepare != nil {
		prepare(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(client.Transport(tr), client.Registry(reg), client.Retries(0))
	t.Cleanup(func() {
		if closer, ok := c.(io.Closer); ok {
			closer.Close()
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &process{server: s, client: c, at: client.WithAddress(s.Options().Address), debug: debug.NewDebugService("debug", c)}
}

// contentTypes are those that carry protobuf messages.
var contentTypes = []string{
	"application/protobuf", "application/json", "application/grpc", "application/grpc+proto", "application/grpc+json",
	"application/proto-rpc", "application/json-rpc",
}

// typed is a client whose requests have a content type.
type typed struct {
	client.Client
	contentType string
}

func (c typed) NewRequest(service, endpoint string, req any, opts ...client.RequestOption) client.Request {
	return c.Client.NewRequest(service, endpoint, req, append(opts, client.WithContentType(c.contentType))...)
}

func TestEveryServerAnswersDebugInEveryEncoding(t *testing.T) {
	for _, contentType := range contentTypes {
		t.Run(strings.ReplaceAll(contentType, "/", " "), func(t *testing.T) {
			p := start(t, nil)
			ctx := t.Context()
			d := debug.NewDebugService("debug", typed{p.client, contentType})

			health, err := d.Health(ctx, &debug.HealthRequest{Service: "debug"}, p.at)
			if err != nil || health.Status != "ok" {
				t.Errorf("health %v, %v", health, err)
			}
			numbers, err := d.Stats(ctx, &debug.StatsRequest{}, p.at)
			if err != nil || numbers.Threads == 0 || numbers.Memory == 0 || numbers.Timestamp == 0 {
				t.Errorf("stats %v, %v", numbers, err)
			}
			checkTrace(t, d, p.at)
			checkLog(t, d, p.at)
			checkBus(t, d, p.at)
		})
	}
}

func checkTrace(t *testing.T, d debug.DebugService, at client.CallOption) {
	t.Helper()
	_, other := trace.DefaultTracer.Start(t.Context(), "other")
	_, span := trace.DefaultTracer.Start(t.Context(), "mine")
	span.Type, span.Metadata["k"] = trace.SpanTypeRequestOutbound, "v"
	_, _ = trace.DefaultTracer.Finish(other), trace.DefaultTracer.Finish(span)
	rsp, err := d.Trace(t.Context(), &debug.TraceRequest{Id: span.Trace}, at)
	if err != nil || len(rsp.Spans) != 1 {
		t.Errorf("trace %v, %v", rsp, err)
		return
	}
	got := rsp.Spans[0]
	if got.Id != span.Id || got.Name != "mine" || got.Type != debug.SpanType_OUTBOUND || got.Metadata["k"] != "v" ||
		got.Started != uint64(span.Started.UnixNano()) {
		t.Errorf("span %v", got)
	}
}

func checkLog(t *testing.T, d debug.DebugService, at client.CallOption) {
	t.Helper()
	for i := range 5 {
		write(t, 100, fmt.Sprint("mine ", i))
	}
	stream, err := d.Log(t.Context(), &debug.LogRequest{Count: 2}, at)
	if err != nil {
		t.Errorf("log: %v", err)
		return
	}
	defer stream.Close()
	for _, want := range []string{"mine 3", "mine 4"} {
		if r, err := stream.Recv(); err != nil || r.Message != want {
			t.Errorf("log %v, %v; want %s", r, err, want)
			return
		}
	}
	if r, err := stream.Recv(); err != io.EOF {
		t.Errorf("after the log %v, %v", r, err)
	}
}

func checkBus(t *testing.T, d debug.DebugService, at client.CallOption) {
	t.Helper()
	bus, err := d.MessageBus(t.Context(), at)
	if err != nil {
		t.Errorf("bus: %v", err)
		return
	}
	defer bus.Close()
	for range 2 {
		if err := bus.Send(&debug.BusMsg{Msg: "x"}); err != nil {
			t.Errorf("bus: %v", err)
			return
		}
		if m, err := bus.Recv(); err != nil || m.Msg != "Request received!" {
			t.Errorf("bus %v, %v", m, err)
			return
		}
	}
}

func TestTheBuiltInHandlerIsNotRegistered(t *testing.T) {
	p := start(t, nil)
	services, err := p.server.Options().Registry.GetService("debug")
	if err != nil || len(services) != 1 || len(services[0].Endpoints) != 0 {
		t.Errorf("%v, %v", services, err)
	}
}

func TestTheBuiltInHandlerCanBeTurnedOff(t *testing.T) {
	p := start(t, nil, server.DebugHandler(false))
	_, err := p.debug.Health(t.Context(), &debug.HealthRequest{}, p.at)
	if e := merrors.FromError(err); err == nil || e.Code != 404 {
		t.Errorf("got %v", err)
	}
	if err := p.server.Init(server.DebugHandler(true)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.debug.Health(t.Context(), &debug.HealthRequest{}, p.at); err != nil {
		t.Errorf("turned on again: %v", err)
	}
}

// Debug is a handler of the user's own with one of the endpoints.
type Debug struct{}

func (Debug) Health(_ context.Context, _ *debug.HealthRequest, rsp *debug.HealthResponse) error {
	rsp.Status = "mine"
	return nil
}

func TestADebugHandlerOfTheUserTakesThePlaceOfTheBuiltInOne(t *testing.T) {
	p := start(t, func(s server.Server) {
		if err := s.Handle(s.NewHandler(Debug{})); err != nil {
			t.Fatal(err)
		}
	})
	if err := p.server.Init(server.Metadata(nil)); err != nil { // which makes the routes again
		t.Fatal(err)
	}
	rsp, err := p.debug.Health(t.Context(), &debug.HealthRequest{}, p.at)
	if err != nil || rsp.Status != "mine" {
		t.Errorf("%v, %v", rsp, err)
	}
	_, err = p.debug.Stats(t.Context(), &debug.StatsRequest{}, p.at)
	if e := merrors.FromError(err); err == nil || e.Code != 404 {
		t.Errorf("an endpoint that the user's handler lacks: %v", err)
	}
}

func TestUnknownMethodsOfTheBuiltInHandlerAreUnknownMethods(t *testing.T) {
	p := start(t, nil)
	err := p.client.Call(t.Context(), p.client.NewRequest("debug", "Debug.Explode", &debug.HealthRequest{}), new(debug.HealthResponse), p.at)
	if err == nil || !strings.Contains(err.Error(), "method Explode") {
		t.Errorf("got %v", err)
	}
}

func TestTheBuiltInHandlerIsInsideTheWrappers(t *testing.T) {
	var seen atomic.Value
	p := start(t, nil, server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			seen.Store(req.Endpoint())
			return merrors.Unauthorized("test", "no")
		}
	}))
	_, err := p.debug.Stats(t.Context(), &debug.StatsRequest{}, p.at)
	if e := merrors.FromError(err); err == nil || e.Code != 401 || seen.Load() != "Debug.Stats" {
		t.Errorf("got %v, seen %v", err, seen.Load())
	}
}

func TestTracesAreThoseOfTheServersTracer(t *testing.T) {
	tracer := trace.NewTracer()
	p := start(t, nil, server.Tracer(tracer))
	_, span := tracer.Start(t.Context(), "own")
	_ = tracer.Finish(span)
	rsp, err := p.debug.Trace(t.Context(), &debug.TraceRequest{}, p.at)
	if err != nil || len(rsp.Spans) != 1 || rsp.Spans[0].Name != "own" {
		t.Errorf("%v, %v", rsp, err)
	}
}

func TestLogFiltersOutOfRangeFilterNothing(t *testing.T) {
	p := start(t, nil)
	write(t, 100, "one")
	write(t, 200, "two")
	for _, req := range []*debug.LogRequest{
		{Count: -1}, {Since: -1 << 62}, {Count: 1 << 62}, {Count: 1 << 62, Since: 1}, {Since: 99, Count: -5},
	} {
		stream, err := p.debug.Log(t.Context(), req, p.at)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			if _, err := stream.Recv(); err != nil {
				if err != io.EOF {
					t.Errorf("%v: %v", req, err)
				}
				break
			}
		}
		stream.Close()
		if n < 2 {
			t.Errorf("%v: %d records", req, n)
		}
	}
	stream, err := p.debug.Log(t.Context(), &debug.LogRequest{Since: 1 << 40}, p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if r, err := stream.Recv(); err != io.EOF {
		t.Errorf("from the future: %v, %v", r, err)
	}
}

func TestLogAndTraceTellOfWhatIsNoText(t *testing.T) {
	for name, prepare := range handlers(t) {
		t.Run(name, func(t *testing.T) {
			p := start(t, prepare)
			record := log.Record{Message: "odd \xff", Metadata: map[string]string{"k\xfe": "v\xff", "fine": "f"}}
			if err := log.DefaultLog.Write(record); err != nil {
				t.Fatal(err)
			}
			stream, err := p.debug.Log(t.Context(), &debug.LogRequest{}, p.at)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			var last *debug.Record
			for {
				r, err := stream.Recv()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				last = r
			}
			if last.GetMessage() != "odd \uFFFD" || last.GetMetadata()["k\uFFFD"] != "v\uFFFD" || last.GetMetadata()["fine"] != "f" {
				t.Errorf("the record is %v", last)
			}
			if record.Metadata["k\xfe"] != "v\xff" {
				t.Error("the metadata of the writer were changed")
			}

			_, span := trace.DefaultTracer.Start(t.Context(), "odd \xff")
			span.Metadata["error"] = "\xff"
			_ = trace.DefaultTracer.Finish(span)
			rsp, err := p.debug.Trace(t.Context(), &debug.TraceRequest{Id: span.Trace}, p.at)
			if err != nil || len(rsp.Spans) != 1 || rsp.Spans[0].Name != "odd \uFFFD" || rsp.Spans[0].Metadata["error"] != "\uFFFD" {
				t.Errorf("the spans are %v, %v", rsp, err)
			}
		})
	}
}

// counting is a log that tells how many streams of it are open.
type counting struct {
	log.Log
	open atomic.Int64
}

type countedStream struct {
	log.Stream
	log *counting
}

func (c *counting) Stream() (log.Stream, error) {
	s, err := c.Log.Stream()
	c.open.Add(1)
	return &countedStream{s, c}, err
}

func (s *countedStream) Stop() error {
	s.log.open.Add(-1)
	return s.Stream.Stop()
}

func TestALogStreamWhoseReaderStopsIsEnded(t *testing.T) {
	counted := new(counting)
	p := start(t, func(server.Server) {
		counted.Log = log.DefaultLog
		log.DefaultLog = counted
	})
	write(t, 100, "first")
	ctx, leave := context.WithCancel(t.Context())
	stream, err := p.debug.Log(ctx, &debug.LogRequest{Stream: true}, p.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	// The reader takes nothing more, however much is written, and goes.
	for range 10_000 {
		write(t, 200, strings.Repeat("x", 1000))
	}
	leave()
	testkit.Eventually(t, "the log stream ends", func() bool { return counted.open.Load() == 0 })
	if err := stream.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Logf("close: %v", err)
	}
}

// handlers are what is to be done with a server for each of the two Debug handlers.
func handlers(t *testing.T) map[string]func(server.Server) {
	return map[string]func(server.Server){
		"built in": nil,
		"registered": func(s server.Server) {
			if err := debug.RegisterDebugHandler(s, handler.NewHandler(nil)); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestWhoFollowsTheLogDoesNotHoldUpStopping(t *testing.T) {
	for name, prepare := range handlers(t) {
		t.Run(name, func(t *testing.T) {
			p := start(t, prepare)
			write(t, 100, "first")
			stream, err := p.debug.Log(t.Context(), &debug.LogRequest{Stream: true}, p.at)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for { // the log goes on while the server is stopped
					select {
					case <-time.After(10 * time.Millisecond):
						_ = log.DefaultLog.Write(log.Record{Message: "more"})
					case <-stream.Context().Done():
						return
					}
				}
			}()
			began := time.Now()
			if err := p.server.Stop(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > server.DefaultDrainTimeout-5*time.Second {
				t.Errorf("stopping took %v", took)
			}
			for err == nil {
				_, err = stream.Recv()
			}
			if err != io.EOF {
				t.Errorf("the stream ended with %v", err)
			}
			stream.Close()
			<-stopped
		})
	}
}

func TestWhoFollowsASilentLogDoesNotHoldUpStopping(t *testing.T) {
	before := logger.DefaultLogger
	logger.DefaultLogger = logger.NewLogger(logger.WithLevel(logger.FatalLevel)) // as the server's
	defer func() { logger.DefaultLogger = before }()
	p := start(t, nil)
	write(t, 100, "first")
	stream, err := p.debug.Log(t.Context(), &debug.LogRequest{Stream: true}, p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.server.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > server.DefaultDrainTimeout-5*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestHealthFailsWithItsChecksAndRecovers(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	down := func(context.Context) error {
		if broken.Load() {
			return errors.New("no connection")
		}
		return nil
	}
	p := start(t, nil, server.HealthCheck("db", down), server.HealthCheck("a", down),
		server.HealthCheck("fine", func(context.Context) error { return nil }),
		server.HealthCheck("panics", func(context.Context) error {
			if broken.Load() {
				panic("in a check")
			}
			return nil
		}), server.HealthCheck("gone", down), server.HealthCheck("gone", nil))
	rsp, err := p.debug.Health(t.Context(), &debug.HealthRequest{}, p.at)
	if err != nil || !strings.HasPrefix(rsp.Status, "failing: a: no connection; db: no connection; panics: ") || strings.Contains(rsp.Status, "gone") {
		t.Errorf("%v, %v", rsp, err)
	}
	web := httptest.NewServer(handler.NewHealthHandler(p.server))
	defer web.Close()
	if code, text := get(t, web.URL); code != http.StatusServiceUnavailable || !strings.Contains(text, "db: no connection") {
		t.Errorf("over HTTP: %d %s", code, text)
	}
	broken.Store(false)
	testkit.Eventually(t, "the service is healthy again", func() bool {
		rsp, err := p.debug.Health(t.Context(), &debug.HealthRequest{}, p.at)
		return err == nil && rsp.Status == server.HealthOK
	})
	if code, text := get(t, web.URL); code != http.StatusOK || text != "ok\n" {
		t.Errorf("over HTTP: %d %s", code, text)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	rsp, err := http.Get(url) //nolint:gosec // of this test's server
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp.StatusCode, string(b)
}

// Slow is a handler that tells its health when it is let go.
type Slow struct {
	entered, release chan struct{}
	health           chan string
}

func (s *Slow) Wait(ctx context.Context, _ *debug.HealthRequest, _ *debug.HealthResponse) error {
	close(s.entered)
	<-s.release
	s.health <- server.Health(ctx)
	return nil
}

func TestHealthIsDrainingWhileTheServerStops(t *testing.T) {
	slow := &Slow{make(chan struct{}), make(chan struct{}), make(chan string, 1)}
	p := start(t, func(s server.Server) {
		if err := s.Handle(s.NewHandler(slow)); err != nil {
			t.Fatal(err)
		}
	})
	web := httptest.NewServer(handler.NewHealthHandler(p.server))
	defer web.Close()
	called := make(chan error, 1)
	go func() {
		called <- p.client.Call(context.Background(), p.client.NewRequest("debug", "Slow.Wait", &debug.HealthRequest{}), new(debug.HealthResponse), p.at)
	}()
	<-slow.entered
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Stop() }()
	testkit.Eventually(t, "readiness is false", func() bool {
		code, text := get(t, web.URL)
		return code == http.StatusServiceUnavailable && text == "draining\n"
	})
	close(slow.release)
	if got := <-slow.health; got != server.HealthDraining {
		t.Errorf("the handler was told %q", got)
	}
	if err := errors.Join(<-called, <-stopped); err != nil {
		t.Error(err)
	}
	if code, text := get(t, web.URL); code != http.StatusServiceUnavailable || text != "not running\n" {
		t.Errorf("after the end: %d %s", code, text)
	}
}
