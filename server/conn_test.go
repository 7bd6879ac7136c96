package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
	mls "github.com/justcy/go-micro/v4/util/tls"
)

// transports are what the tests of connections run on.
var transports = map[string]func() transport.Transport{
	"memory": func() transport.Transport { return transport.NewMemoryTransport() },
	"http":   func() transport.Transport { return transport.NewHTTPTransport() },
	"plain":  func() transport.Transport { return transport.NewHTTPTransport(transport.DisableMux()) },
	"TLS":    func() transport.Transport { return transport.NewHTTPTransport(unverified) },
}

// unverified makes a transport speak TLS, and take any certificate.
var unverified = func() transport.Option {
	own, err := mls.Certificate("127.0.0.1")
	if err != nil {
		panic(err)
	}
	return transport.TLSConfig(&tls.Config{Certificates: []tls.Certificate{own}, InsecureSkipVerify: true}) //nolint:gosec // of the tests themselves
}()

func onTransports(t *testing.T, test func(t *testing.T, opt server.Option)) {
	for name, newTransport := range transports {
		t.Run(name, func(t *testing.T) { test(t, server.Transport(newTransport())) })
	}
}

func TestCallsAreAnswered(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		for _, endpoint := range []string{"Echo.Call", "Echo.Value"} {
			m := p.call(jsonHeader(endpoint, "1"), `{"text":"hi"}`)
			p.wantBody(m, `{"text":"hi"}`)
		}
	})
}

func TestRequestsOnOneConnectionRunSideBySide(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		e := newEcho()
		p := serve(t, e, opt)
		for i := range 20 {
			p.send(jsonHeader("Echo.Wait", fmt.Sprint(i)), fmt.Sprintf(`{"text":"%d"}`, i))
		}
		for range 20 {
			<-e.entered
		}
		close(e.release)
		for range 20 {
			m := p.recv()
			p.wantBody(m, fmt.Sprintf(`{"text":"%s"}`, value(m, "Micro-ID")))
		}
	})
}

// Over HTTP the header arrives as Micro-Id, so ids were lost and each unary
// request had the id "".
func TestIdIsReadInAnyCase(t *testing.T) {
	p := serve(t, newEcho())
	h := jsonHeader("Echo.Call", "7")
	h["mIcRo-iD"] = h["Micro-ID"]
	delete(h, "Micro-ID")
	if id := value(p.call(h, `{}`), "Micro-ID"); id != "7" {
		t.Errorf("the reply's id is %q, want 7", id)
	}
}

func TestRequestsWithoutIdAreNotSwallowed(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		e := newEcho()
		p := serve(t, e, opt)
		h := jsonHeader("Echo.Wait", "")
		delete(h, "Micro-ID")
		for range 3 {
			p.send(h, `{"text":"x"}`)
		}
		for range 3 {
			<-e.entered
		}
		close(e.release)
		for range 3 {
			p.wantBody(p.recv(), `{"text":"x"}`)
		}
	})
}

func TestSameIdIsServedAgain(t *testing.T) {
	p := serve(t, newEcho())
	for i := range 200 {
		body := fmt.Sprintf(`{"text":"%d"}`, i)
		p.wantBody(p.call(jsonHeader("Echo.Call", "1"), body), body)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		m := p.call(jsonHeader("Echo.Panic", "1"), `{}`)
		p.wantError(m, `{"id":"go.micro.server","code":500,"detail":"panic recovered: boom","status":"Internal Server Error"}`)
		p.wantBody(p.call(jsonHeader("Echo.Call", "2"), `{"text":"on"}`), `{"text":"on"}`)
	})
}

func TestPanicInWrapperIsAnswered(t *testing.T) {
	p := serve(t, newEcho(), server.WrapHandler(func(server.HandlerFunc) server.HandlerFunc {
		return func(context.Context, server.Request, any) error { panic("wrapped") }
	}))
	p.wantError(p.call(jsonHeader("Echo.Call", "1"), `{}`), "panic recovered: wrapped")
}

func TestWrapperSeesPanicAsError(t *testing.T) {
	seen := make(chan error, 1)
	p := serve(t, newEcho(), server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			err := next(ctx, req, rsp)
			seen <- err
			return err
		}
	}))
	p.call(jsonHeader("Echo.Panic", "1"), `{}`)
	if err := <-seen; err == nil || !strings.Contains(err.Error(), "panic recovered: boom") {
		t.Errorf("the wrapper saw %v", err)
	}
}

