package client_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport"
)

// onTransports runs a test on a transport that needs maps of headers, on one
// that does not after its first message, and on one that never gets so far.
func onTransports(t *testing.T, test func(t *testing.T, tr transport.Transport)) {
	for name, newTransport := range map[string]func() transport.Transport{
		"memory": func() transport.Transport { return transport.NewMemoryTransport() },
		"http":   func() transport.Transport { return transport.NewHTTPTransport() },
		"plain":  func() transport.Transport { return transport.NewHTTPTransport(transport.DisableMux()) },
	} {
		t.Run(name, func(t *testing.T) { test(t, newTransport()) })
	}
}

// folded are headers without regard to the case of their names. It fails for a
// name that is there twice.
func folded(t *testing.T, h map[string]string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, value := range h {
		name = strings.ToLower(name)
		if _, twice := all[name]; twice {
			t.Errorf("%s is there twice in %v", name, h)
		}
		all[name] = value
	}
	return all
}

// Whatever carries a request, and whether it repeats the one before, it has the
// same headers.
func TestRequestsHaveTheSameHeadersHoweverTheyTravel(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{
		"x-lower": "1", "UPPER-CASE": "2", "Traceparent": "3", "X-Empty": "", "micro-NAMESPACE": "4",
		"micro-id": "5", "content-TYPE": "6", "X-Micro-Service": "7",
	})
	want := map[string]string{
		"x-lower": "1", "upper-case": "2", "traceparent": "3", "x-empty": "", "micro-namespace": "4",
		"micro-service": "greeter", "micro-method": "Greeter.Hello", "micro-endpoint": "Greeter.Hello",
	}
	for _, contentType := range []string{"application/json", "application/protobuf", "application/json-rpc", "application/proto-rpc", "application/grpc"} {
		t.Run(strings.ReplaceAll(contentType, "/", "-"), func(t *testing.T) {
			onTransports(t, func(t *testing.T, tr transport.Transport) {
				p := newPeer(t, tr, fail("no"))
				c := newClient(t, tr)
				req := c.NewRequest("greeter", "Greeter.Hello", wrapperspb.String("x"), client.WithContentType(contentType))
				const calls = 6
				for range calls {
					if err := c.Call(ctx, req, new(wrapperspb.StringValue), client.WithAddress(p.addr)); err == nil || err.Error() != "no" {
						t.Fatalf("Call returns %v", err)
					}
				}
				ids := map[string]bool{}
				var first map[string]string
				for i, m := range p.received() {
					h := folded(t, m.Header)
					for name, value := range want {
						if got, ok := h[name]; !ok || got != value {
							t.Errorf("request %d: %s is %q, want %q", i, name, got, value)
						}
					}
					ids[h["micro-id"]] = true
					if n, err := strconv.ParseInt(h["timeout"], 10, 64); err != nil || n <= 0 {
						t.Errorf("request %d: Timeout is %q", i, h["timeout"])
					}
					for _, own := range []string{"micro-id", "timeout", "connection", "upgrade", "host", "content-length", "user-agent", "accept-encoding"} {
						delete(h, own)
					}
					if i == 0 {
						first = h
					} else if !maps.Equal(h, first) {
						t.Errorf("request %d has %v, the first one %v", i, h, first)
					}
				}
				if len(ids) != calls {
					t.Errorf("%d ids of %d requests", len(ids), calls)
				}
			})
		})
	}
}

// The time that an attempt tells the handler is its own.
func TestEachAttemptTellsTheTimeThatIsLeft(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/json-rpc"} { // by fields and by a map
		t.Run(strings.ReplaceAll(contentType, "/", "-"), func(t *testing.T) {
			onTransports(t, func(t *testing.T, tr transport.Transport) {
				p := newPeer(t, tr, fail("again"))
				c := newClient(t, tr)
				req := c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}, client.WithContentType(contentType))
				again := func(context.Context, client.Request, int, error) (bool, error) { return true, nil }
				soon := func(context.Context, client.Request, int) (time.Duration, error) { return time.Nanosecond, nil }
				_ = c.Call(context.Background(), req, nil, client.WithAddress(p.addr), client.WithRetries(4), client.WithRetry(again), client.WithBackoff(soon))
				last := int64(math.MaxInt64)
				for i, m := range p.received() {
					left, err := strconv.ParseInt(m.Header["Timeout"], 10, 64)
					if err != nil || left >= last {
						t.Errorf("attempt %d has %d ns left, the one before had %d (%v)", i, left, last, err)
					}
					last = left
				}
				if n := len(p.received()); n != 5 {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

func TestErrorsAreFoundInAnySpelling(t *testing.T) {
	onTransports(t, func(t *testing.T, tr transport.Transport) {
		for _, name := range []string{"Micro-Error", "micro-error", "MICRO-ERROR"} {
			p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
				h := replyHeader(m)
				h[name] = "the text"
				return s.Send(&transport.Message{Header: h})
			})
			c := newClient(t, tr)
			for range 2 {
				if _, err := call(context.Background(), c, p.addr); err == nil || err.Error() != "the text" {
					t.Errorf("%s: Call returns %v", name, err)
				}
			}
			stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}), client.WithAddress(p.addr))
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Recv(nil); err == nil || err.Error() != "the text" {
				t.Errorf("%s: Recv returns %v", name, err)
			}
			stream.Close()
		}
	})
}

