// Package v4form holds code in the form that the generator of go-micro v4
// writes, import paths aside. That it compiles shows that such code moves over.
package v4form

import (
	context "context"
	fmt "fmt"
	math "math"

	proto "google.golang.org/protobuf/proto"

	api "github.com/justcy/go-micro/v4/api"
	client "github.com/justcy/go-micro/v4/client"
	. "github.com/justcy/go-micro/v4/cmd/protoc-gen-micro/internal/golden/kinds" //lint:ignore ST1001 the messages of the same package in generated code
	server "github.com/justcy/go-micro/v4/server"
)

// Reference imports to suppress errors if they are not otherwise used.
var _ = proto.Marshal
var _ = fmt.Errorf
var _ = math.Inf

// Reference imports to suppress errors if they are not otherwise used.
var _ api.Endpoint
var _ context.Context
var _ client.Option
var _ server.Option

// Api Endpoints for Old service

func NewOldEndpoints() []*api.Endpoint {
	return []*api.Endpoint{
		{
			Name:    "Old.Call",
			Path:    []string{"/old"},
			Method:  []string{"POST"},
			Handler: "rpc",
		},
	}
}

// Client API for Old service

type OldService interface {
	Call(ctx context.Context, in *Request, opts ...client.CallOption) (*Response, error)
	PingPong(ctx context.Context, opts ...client.CallOption) (Old_PingPongService, error)
}

type oldService struct {
	c    client.Client
	name string
}

func NewOldService(name string, c client.Client) OldService {
	return &oldService{
		c:    c,
		name: name,
	}
}

func (c *oldService) Call(ctx context.Context, in *Request, opts ...client.CallOption) (*Response, error) {
	req := c.c.NewRequest(c.name, "Old.Call", in)
	out := new(Response)
	err := c.c.Call(ctx, req, out, opts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *oldService) PingPong(ctx context.Context, opts ...client.CallOption) (Old_PingPongService, error) {
	req := c.c.NewRequest(c.name, "Old.PingPong", &Request{})
	stream, err := c.c.Stream(ctx, req, opts...)
	if err != nil {
		return nil, err
	}
	return &oldServicePingPong{stream}, nil
}

type Old_PingPongService interface {
	Context() context.Context
	SendMsg(interface{}) error
	RecvMsg(interface{}) error
	CloseSend() error
	Close() error
	Send(*Request) error
	Recv() (*Response, error)
}

type oldServicePingPong struct {
	stream client.Stream
}

func (x *oldServicePingPong) CloseSend() error {
	return x.stream.CloseSend()
}

func (x *oldServicePingPong) Close() error {
	return x.stream.Close()
}

func (x *oldServicePingPong) Context() context.Context {
	return x.stream.Context()
}

func (x *oldServicePingPong) SendMsg(m interface{}) error {
	return x.stream.Send(m)
}

func (x *oldServicePingPong) RecvMsg(m interface{}) error {
	return x.stream.Recv(m)
}

func (x *oldServicePingPong) Send(m *Request) error {
	return x.stream.Send(m)
}

func (x *oldServicePingPong) Recv() (*Response, error) {
	m := new(Response)
	err := x.stream.Recv(m)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Server API for Old service

type OldHandler interface {
	Call(context.Context, *Request, *Response) error
	PingPong(context.Context, Old_PingPongStream) error
}

func RegisterOldHandler(s server.Server, hdlr OldHandler, opts ...server.HandlerOption) error {
	type old interface {
		Call(ctx context.Context, in *Request, out *Response) error
		PingPong(ctx context.Context, stream server.Stream) error
	}
	type Old struct {
		old
	}
	h := &oldHandler{hdlr}
	opts = append(opts, api.WithEndpoint(&api.Endpoint{
		Name:    "Old.Call",
		Path:    []string{"/old"},
		Method:  []string{"POST"},
		Handler: "rpc",
	}))
	return s.Handle(s.NewHandler(&Old{h}, opts...))
}

type oldHandler struct {
	OldHandler
}

func (h *oldHandler) Call(ctx context.Context, in *Request, out *Response) error {
	return h.OldHandler.Call(ctx, in, out)
}

func (h *oldHandler) PingPong(ctx context.Context, stream server.Stream) error {
	return h.OldHandler.PingPong(ctx, &oldPingPongStream{stream})
}

type Old_PingPongStream interface {
	Context() context.Context
	SendMsg(interface{}) error
	RecvMsg(interface{}) error
	Close() error
	Send(*Response) error
	Recv() (*Request, error)
}

type oldPingPongStream struct {
	stream server.Stream
}

func (x *oldPingPongStream) Close() error {
	return x.stream.Close()
}

func (x *oldPingPongStream) Context() context.Context {
	return x.stream.Context()
}

func (x *oldPingPongStream) SendMsg(m interface{}) error {
	return x.stream.Send(m)
}

func (x *oldPingPongStream) RecvMsg(m interface{}) error {
	return x.stream.Recv(m)
}

func (x *oldPingPongStream) Send(m *Response) error {
	return x.stream.Send(m)
}

func (x *oldPingPongStream) Recv() (*Request, error) {
	m := new(Request)
	if err := x.stream.Recv(m); err != nil {
		return nil, err
	}
	return m, nil
}