func TestUnknownContentTypeIsAnswered(t *testing.T) {
	p := serve(t, newEcho())
	m := p.call(jsonHeader("Echo.Call", "9", "Content-Type", "application/x-strange"), `{}`)
	const text = "unsupported Content-Type: application/x-strange"
	p.wantBody(m, text)
	want := map[string]string{"Content-Type": "text/plain", "Micro-Error": text, "Micro-ID": "9"}
	for name, v := range want {
		if got := value(m, name); got != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	p.wantBody(p.call(jsonHeader("Echo.Call", "10"), `{"text":"on"}`), `{"text":"on"}`)
}

func TestBadRequestsAreAnswered(t *testing.T) {
	p := serve(t, newEcho())
	for _, test := range []struct{ endpoint, body, want string }{
		{"Echo", `{}`, "rpc: service/endpoint request ill-formed: Echo"},
		{"Echo.Call.More", `{}`, "rpc: service/endpoint request ill-formed: Echo.Call.More"},
		{"Nobody.Call", `{}`, "rpc: can't find service Nobody"},
		{"Echo.Nothing", `{}`, "rpc: can't find method Nothing"},
		{"Echo.Call", `{"text":`, "rpc: router cannot decode request: "},
		{"Echo.Fail", `{"text":"100% wrong"}`, "100% wrong"},
	} {
		m := p.call(jsonHeader(test.endpoint, "1"), test.body)
		if got := value(m, "Micro-Error"); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: error %q, want %q", test.endpoint, got, test.want)
		}
		if len(m.Body) != 0 {
			t.Errorf("%s: body %q in an error", test.endpoint, m.Body)
		}
	}
}

func TestEmptyBodyIsNotDecoded(t *testing.T) {
	p := serve(t, newEcho())
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), ""), `{"text":""}`)
}

func TestConnectionCloseEndsAfterTheReply(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		p.wantBody(p.call(jsonHeader("Echo.Call", "1", "Connection", "close"), `{"text":"last"}`), `{"text":"last"}`)
		p.closedByServer()
	})
}

func TestContextsOfRequestsHoldDeadlineAndMetadata(t *testing.T) {
	got := make(chan context.Context, 1)
	p := serve(t, newEcho(), server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			got <- ctx
			return next(ctx, req, rsp)
		}
	}))
	before := time.Now()
	p.call(jsonHeader("Echo.Call", "1", "Timeout", fmt.Sprint(int64(time.Hour)), "Foo", "bar"), `{}`)
	ctx := <-got
	if v, _ := metadata.Get(ctx, "foo"); v != "bar" {
		t.Errorf("Foo is %q", v)
	}
	for _, name := range []string{"Local", "Remote"} {
		if v, _ := metadata.Get(ctx, name); v == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if at, ok := ctx.Deadline(); !ok || at.Before(before.Add(time.Hour)) || at.After(time.Now().Add(time.Hour)) {
		t.Errorf("deadline %v, %v", at, ok)
	}
	if s, ok := server.FromContext(ctx); !ok || s != p.server {
		t.Errorf("server %v, %v", s, ok)
	}
	testkit.Eventually(t, "the context of a finished request is cancelled", func() bool {
		return errors.Is(ctx.Err(), context.Canceled)
	})
}

func TestTimeoutHeaderEndsTheContext(t *testing.T) {
	e := newEcho()
	p := serve(t, e)
	m := p.call(jsonHeader("Echo.WaitDone", "1", "Timeout", "1000000"), `{}`)
	if err := <-e.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the handler saw %v", err)
	}
	p.wantError(m, context.DeadlineExceeded.Error())
}

func TestLostConnectionCancelsTheRequest(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		e := newEcho()
		p := serve(t, e, opt)
		p.send(jsonHeader("Echo.WaitDone", "1"), `{}`)
		<-e.entered
		p.conn.Close()
		if err := <-e.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler saw %v", err)
		}
	})
}

func TestReplyThatIsTooLargeIsAnError(t *testing.T) {
	p := serve(t, newEcho(), server.Transport(transport.NewHTTPTransport()))
	m := p.call(jsonHeader("Echo.Fail", "1"), `{"text":"`+strings.Repeat("x", 100<<10)+`"}`)
	p.wantError(m, "error text too long to be sent: xxx")
	p.wantBody(p.call(jsonHeader("Echo.Call", "2"), `{"text":"on"}`), `{"text":"on"}`)
}

