package handler_test

import (
	"context"
	"io"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/handler"
	"github.com/justcy/go-micro/v4/debug/log"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// newService serves the Debug service and returns a client of it.
func newService(t *testing.T) (debug.DebugService, client.CallOption) {
	t.Helper()
	tr := transport.NewHTTPTransport()
	reg := registry.NewMemoryRegistry()
	s := server.NewServer(server.Name("debug"), server.Address("127.0.0.1:0"), server.Transport(tr),
		server.Registry(reg), server.Broker(broker.NewMemoryBroker()))
	if err := debug.RegisterDebugHandler(s, newHandler(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(client.Transport(tr), client.Registry(reg))
	t.Cleanup(func() {
		if closer, ok := c.(io.Closer); ok {
			closer.Close()
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return debug.NewDebugService("debug", c), client.WithAddress(s.Options().Address)
}

var _ debug.DebugHandler = (*handler.Debug)(nil)

func TestServiceIsCalled(t *testing.T) {
	service, at := newService(t)
	rsp, err := service.Health(context.Background(), &debug.HealthRequest{}, at)
	if err != nil || rsp.Status != "ok" {
		t.Errorf("%v %v", rsp, err)
	}
}

func TestServiceFollowsTheLog(t *testing.T) {
	service, at := newService(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	write(t, 100, "mine")
	stream, err := service.Log(ctx, &debug.LogRequest{Stream: true}, at)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for {
		r, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if r.Message == "mine" {
			break
		}
	}
	if err := log.DefaultLog.Write(log.Record{Message: "later"}); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err != nil || r.Message != "later" {
		t.Errorf("%v %v", r, err)
	}
}

func TestMessageBusIsHalfClosed(t *testing.T) {
	service, at := newService(t)
	stream, err := service.MessageBus(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	const n = 3
	for range n {
		if err := stream.Send(&debug.BusMsg{Msg: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if m, err := stream.Recv(); err != nil || m.Msg != "Request received!" {
			t.Fatalf("%v %v", m, err)
		}
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
}
