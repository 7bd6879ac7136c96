package server_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Whoever waits for what a server cuts off is told so, whatever it speaks.
func TestCallersOfWhatIsCutOffGetCode503(t *testing.T) {
	for name, newTransport := range transports {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, server.Transport(newTransport()), server.DrainTimeout(-1))
			e := newEcho()
			began := make(chan struct{})
			handle(t, s, e, newStreams(func(ctx context.Context, _ server.Stream) error {
				close(began)
				<-ctx.Done()
				return ctx.Err()
			}))
			start(t, s)
			c := newCaller(t, s)
			to := client.WithAddress(s.Options().Address)
			if err := c.Call(t.Context(), c.NewRequest("test", "Echo.Call", &Text{}), &Text{}, to); err != nil {
				t.Fatal(err)
			}
			stream, err := c.Stream(t.Context(), c.NewRequest("test", "Streams.Do", &Text{}, client.StreamingRequest()), to)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			ends := map[string]chan error{"stream": make(chan error, 1), "call": make(chan error, 1)}
			go func() { ends["stream"] <- stream.Recv(&Text{}) }()
			go func() {
				ends["call"] <- c.Call(t.Context(), c.NewRequest("test", "Echo.WaitDone", &Text{}), &Text{}, to)
			}()
			<-began
			<-e.entered
			if err := s.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
			for what, end := range ends {
				if err := within(t, "the end of the "+what, end); errors.FromError(err).GetCode() != 503 {
					t.Errorf("the %s ends with %v", what, err)
				}
			}
		})
	}
}

// slow forwards connections to a server. What the server sends arrives slowly from
// the time on that it is told so.
type slow struct {
	addr    string
	slowly  atomic.Bool
	between time.Duration
}

func newSlow(t *testing.T, to string) *slow {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &slow{addr: l.Addr().String(), between: 5 * time.Millisecond}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				here.Close()
				continue
			}
			there.(*net.TCPConn).SetReadBuffer(32 << 10) //nolint:errcheck // so that much lies at the server's end
			all.Go(func() { s.forward(there, here, nil) })
			all.Go(func() { s.forward(here, there, &s.slowly) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return s
}

// forward copies until the end, which it passes on.
func (s *slow) forward(to, from net.Conn, slowly *atomic.Bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
		if slowly != nil && slowly.Load() {
			time.Sleep(s.between)
		}
	}
	to.(*net.TCPConn).CloseWrite()
	from.(*net.TCPConn).CloseRead()
}

// Megabytes is a handler whose replies and last messages are large.
type Megabytes struct{ answered atomic.Int64 }

func (m *Megabytes) Call(_ context.Context, _, rsp *Text) error {
	defer m.answered.Add(1)
	*rsp = aMegabyte
	return nil
}

func (m *Megabytes) Stream(_ context.Context, s server.Stream) error {
	defer m.answered.Add(1)
	return s.Send(&aMegabyte)
}

// Stop is over when the peers have what was answered: the handlers have returned long
// before.
func TestStopLetsSlowPeersHaveWhatWasAnswered(t *testing.T) {
	const calls, streams = 16, 4
	limits := []transport.Option{transport.MaxConnBytes(4 << 20), transport.MaxMessageSize(2 << 20)} // so that the peers give credit back
	for name, opts := range map[string][]transport.Option{"multiplexed": nil, "TLS": {unverified}, "HTTP": {transport.DisableMux()}} {
		t.Run(name, func(t *testing.T) {
			m := new(Megabytes)
			s := newServer(t, server.Transport(transport.NewHTTPTransport(append(opts, limits...)...)))
			handle(t, s, newEcho(), m)
			start(t, s)
			way := newSlow(t, s.Options().Address)
			c := newCaller(t, s)
			opts := []client.CallOption{client.WithAddress(way.addr), client.WithRequestTimeout(testkit.Patience), client.WithStreamTimeout(testkit.Patience)}
			if err := c.Call(t.Context(), c.NewRequest("test", "Echo.Call", &Text{}), &Text{}, opts...); err != nil {
				t.Fatal(err)
			}
			way.slowly.Store(true)
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					var rsp Text
					if err := c.Call(t.Context(), c.NewRequest("test", "Megabytes.Call", &Text{}), &rsp, opts...); err != nil || len(rsp.Text) != len(aMegabyte.Text) {
						t.Errorf("a call gets %d bytes, %v", len(rsp.Text), err)
					}
				})
			}
			for range streams {
				all.Go(func() {
					stream, err := c.Stream(t.Context(), c.NewRequest("test", "Megabytes.Stream", &Text{}, client.StreamingRequest()), opts...)
					if err != nil {
						t.Error(err)
						return
					}
					defer stream.Close()
					var rsp Text
					if err := stream.Recv(&rsp); err != nil || len(rsp.Text) != len(aMegabyte.Text) {
						t.Errorf("a stream gets %d bytes, %v", len(rsp.Text), err)
					}
				})
			}
			testkit.Eventually(t, "the handlers have returned", func() bool { return m.answered.Load() == calls+streams })
			if err := s.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
			all.Wait()
		})
	}
}

// A client that sends on streams which their handlers do not receive is stopped by
// the budget of its connection, however many the streams are.
func TestStreamsThatAreNotReceivedStopTheirClient(t *testing.T) {
	const budget, streams, messages, size = 4 << 20, 100, 28, 64 << 10
	for name, opts := range map[string][]transport.Option{"multiplexed": nil, "TLS": {unverified}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, server.Transport(transport.NewHTTPTransport(append(opts, transport.MaxConnBytes(budget), transport.MaxMessageSize(1<<20))...)))
			handle(t, s, newEcho(), newStreams(func(ctx context.Context, _ server.Stream) error {
				<-ctx.Done()
				return nil
			}))
			start(t, s)
			c := newCaller(t, s)
			to := client.WithAddress(s.Options().Address)
			if err := c.Call(t.Context(), c.NewRequest("test", "Echo.Call", &Text{}), &Text{}, to); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var opened []client.Stream
			for range streams {
				stream, err := c.Stream(ctx, c.NewRequest("test", "Streams.Do", &Text{}, client.StreamingRequest()), to)
				if err != nil {
					t.Fatal(err)
				}
				opened = append(opened, stream)
			}
			var sent atomic.Int64
			var all sync.WaitGroup
			defer all.Wait()
			defer cancel()
			for _, stream := range opened {
				all.Go(func() {
					defer stream.Close()
					for range messages {
						if stream.Send(&Text{aMegabyte.Text[:size]}) != nil {
							return
						}
						sent.Add(size)
					}
					<-ctx.Done()
				})
			}
			testkit.Eventually(t, "the budget is used up", func() bool { return sent.Load() > budget*3/4 })
			time.Sleep(time.Second) // for more, if there may be more
			if n := sent.Load(); n > budget {
				t.Errorf("%d bytes were taken, the budget is %d", n, budget)
			}
		})
	}
}

var aMegabyte = Text{strings.Repeat("x", 1<<20)}
