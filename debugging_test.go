package micro_test

import (
	"context"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/microtest"
	"github.com/justcy/go-micro/v4/server"
)

// Shop takes orders, and tells of them.
type Shop struct{ client client.Client }

type Order struct{ Item string }
type Receipt struct{ Text string }

func (s *Shop) Sell(ctx context.Context, req *Order, _ *Receipt) error {
	return s.client.Publish(ctx, s.client.NewMessage("sold", req))
}

// Follow lasts until the client has heard enough.
func (s *Shop) Follow(_ context.Context, stream server.Stream) error {
	if err := stream.Send(&Receipt{"first"}); err != nil {
		return err
	}
	_ = stream.Recv(new(Order)) // the end
	return nil
}

// runShop runs a service on a network, and returns a client of it.
func runShop(t *testing.T, net *microtest.Network, opts ...micro.Option) (micro.Service, client.Client) {
	t.Helper()
	shop := net.Service("shop", opts...)
	if err := shop.Client().Init(client.ContentType("application/json")); err != nil {
		t.Fatal(err)
	}
	if err := micro.RegisterHandler(shop.Server(), &Shop{shop.Client()}); err != nil {
		t.Fatal(err)
	}
	err := micro.RegisterSubscriber("sold", shop.Server(), func(context.Context, *Order) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	net.Start(shop)
	return shop, net.Client("caller", client.ContentType("application/json"))
}

func TestATraceCrossesCallsAndMessages(t *testing.T) {
	tracer := trace.NewTracer()
	_, c := runShop(t, microtest.New(t), micro.Tracer(tracer))
	ctx, span := tracer.Start(t.Context(), "test")
	if err := c.Call(ctx, c.NewRequest("shop", "Shop.Sell", &Order{"lamp"}), new(Receipt)); err != nil {
		t.Fatal(err)
	}
	rsp, err := debug.NewDebugService("shop", c).Trace(t.Context(), &debug.TraceRequest{Id: span.Trace})
	if err != nil {
		t.Fatal(err)
	}
	parent := span.Id
	for _, want := range []string{"shop.Shop.Sell", "publish sold", "subscribe sold"} {
		found := false
		for _, s := range rsp.GetSpans() {
			if s.GetName() == want && s.GetParent() == parent {
				parent, found = s.GetId(), true
				break
			}
		}
		if !found {
			t.Fatalf("%s is not a child of %s in %v", want, parent, rsp.GetSpans())
		}
	}
}

func TestTheRequestsOfAGivenServerAreCountedOnce(t *testing.T) {
	shop, c := runShop(t, microtest.New(t)) // whose server is given by an option
	shop.Init(micro.Server(shop.Server()))
	d := debug.NewDebugService("shop", c)
	count := func() *debug.StatsResponse {
		rsp, err := d.Stats(t.Context(), new(debug.StatsRequest))
		if err != nil {
			t.Fatal(err)
		}
		return rsp
	}
	before := count().GetRequests()
	if err := c.Call(t.Context(), c.NewRequest("shop", "Shop.Sell", &Order{"lamp"}), new(Receipt)); err != nil {
		t.Fatal(err)
	}
	if n := count().GetRequests() - before; n != 2 { // the call, and asking before it
		t.Errorf("%d requests were counted, want 2", n)
	}

	stream, err := c.Stream(t.Context(), c.NewRequest("shop", "Shop.Follow", &Order{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Recv(new(Receipt)); err != nil {
		t.Fatal(err)
	}
	if n := count().GetStreams(); n != 1 {
		t.Errorf("%d streams are open, want 1", n)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHealthChecksOfAServiceDecideAboutItsHealth(t *testing.T) {
	_, c := runShop(t, microtest.New(t), micro.HealthCheck("db", func(context.Context) error { return errors.New("no connection") }))
	rsp, err := debug.NewDebugService("shop", c).Health(t.Context(), new(debug.HealthRequest))
	if err != nil || rsp.GetStatus() != "failing: db: no connection" {
		t.Errorf("%v, %v", rsp, err)
	}
}
