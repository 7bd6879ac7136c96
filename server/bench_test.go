package server_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// routed is a Request and a Response of a router on its own.
type routed struct {
	server.Request
	server.Response
	endpoint string
	header   map[string]string
	coder    *wire.Coder
	body     []byte
	written  *codec.Message
	value    any
}

func (r *routed) Header() map[string]string { return r.header }
func (r *routed) Endpoint() string          { return r.endpoint }
func (r *routed) Service() string           { return "test" }
func (r *routed) Method() string            { return r.endpoint }

type routedRequest struct{ *routed }

func (r routedRequest) Codec() codec.Reader { return r }
func (r routedRequest) ReadHeader(m *codec.Message, _ codec.MessageType) error {
	m.Endpoint = r.endpoint
	r.coder.Load(r.body)
	return nil
}
func (r routedRequest) ReadBody(v any) error {
	if v == nil {
		return nil
	}
	return r.coder.ReadBody(v)
}
func (r routedRequest) Stream() bool          { return false }
func (r routedRequest) Body() any             { return nil }
func (r routedRequest) ContentType() string   { return "application/json" }
func (r routedRequest) Read() ([]byte, error) { return r.body, nil }

type routedResponse struct{ *routed }

func (r routedResponse) Codec() codec.Writer           { return r }
func (r routedResponse) WriteHeader(map[string]string) {}
func (r routedResponse) Write(m *codec.Message, v any) error {
	copied := *m
	r.written, r.value = &copied, v
	return nil
}

type writeOnly struct{ routedResponse }

func (w writeOnly) Write([]byte) error { return nil }

func (r *routed) request() server.Request   { return routedRequest{r} }
func (r *routed) response() server.Response { return writeOnly{routedResponse{r}} }

func newRouted(tb testing.TB, endpoint, contentType, body string) *routed {
	f, err := wire.NewFormats(wire.Codecs()).Lookup(contentType)
	if err != nil {
		tb.Fatal(err)
	}
	return &routed{endpoint: endpoint, coder: f.Coder(), body: []byte(body), header: map[string]string{}}
}

func BenchmarkRouter(b *testing.B) {
	r := server.NewRouter()
	if err := r.Handle(r.NewHandler(new(Golden))); err != nil {
		b.Fatal(err)
	}
	x := newRouted(b, "Golden.Good", "application/protobuf", protoBody("x"))
	req, rsp := x.request(), x.response()
	b.ReportAllocs()
	for b.Loop() {
		if err := r.ServeRequest(context.Background(), req, rsp); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkServeConn(b *testing.B) {
	for name, newTransport := range transports {
		b.Run(name, func(b *testing.B) {
			s := newServer(b, server.Transport(newTransport()))
			handle(b, s, new(Golden))
			start(b, s)
			o := s.Options()
			c, err := o.Transport.Dial(o.Address, transport.WithStream())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			m := transport.Message{
				Header: goldenRequest("application/protobuf", "Golden.Good", false),
				Body:   []byte(protoBody("x")),
			}
			m.Header["Timeout"] = "5000000000"
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Send(&m); err != nil {
					b.Fatal(err)
				}
				var reply transport.Message
				if err := c.Recv(&reply); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	s := newServer(b)
	handle(b, s, newStreams(func(_ context.Context, s server.Stream) error {
		var m busMsg
		for {
			if err := s.Recv(&m); err != nil {
				return err
			}
			if err := s.Send(&m); err != nil {
				return err
			}
		}
	}))
	start(b, s)
	o := s.Options()
	c, err := o.Transport.Dial(o.Address, transport.WithStream())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	h := streamHeader("Streams.Do", "1", "Content-Type", "application/protobuf")
	if err := c.Send(&transport.Message{Header: h}); err != nil {
		b.Fatal(err)
	}
	m := transport.Message{Header: h, Body: []byte(protoBody("x"))}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(&m); err != nil {
			b.Fatal(err)
		}
		var reply transport.Message
		if err := c.Recv(&reply); err != nil {
			b.Fatal(err)
		}
	}
}