// Headers beyond the limits fail their request and nothing else.
func TestRequestsWithTooManyHeadersFailAlone(t *testing.T) {
	tr := transport.NewHTTPTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	many := metadata.Metadata{}
	for i := range 600 {
		many[fmt.Sprint("X-", i)] = "v"
	}
	for range 3 { // over the plain connection, and the multiplexed one
		for name, md := range map[string]metadata.Metadata{"many": many, "large": {"X-Large": strings.Repeat("v", 70_000)}} {
			ctx := metadata.NewContext(context.Background(), md)
			if _, err := call(ctx, c, p.addr); err == nil {
				t.Errorf("%s headers were sent", name)
			}
			stream, err := c.Stream(ctx, c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}), client.WithAddress(p.addr))
			if err == nil { // a plain connection leaves it to the peer
				err = stream.Recv(nil)
				stream.Close()
			}
			if err == nil {
				t.Errorf("%s headers opened a stream", name)
			}
		}
		if got, err := call(context.Background(), c, p.addr); err != nil || got != "Ada" {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	}
}

// stampCodec is a JSON codec that uses the headers in both directions.
type stampCodec struct{ codec.Codec }

func (s stampCodec) Write(m *codec.Message, v any) error {
	if m.Header["Micro-Endpoint"] == "" {
		return fmt.Errorf("the codec sees the headers %v", m.Header)
	}
	m.Header["X-Stamp"] = m.Endpoint + m.Header["X-Stamp"]
	return s.Codec.Write(m, v)
}

func (s stampCodec) ReadHeader(m *codec.Message, t codec.MessageType) error {
	if m.Header["X-Back"] == "" {
		return fmt.Errorf("the codec sees the headers %v", m.Header)
	}
	m.Header["X-Read"] = "yes"
	return s.Codec.ReadHeader(m, t)
}

func TestCodecsSeeAndWriteHeaders(t *testing.T) {
	onTransports(t, func(t *testing.T, tr transport.Transport) {
		p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
			h := replyHeader(m)
			h["X-Back"] = m.Header["X-Stamp"]
			return s.Send(&transport.Message{Header: h, Body: m.Body})
		})
		c := newClient(t, tr, client.Codec("application/json", func(rwc io.ReadWriteCloser) codec.Codec { return stampCodec{json.NewCodec(rwc)} }))
		for range 3 {
			if _, err := call(context.Background(), c, p.addr); err != nil {
				t.Fatal(err)
			}
		}
		stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}), client.WithAddress(p.addr))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if err := stream.Recv(nil); err != nil {
			t.Fatal(err)
		}
		for i, m := range p.received() {
			if m.Header["X-Stamp"] != "Greeter.Hello" {
				t.Errorf("request %d is stamped %q", i, m.Header["X-Stamp"])
			}
		}
	})
}

// Headers that a stream has handed out belong to the user, while it goes on and
// its codec changes those of other messages.
func TestHeadersOfAStreamMayBeReadWhileItReceives(t *testing.T) {
	onTransports(t, func(t *testing.T, tr transport.Transport) {
		p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
			h := replyHeader(m)
			h["X-Back"] = "yes"
			return s.Send(&transport.Message{Header: h, Body: m.Body})
		})
		c := newClient(t, tr, client.Codec("application/json", func(rwc io.ReadWriteCloser) codec.Codec { return stampCodec{json.NewCodec(rwc)} }))
		stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}), client.WithAddress(p.addr))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		defer func() {
			stream.Close()
			_ = stream.Send(nil) // leaves an error
			all.Wait()
		}()
		all.Go(func() {
			for stream.Error() == nil {
				_ = maps.Clone(stream.Response().Header())
				runtime.Gosched()
			}
		})
		for range 100 {
			if err := stream.Recv(nil); err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(&echoBody{"Ada"}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
