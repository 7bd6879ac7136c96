package wrapper_test

import (
	"context"
	"io"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// fakeClient remembers the metadata of what it was asked to do, and fails when
// it is told to.
type fakeClient struct {
	client.Client
	err    error
	sent   metadata.Metadata
	ctx    context.Context
	stream *fakeStream
	closed bool
}

func (c *fakeClient) remember(ctx context.Context) error {
	c.ctx = ctx
	c.sent, _ = metadata.FromContext(ctx)
	return c.err
}

func (c *fakeClient) Call(ctx context.Context, _ client.Request, _ any, _ ...client.CallOption) error {
	return c.remember(ctx)
}

func (c *fakeClient) Stream(ctx context.Context, _ client.Request, _ ...client.CallOption) (client.Stream, error) {
	if err := c.remember(ctx); err != nil {
		return nil, err
	}
	c.stream = &fakeStream{}
	c.stream.ctx, c.stream.end = context.WithCancel(ctx)
	return c.stream, nil
}

func (c *fakeClient) Publish(ctx context.Context, _ client.Message, _ ...client.PublishOption) error {
	return c.remember(ctx)
}

func (c *fakeClient) Close() error { c.closed = true; return nil }

type fakeStream struct {
	client.Stream
	ctx context.Context
	end context.CancelFunc
	err error // of Recv and Error
}

func (s *fakeStream) Recv(any) error { return s.err }

func (s *fakeStream) Context() context.Context { return s.ctx }
func (s *fakeStream) Error() error             { return s.err }
func (s *fakeStream) Close() error             { s.end(); return nil }

// request is one for a client and for a server.
type request struct{ endpoint string }

func (request) Service() string     { return "greeter" }
func (r request) Method() string    { return r.endpoint }
func (r request) Endpoint() string  { return r.endpoint }
func (request) ContentType() string { return "" }
func (request) Body() any           { return nil }
func (request) Codec() codec.Writer { return nil }
func (request) Stream() bool        { return false }

type serverRequest struct{ request }

func (serverRequest) Header() map[string]string { return nil }
func (serverRequest) Codec() codec.Reader       { return nil }
func (serverRequest) Read() ([]byte, error)     { return nil, io.EOF }

var _ server.Request = serverRequest{}

type message struct{ client.Message }

func (message) Topic() string { return "news" }

var hello = request{"Greeter.Hello"}

// each runs f for the three things a client does.
func each(t *testing.T, f func(t *testing.T, do func(client.Client, context.Context) error)) {
	for name, do := range map[string]func(client.Client, context.Context) error{
		"call": func(c client.Client, ctx context.Context) error { return c.Call(ctx, hello, nil) },
		"stream": func(c client.Client, ctx context.Context) error {
			s, err := c.Stream(ctx, hello)
			if err == nil {
				err = s.Close()
			}
			return err
		},
		"publish": func(c client.Client, ctx context.Context) error { return c.Publish(ctx, message{}) },
	} {
		t.Run(name, func(t *testing.T) { f(t, do) })
	}
}
