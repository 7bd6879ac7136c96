package json_test

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/debug/handler"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// newer is Mirror with a field that Everything does not have.
type newer struct {
	Mirror
	Added map[string][]int `json:"added"`
}

// Typed is a service with .proto files, Untyped one without.
type (
	Typed   struct{}
	Untyped struct{}
)

func (Typed) Call(_ context.Context, in, out *testpb.Everything) error {
	proto.Merge(out, in)
	return nil
}

func (Typed) Stream(_ context.Context, s server.Stream) error {
	return echoAll(s, func() any { return new(testpb.Everything) })
}

func (Untyped) Call(_ context.Context, in, out *Mirror) error {
	*out = *in
	return nil
}

func (Untyped) Stream(_ context.Context, s server.Stream) error {
	return echoAll(s, func() any { return new(Mirror) })
}

func echoAll(s server.Stream, target func() any) error {
	for {
		v := target()
		if err := s.Recv(v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(v); err != nil {
			return err
		}
	}
}

// service is a server with handlers of both kinds, and a client of it.
func service(t *testing.T, contentType string, subscribers ...any) (client.Client, string) {
	t.Helper()
	reg, events := registry.NewMemoryRegistry(), broker.NewMemoryBroker()
	s := server.NewServer(server.Name("mixed"), server.Address("127.0.0.1:0"), server.Registry(reg), server.Broker(events),
		server.Transport(transport.NewHTTPTransport()), server.WithLogger(logger.NewLogger(logger.WithOutput(io.Discard))))
	for _, h := range []any{new(Typed), new(Untyped)} {
		if err := s.Handle(s.NewHandler(h)); err != nil {
			t.Fatal(err)
		}
	}
	if err := debug.RegisterDebugHandler(s, handler.NewHandler(nil)); err != nil {
		t.Fatal(err)
	}
	for _, f := range subscribers {
		if err := s.Subscribe(s.NewSubscriber("orders", f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	sel := selector.NewSelector(selector.Registry(reg))
	c := client.NewClient(client.Registry(reg), client.Selector(sel), client.Broker(events), client.Transport(transport.NewHTTPTransport()), client.ContentType(contentType))
	t.Cleanup(func() {
		if closer, ok := c.(io.Closer); ok {
			_ = closer.Close()
		}
		if err := errors.Join(sel.Close(), s.Stop()); err != nil {
			t.Error(err)
		}
	})
	return c, s.Options().Address
}

// typed and untyped say the same.
func typed() *testpb.Everything {
	return &testpb.Everything{FullName: "<a&b>", BigNumber: math.MaxInt64, Colour: testpb.Colour_COLOUR_RED, Children: []*testpb.Everything{{BigNumber: 1}}}
}

func untyped() *newer {
	return &newer{Mirror: Mirror{FullName: "<a&b>", BigNumber: math.MaxInt64, Colour: 1, Children: []Mirror{{BigNumber: 1}}}, Added: map[string][]int{"x": {1}}}
}

func sameAsTyped(t *testing.T, what string, v any) {
	t.Helper()
	switch v := v.(type) {
	case *testpb.Everything:
		if !proto.Equal(v, typed()) {
			t.Errorf("%s: got %v", what, v)
		}
	case *Mirror:
		if v.FullName != "<a&b>" || v.BigNumber != math.MaxInt64 || v.Colour != 1 || v.Children[0].BigNumber != 1 {
			t.Errorf("%s: got %+v", what, v)
		}
	}
}

func TestServicesWithAndWithoutProtoFilesUnderstandEachOther(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/json-rpc", "application/grpc+json"} {
		t.Run(contentType, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, _ := service(t, contentType)
			for _, endpoint := range []string{"Typed", "Untyped"} {
				for _, pair := range []struct{ in, out any }{{typed(), new(testpb.Everything)}, {untyped(), new(Mirror)}, {typed(), new(Mirror)}, {untyped(), new(testpb.Everything)}} {
					if err := c.Call(ctx, c.NewRequest("mixed", endpoint+".Call", pair.in), pair.out); err != nil {
						t.Errorf("%s called with %T: %v", endpoint, pair.in, err)
						continue
					}
					sameAsTyped(t, endpoint, pair.out)
					stream, err := c.Stream(ctx, c.NewRequest("mixed", endpoint+".Stream", &struct{}{}))
					if err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(stream.Send(pair.in), stream.Recv(pair.out)); err != nil {
						t.Errorf("%s with a stream of %T: %v", endpoint, pair.in, err)
					}
					sameAsTyped(t, endpoint+" stream", pair.out)
					_ = stream.Close()
				}
			}
		})
	}
}

func TestPublishedMessagesAreUnderstoodByBothKinds(t *testing.T) {
	got := make(chan any, 10)
	c, _ := service(t, "application/json",
		func(_ context.Context, m *testpb.Everything) error { got <- m; return nil },
		func(_ context.Context, m *Mirror) error { got <- m; return nil })
	for _, v := range []any{typed(), untyped()} {
		if err := c.Publish(t.Context(), c.NewMessage("orders", v)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			select {
			case m := <-got:
				sameAsTyped(t, "published", m)
			case <-time.After(30 * time.Second):
				t.Fatal("the message did not arrive")
			}
		}
	}
}

func TestDebugStatsHaveNumbersForEverybody(t *testing.T) {
	_, address := service(t, "application/json")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, bytes.NewReader([]byte(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Micro-Endpoint", "Debug.Stats")
	req.Header.Set("Micro-Service", "mixed")
	rsp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer rsp.Body.Close()
	var stats map[string]any
	if err := stdjson.NewDecoder(rsp.Body).Decode(&stats); err != nil || rsp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", rsp.Status, err)
	}
	for _, name := range []string{"timestamp", "memory", "threads"} {
		if _, ok := stats[name].(float64); !ok {
			t.Errorf("%s is %v (%T)", name, stats[name], stats[name])
		}
	}
}
