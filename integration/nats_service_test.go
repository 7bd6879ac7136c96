package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	stream "github.com/justcy/go-micro/v4/examples/stream/proto"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	natsregistry "github.com/justcy/go-micro/v4/registry/nats"
	"github.com/justcy/go-micro/v4/transport"
	natstransport "github.com/justcy/go-micro/v4/transport/nats"
)

// numbers answers each number with its double, and says hello.
type numbers struct{ stream.StreamerHandler }

func (numbers) Double(_ context.Context, both stream.Streamer_DoubleStream) error {
	for {
		n, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := both.Send(&stream.Number{Value: 2 * n.GetValue()}); err != nil {
			return err
		}
	}
}

func (numbers) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	if req.GetName() == "" {
		return errors.New("nobody to greet")
	}
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

// onNATS runs a service on NATS, and returns another that can call it.
func onNATS(t *testing.T, url, name string) micro.Service {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	service := func(name string, opts ...micro.Option) micro.Service {
		return micro.NewService(append([]micro.Option{
			micro.Name(name), micro.Registry(newNATSRegistry(t, url, unhurried, natsregistry.Quorum(1))), micro.HandleSignal(false),
			micro.Transport(natstransport.NewTransport(transport.Addrs(url))),
		}, opts...)...)
	}
	started, stopped := make(chan struct{}, 1), make(chan error, 1)
	running := service(name, micro.Context(ctx), micro.AfterStart(func() error { started <- struct{}{}; return nil }))
	must(t, stream.RegisterStreamerHandler(running.Server(), numbers{}))
	must(t, greeter.RegisterGreeterHandler(running.Server(), numbers{}))
	go func() { stopped <- running.Run() }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	<-started
	caller := service(name + ".client")
	t.Cleanup(func() {
		_ = caller.Client().(io.Closer).Close()
		_ = caller.Client().Options().Selector.Close()
	})
	return caller
}

func TestNATSStreamsDeliverEveryMessageInOrderFromTheFirst(t *testing.T) {
	name := unique("streamer-")
	caller := onNATS(t, servers.NATS(t), name)
	for round := range 20 {
		both, err := stream.NewStreamerService(name, caller.Client()).Double(t.Context())
		must(t, err)
		for i := range int64(3) {
			must(t, both.Send(&stream.Number{Value: i}))
		}
		must(t, both.CloseSend())
		for i := range int64(3) {
			n, err := both.Recv()
			if err != nil || n.GetValue() != 2*i {
				t.Fatalf("round %d: message %d is %v, %v", round, i, n.GetValue(), err)
			}
		}
		if _, err := both.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("round %d: the end is %v", round, err)
		}
		must(t, both.Close())
	}
}

func TestNATSCallsAreAnsweredAndSurviveAServerThatWasAway(t *testing.T) {
	server, name := servers.NewNATS(t), unique("greeter-")
	client := greeter.NewGreeterService(name, onNATS(t, server.URL, name).Client())
	hello := func(name string) (string, error) {
		rsp, err := client.Hello(t.Context(), &greeter.HelloRequest{Name: name})
		return rsp.GetGreeting(), err
	}
	for i := range 100 {
		name := fmt.Sprint("John ", i)
		if got, err := hello(name); err != nil || got != "Hello "+name {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if _, err := hello(""); err == nil || err.Error() == "" {
		t.Errorf("got %v", err)
	}
	server.Stop()
	server.Start()
	testkit.Eventually(t, "calls are answered again", func() bool {
		got, err := hello("again")
		return err == nil && got == "Hello again"
	})
}
