package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestIdleSocketsCostNoGoroutine(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho())
	start(t, s)
	tr := transport.NewHTTPTransport()
	dialled := func() transport.Client {
		c, err := tr.Dial(s.Options().Address, transport.WithStream())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	talk := func(c transport.Client) {
		if err := c.Send(&transport.Message{Header: jsonHeader("Echo.Call", "1"), Body: []byte(`{"text":"x"}`)}); err != nil {
			t.Fatal(err)
		}
		var m transport.Message
		if err := c.Recv(&m); err != nil || value(m, "Micro-Error") != "" {
			t.Fatalf("%v %v", m.Header, err)
		}
	}
	talk(dialled())
	before := runtime.NumGoroutine()
	var idle []transport.Client
	for range 3000 {
		c := dialled()
		talk(c)
		idle = append(idle, c)
	}
	testkit.Eventually(t, "no goroutine is left to an idle socket", func() bool { return runtime.NumGoroutine() < before+100 })
	for _, c := range idle[:10] {
		talk(c) // they are served as before
	}
}

func TestSendEndsWithTheContextOfItsHandler(t *testing.T) {
	t.Parallel()
	onTransports(t, func(t *testing.T, opt server.Option) {
		t.Parallel()
		ended := make(chan error, 1)
		s := newServer(t, opt)
		handle(t, s, newStreams(func(ctx context.Context, stream server.Stream) error {
			m := &Text{Text: strings.Repeat("x", 64<<10)}
			for {
				if err := stream.Send(m); err != nil {
					ended <- err
					return err
				}
			}
		}))
		start(t, s)
		c, err := s.Options().Transport.Dial(s.Options().Address, transport.WithStream())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		h := streamHeader("Streams.Do", "1", "Timeout", fmt.Sprint(int64(time.Second)))
		if err := c.Send(&transport.Message{Header: h}); err != nil {
			t.Fatal(err)
		}
		within(t, "the end of Send", ended)
	})
}

func TestSendOfAnExchangeEndsWithTheContextOfItsHandler(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho(), newStreams(func(_ context.Context, stream server.Stream) error {
		m := &Text{Text: strings.Repeat("x", 64<<10)}
		for {
			if err := stream.Send(m); err != nil {
				ended <- err
				return err
			}
		}
	}))
	start(t, s)
	c := newCaller(t, s)
	if err := c.Call(context.Background(), c.NewRequest("test", "Echo.Call", &Text{}), &Text{}, client.WithAddress(s.Options().Address)); err != nil {
		t.Fatal(err)
	}
	stream, err := c.Stream(context.Background(), c.NewRequest("test", "Streams.Do", &Text{}, client.StreamingRequest()),
		client.WithAddress(s.Options().Address), client.WithStreamTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := within(t, "the end of Send", ended); !errors.Is(err, context.DeadlineExceeded) {
		t.Logf("Send returns %v", err) // or the caller's end of the stream, which comes at the same time
	}
}

// newCaller returns a client of a server.
func newCaller(t testing.TB, s server.Server) client.Client {
	t.Helper()
	c := client.NewClient(client.Transport(s.Options().Transport), client.Selector(selector.NewSelector(selector.Registry(s.Options().Registry))),
		client.ContentType("application/json"), client.Retries(0))
	t.Cleanup(func() {
		if closer, ok := c.(io.Closer); ok {
			closer.Close()
		}
	})
	return c
}

// Overtaken answers the second request before the first one.
type Overtaken struct{ fast chan struct{} }

func (o *Overtaken) Slow(_ context.Context, _, rsp *Text) error {
	<-o.fast
	time.Sleep(time.Second) // for the reply to the fast one to leave, if it may
	rsp.Text = "slow"
	return nil
}

func (o *Overtaken) Fast(_ context.Context, _, rsp *Text) error {
	close(o.fast)
	rsp.Text = "fast"
	return nil
}

func TestRepliesToRequestsWithoutAnIDKeepTheirOrder(t *testing.T) {
	t.Parallel()
	t.Run("HTTP", func(t *testing.T) {
		s := newServer(t, server.Transport(transport.NewHTTPTransport()))
		wantOrder(t, s, func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) })
	})
	t.Run("HTTPS", func(t *testing.T) {
		s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.Secure(true))))
		wantOrder(t, s, func(addr string) (net.Conn, error) {
			return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own server
		})
	})
}