type Unencodable struct{ F func() }

type Odd struct{}

func (Odd) Call(_ context.Context, _ *Text, rsp *Unencodable) error { rsp.F = func() {}; return nil }

func TestReplyThatCannotBeEncodedIsAnError(t *testing.T) {
	p := serve(t, new(Odd))
	p.wantError(p.call(jsonHeader("Odd.Call", "3"), `{}`), "Unable to encode body: ")
	p.wantError(p.call(jsonHeader("Odd.Call", "4"), `{}`), "Unable to encode body: ")
}

// Each handler that waits has another goroutine read on, after a while that nobody
// need wait for four thousand times.
func TestManyRequestsInFlightAreBounded(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv, e := s.server(), newEcho()
		handle(t, srv, e)
		start(t, srv)
		p := dial(t, srv)
		go func() {
			for range 4096 {
				<-e.entered
			}
		}()
		const more = 10
		for i := range 4096 + more {
			p.send(jsonHeader("Echo.Wait", fmt.Sprint(i)), `{}`)
		}
		for range more {
			p.wantError(p.recv(), "open requests on one connection")
		}
		close(e.release)
		for range 4096 {
			p.wantBody(p.recv(), `{"text":""}`)
		}
		if err := srv.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestConnectionsAreServedConcurrently(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho())
	start(t, s)
	var wg sync.WaitGroup
	for i := range 10 {
		p := dial(t, s)
		wg.Go(func() {
			for j := range 50 {
				body := fmt.Sprintf(`{"text":"%d-%d"}`, i, j)
				if err := p.conn.Send(&transport.Message{Header: jsonHeader("Echo.Call", fmt.Sprint(j)), Body: []byte(body)}); err != nil {
					t.Error(err)
					return
				}
				if m := <-p.in; strings.TrimSpace(string(m.Body)) != body {
					t.Errorf("got %q, want %q", m.Body, body)
				}
			}
		})
	}
	wg.Wait()
}

func TestRequestCodecAndReadAreUsable(t *testing.T) {
	type seen struct {
		body, read string
		decoded    Text
		again      error
	}
	got := make(chan seen, 1)
	p := serve(t, newEcho(), server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			var s seen
			s.body = req.Body().(*Text).Text
			if err := req.Codec().ReadBody(&s.decoded); err != nil {
				return err
			}
			b, err := req.Read()
			if err != nil {
				return err
			}
			s.read = string(b)
			_, s.again = req.Read()
			got <- s
			return next(ctx, req, rsp)
		}
	}))
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
	s := <-got
	if s.body != "x" || s.decoded.Text != "x" || s.read != `{"text":"x"}` || s.again != io.EOF {
		t.Errorf("got %+v", s)
	}
}

// The gRPC codec of a client writes :path whatever the transport. A transport
// of messages may carry it, and they are messages all the same: each has its
// own id, and the connection stays.
func TestGRPCOverATransportOfMessagesKeepsIdsAndConnection(t *testing.T) {
	p := serve(t, newEcho())
	grpcHeader := func(endpoint, id string, pairs ...string) header {
		path := "/test." + strings.ReplaceAll(endpoint, ".", "/")
		return jsonHeader(endpoint, id, append([]string{"Content-Type", "application/grpc+json", ":path", path}, pairs...)...)
	}
	for _, id := range []string{"1", "2"} {
		m := p.call(grpcHeader("Echo.Call", id), grpcFrame(`{"text":"x"}`))
		p.wantBody(m, grpcFrame(`{"text":"x"}`))
		if got := value(m, "Micro-ID"); got != id {
			t.Errorf("the reply to %s has id %q", id, got)
		}
	}
	p.send(grpcHeader("Echo.Stream", "3", "Micro-Stream", "3"), grpcFrame(`{"text":"first"}`))
	p.wantBody(p.recv(), grpcFrame(`{"text":"first"}`))
	p.send(grpcHeader("Echo.Stream", "3", "Micro-Stream", "3"), grpcFrame(`{"text":"second"}`))
	p.wantBody(p.recv(), grpcFrame(`{"text":"second"}`))
	p.send(grpcHeader("Echo.Stream", "3", "Micro-Stream", "3", "Micro-Error", "EOS", "Micro-Half-Close", "true"), "")
	p.wantError(p.recv(), "EOS")
}
