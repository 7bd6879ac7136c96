package kinds_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/cmd/protoc-gen-micro/internal/golden/kinds"
	"github.com/justcy/go-micro/v4/cmd/protoc-gen-micro/internal/golden/v4form"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// handler serves Kinds and the service in the form of go-micro v4.
type handler struct{}

func (handler) Unary(_ context.Context, in *kinds.Request, out *kinds.Response) error {
	out.Text = "unary " + in.GetText() + in.GetWord()
	return nil
}

func (handler) Down(_ context.Context, in *kinds.Request, stream kinds.Kinds_DownStream) error {
	for range in.GetTimes() {
		if err := stream.Send(&kinds.Response{Text: in.GetText()}); err != nil {
			return err
		}
	}
	return nil
}

func (handler) Up(_ context.Context, stream kinds.Kinds_UpStream) error {
	all := ""
	for {
		in, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(&kinds.Response{Text: all})
		}
		if err != nil {
			return err
		}
		all += in.GetText()
	}
}

func (handler) Both(_ context.Context, stream kinds.Kinds_BothStream) error {
	for {
		in, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&kinds.Response{Text: in.GetText()}); err != nil {
			return err
		}
	}
}

func (handler) Old(context.Context, *kinds.Request, *kinds.Response) error   { return nil }
func (handler) Older(context.Context, *kinds.Request, *kinds.Response) error { return nil }

func (handler) GetItem(_ context.Context, in *kinds.Request_Item, out *kinds.Request_Item_Part) error {
	out.Number = in.GetPart().GetNumber()
	return nil
}

type v4Handler struct{ handler }

func (v4Handler) Call(ctx context.Context, in *kinds.Request, out *kinds.Response) error {
	return handler{}.Unary(ctx, in, out)
}

func (v4Handler) PingPong(_ context.Context, stream v4form.Old_PingPongStream) error {
	in, err := stream.Recv()
	if err != nil {
		return err
	}
	return stream.Send(&kinds.Response{Text: in.GetText()})
}

// serve starts a server with the generated handler, on the default transport,
// and returns a client that speaks contentType.
func serve(t *testing.T, contentType string) client.Client {
	t.Helper()
	reg := registry.NewMemoryRegistry()
	srv := server.NewServer(server.Name("kinds"), server.Address("127.0.0.1:0"), server.Registry(reg), server.Transport(transport.NewHTTPTransport()))
	if err := kinds.RegisterKindsHandler(srv, handler{}); err != nil {
		t.Fatal(err)
	}
	if err := v4form.RegisterOldHandler(srv, v4Handler{}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	sel := selector.NewSelector(selector.Registry(reg))
	c := client.NewClient(client.Registry(reg), client.Selector(sel), client.Transport(transport.NewHTTPTransport()), client.ContentType(contentType))
	t.Cleanup(func() {
		if closer, ok := c.(io.Closer); ok {
			_ = closer.Close()
		}
		_ = sel.Close()
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestEveryKindOfMethodWorksOverTheDefaultStack(t *testing.T) {
	for _, contentType := range []string{"application/protobuf", "application/json", "application/grpc", "application/grpc+proto", "application/grpc+json", "application/json-rpc", "application/proto-rpc"} {
		t.Run(contentType, func(t *testing.T) {
			c := serve(t, contentType)
			service := kinds.NewKindsService("kinds", c)
			t.Run("unary", func(t *testing.T) { unary(t, service) })
			t.Run("nested messages", func(t *testing.T) { nested(t, service) })
			t.Run("server stream", func(t *testing.T) { down(t, service) })
			t.Run("client stream", func(t *testing.T) { up(t, service) })
			t.Run("bidirectional", func(t *testing.T) { both(t, service) })
			t.Run("code of go-micro v4", func(t *testing.T) { old(t, v4form.NewOldService("kinds", c)) })
		})
	}
}

func unary(t *testing.T, service kinds.KindsService) {
	rsp, err := service.Unary(t.Context(), &kinds.Request{Text: "a", Choice: &kinds.Request_Word{Word: "b"}})
	if err != nil || rsp.GetText() != "unary ab" {
		t.Errorf("got %v, %v", rsp, err)
	}
}

func nested(t *testing.T, service kinds.KindsService) {
	part, err := service.GetItem(t.Context(), &kinds.Request_Item{Part: &kinds.Request_Item_Part{Number: 7}})
	if err != nil || part.GetNumber() != 7 {
		t.Errorf("got %v, %v", part, err)
	}
}

func down(t *testing.T, service kinds.KindsService) {
	times := int32(3)
	stream, err := service.Down(t.Context(), &kinds.Request{Text: "x", Times: &times})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for range times {
		if rsp, err := stream.Recv(); err != nil || rsp.GetText() != "x" {
			t.Fatalf("got %v, %v", rsp, err)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v, want io.EOF", err)
	}
}

func up(t *testing.T, service kinds.KindsService) {
	stream, err := service.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, text := range []string{"a", "b", "c"} {
		if err := stream.Send(&kinds.Request{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	rsp := new(kinds.Response)
	if err := stream.RecvMsg(rsp); err != nil || rsp.GetText() != "abc" {
		t.Errorf("got %v, %v", rsp, err)
	}
}

func both(t *testing.T, service kinds.KindsService) {
	stream, err := service.Both(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, text := range []string{"", "a", "", "b"} {
		if err := stream.Send(&kinds.Request{Text: text}); err != nil {
			t.Fatal(err)
		}
		if rsp, err := stream.Recv(); err != nil || rsp.GetText() != text {
			t.Fatalf("got %v, %v", rsp, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v, want io.EOF", err)
	}
}

func old(t *testing.T, service v4form.OldService) {
	if rsp, err := service.Call(t.Context(), &kinds.Request{Text: "v4"}); err != nil || rsp.GetText() != "unary v4" {
		t.Errorf("got %v, %v", rsp, err)
	}
	stream, err := service.PingPong(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Send(&kinds.Request{Text: "ping"}); err != nil {
		t.Fatal(err)
	}
	if rsp, err := stream.Recv(); err != nil || rsp.GetText() != "ping" {
		t.Errorf("got %v, %v", rsp, err)
	}
}
