package server_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func quiet() logger.Logger {
	return logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel))
}

// newServer makes a server on memory implementations; options override them.
func newServer(t testing.TB, opts ...server.Option) server.Server {
	t.Helper()
	s := server.NewServer(append([]server.Option{
		server.Name("test"),
		server.Address("127.0.0.1:0"),
		server.Transport(transport.NewMemoryTransport()),
		server.Registry(registry.NewMemoryRegistry()),
		server.Broker(broker.NewMemoryBroker()),
		server.WithLogger(quiet()),
	}, opts...)...)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func start(t testing.TB, s server.Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
}

func handle(t testing.TB, s server.Server, handlers ...any) {
	t.Helper()
	for _, h := range handlers {
		if err := s.Handle(s.NewHandler(h)); err != nil {
			t.Fatalf("handle: %v", err)
		}
	}
}

// serve starts a server with handlers and returns a connection to it.
func serve(t testing.TB, handler any, opts ...server.Option) *peer {
	t.Helper()
	s := newServer(t, opts...)
	handle(t, s, handler)
	start(t, s)
	return dial(t, s)
}

// peer is the other end of a connection to a server.
type peer struct {
	testing.TB
	server server.Server
	conn   transport.Client
	in     chan transport.Message // what the server sent; closed at the end
}

func dial(t testing.TB, s server.Server) *peer {
	t.Helper()
	o := s.Options()
	c, err := o.Transport.Dial(o.Address, transport.WithStream())
	if err != nil {
		t.Fatalf("dial %s: %v", o.Address, err)
	}
	p := &peer{TB: t, server: s, conn: c, in: make(chan transport.Message, 10000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.in)
		for {
			var m transport.Message
			if err := c.Recv(&m); err != nil {
				return
			}
			p.in <- m
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return p
}

type header map[string]string

// jsonHeader is the header of a request in JSON; pairs add to it.
func jsonHeader(endpoint, id string, pairs ...string) header {
	h := header{
		"Content-Type":   "application/json",
		"Micro-Service":  "test",
		"Micro-Method":   endpoint,
		"Micro-Endpoint": endpoint,
		"Micro-ID":       id,
	}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

func streamHeader(endpoint, id string, pairs ...string) header {
	return jsonHeader(endpoint, id, append([]string{"Micro-Stream", id}, pairs...)...)
}

func (p *peer) send(h header, body string) {
	p.Helper()
	if err := p.conn.Send(&transport.Message{Header: maps.Clone(h), Body: []byte(body)}); err != nil {
		p.Fatalf("send: %v", err)
	}
}

func (p *peer) recv() transport.Message {
	p.Helper()
	select {
	case m, ok := <-p.in:
		if !ok {
			p.Fatal("the server closed the connection")
		}
		return m
	case <-time.After(testkit.Patience):
		p.Fatal("no message from the server")
	}
	panic("not reached")
}

func (p *peer) call(h header, body string) transport.Message {
	p.Helper()
	p.send(h, body)
	return p.recv()
}

// closedByServer waits for the end of the connection.
func (p *peer) closedByServer() {
	p.Helper()
	select {
	case m, ok := <-p.in:
		if ok {
			p.Fatalf("got a message in place of the end: %v %q", m.Header, m.Body)
		}
	case <-time.After(testkit.Patience):
		p.Fatal("the connection stays open")
	}
}

func (p *peer) wantBody(m transport.Message, want string) {
	p.Helper()
	if got := strings.TrimSpace(string(m.Body)); got != want {
		p.Fatalf("body %q, want %q; headers %v", got, want, m.Header)
	}
}

// value finds a header whatever its case.
func value(m transport.Message, name string) string {
	for k, v := range m.Header {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func (p *peer) wantError(m transport.Message, part string) {
	p.Helper()
	if got := value(m, "Micro-Error"); !strings.Contains(got, part) {
		p.Fatalf("error %q, want one with %q; body %q", got, part, m.Body)
	}
}

// A value that handlers of the tests take and return.
type Text struct {
	Text string `json:"text"`
}

// Echo is the handler of most tests.
type Echo struct {
	entered chan struct{} // told when Wait is entered
	release chan struct{} // ends Wait
	ended   chan error    // told the context's error in WaitDone
}

func newEcho() *Echo {
	return &Echo{entered: make(chan struct{}, 100), release: make(chan struct{}), ended: make(chan error, 100)}
}

func (e *Echo) Call(_ context.Context, req *Text, rsp *Text) error {
	rsp.Text = req.Text
	return nil
}

func (e *Echo) Value(_ context.Context, req Text, rsp *Text) error {
	rsp.Text = req.Text
	return nil
}

func (e *Echo) Fail(_ context.Context, req *Text, _ *Text) error { return errors.New(req.Text) }

func (e *Echo) Panic(context.Context, *Text, *Text) error { panic("boom") }

func (e *Echo) Wait(_ context.Context, req *Text, rsp *Text) error {
	e.entered <- struct{}{}
	<-e.release
	rsp.Text = req.Text
	return nil
}

// Hold is Wait for a request of any kind.
func (e *Echo) Hold(_ context.Context, _ *bytes.Frame, rsp *bytes.Frame) error {
	e.entered <- struct{}{}
	<-e.release
	rsp.Data = []byte("held")
	return nil
}

func (e *Echo) WaitDone(ctx context.Context, _ *Text, _ *Text) error {
	e.entered <- struct{}{}
	<-ctx.Done()
	e.ended <- ctx.Err()
	return ctx.Err()
}

func (e *Echo) Stream(_ context.Context, s server.Stream) error {
	for {
		var m Text
		err := s.Recv(&m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(&m); err != nil {
			return err
		}
	}
}