// wantOrder sends two requests on one connection, of which the server has the reply
// to the second one first.
func wantOrder(t *testing.T, s server.Server, dial func(addr string) (net.Conn, error)) {
	t.Helper()
	handle(t, s, &Overtaken{make(chan struct{})})
	start(t, s)
	conn, err := dial(s.Options().Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, endpoint := range []string{"Overtaken.Slow", "Overtaken.Fast"} {
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nMicro-Service: test\r\nMicro-Endpoint: %s\r\nContent-Length: 2\r\n\r\n{}", endpoint)
	}
	in := bufio.NewReader(conn)
	conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	for _, want := range []string{"slow", "fast"} {
		rsp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(rsp.Body)
		if !strings.Contains(string(body), want) {
			t.Errorf("got %s, want the reply to the %s request", body, want)
		}
	}
}

func TestACallOfAStreamAndAStreamOfACallAreErrorsAtOnce(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		p.wantError(p.call(jsonHeader("Echo.Stream", "1"), `{}`), "is a stream")
		p.wantError(p.call(streamHeader("Echo.Call", "2"), `{}`), "is no stream")
	})
	for name, newTransport := range transports {
		t.Run("client/"+name, func(t *testing.T) {
			s := newServer(t, server.Transport(newTransport()))
			handle(t, s, newEcho())
			start(t, s)
			c := newCaller(t, s)
			address := client.WithAddress(s.Options().Address)
			for range 2 { // on a new connection, and on one that stands
				err := c.Call(context.Background(), c.NewRequest("test", "Echo.Stream", &Text{}), &Text{}, address)
				if err == nil || !strings.Contains(err.Error(), "is a stream") {
					t.Errorf("a call of a stream: %v", err)
				}
				stream, err := c.Stream(context.Background(), c.NewRequest("test", "Echo.Call", &Text{}, client.StreamingRequest()), address)
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Recv(&Text{}); err == nil || !strings.Contains(err.Error(), "is no stream") {
					t.Errorf("a stream of a call: %v", err)
				}
				stream.Close()
			}
		})
	}
}

func TestATimeoutOfTheCallerIsNoErrorOfTheServer(t *testing.T) {
	for name, newTransport := range transports {
		t.Run(name, func(t *testing.T) {
			var log testkit.Buffer
			e := newEcho()
			s := newServer(t, server.Transport(newTransport()), server.WithLogger(logger.NewLogger(logger.WithOutput(&log), logger.WithLevel(logger.InfoLevel))))
			handle(t, s, e)
			start(t, s)
			c := newCaller(t, s)
			for range 2 {
				err := c.Call(context.Background(), c.NewRequest("test", "Echo.WaitDone", &Text{}), &Text{},
					client.WithAddress(s.Options().Address), client.WithRequestTimeout(50*time.Millisecond))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the call ends with %v", err)
				}
				within(t, "the end of the handler", e.ended)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if strings.Contains(log.String(), "level=error") {
				t.Errorf("logged:\n%s", log.String())
			}
		})
	}
}

func TestAReplyForWhichNobodyWaitsIsNoErrorOfTheServer(t *testing.T) {
	t.Parallel()
	for name, newTransport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log testkit.Buffer
			e := newEcho()
			s := newServer(t, server.Transport(newTransport()), server.WithLogger(logger.NewLogger(logger.WithOutput(&log), logger.WithLevel(logger.InfoLevel))))
			handle(t, s, e)
			start(t, s)
			c := newCaller(t, s)
			call := func(endpoint string, opts ...client.CallOption) error {
				return c.Call(context.Background(), c.NewRequest("test", endpoint, &Text{}), &Text{}, append(opts, client.WithAddress(s.Options().Address))...)
			}
			if err := call("Echo.Call"); err != nil {
				t.Fatal(err)
			}
			waits := make(chan error, 1)
			go func() { waits <- call("Echo.Wait", client.WithRequestTimeout(time.Second)) }()
			<-e.entered
			if err := call("Echo.Call"); err != nil { // so that the connection is known to be alive
				t.Fatal(err)
			}
			if err := <-waits; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the call ends with %v", err)
			}
			if err := call("Echo.Call"); err != nil { // on a shared connection it comes after the end of the other
				t.Fatal(err)
			}
			close(e.release)
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if strings.Contains(log.String(), "level=error") {
				t.Errorf("logged:\n%s", log.String())
			}
		})
	}
}

// exchange opens a stream that has an exchange for itself and a deadline.
func exchange(t *testing.T, s server.Server, endpoint string, left time.Duration) transport.Client {
	t.Helper()
	tr := transport.NewHTTPTransport()
	var c transport.Client
	for range 2 { // the first one brings the connection about
		var err error
		if c, err = tr.Dial(s.Options().Address, transport.WithStream()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, ok := c.(wire.Opener); !ok {
			t.Fatal("the transport has no exchanges")
		}
		var m transport.Message
		if err := c.Send(&transport.Message{Header: jsonHeader("Streams.Call", "1"), Body: []byte(`{"text":"x"}`)}); err != nil {
			t.Fatal(err)
		}
		if err := c.Recv(&m); err != nil {
			t.Fatal(err)
		}
	}
	c, err := tr.Dial(s.Options().Address, transport.WithStream())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := &wire.Request{ID: 2, Left: left, Fields: wire.AppendMap(nil, streamHeader(endpoint, "2")), Body: []byte(`{}`)}
	if err := c.(wire.Opener).Open(r); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAStreamOfAnExchangeEndsWithItsDeadline(t *testing.T) {
	for name, do := range map[string]func(server.Stream) error{
		"receiving": func(s server.Stream) error { return s.Recv(&Text{}) },
		"sending": func(s server.Stream) error {
			for {
				if err := s.Send(&Text{Text: strings.Repeat("x", 100<<10)}); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			s := newServer(t, server.Transport(transport.NewHTTPTransport()))
			handle(t, s, newStreams(func(_ context.Context, stream server.Stream) error {
				err := do(stream)
				ended <- err
				return err
			}))
			start(t, s)
			exchange(t, s, "Streams.Do", 300*time.Millisecond)
			if err := within(t, "the end of the handler", ended); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the handler got %v", err)
			}
		})
	}
}
