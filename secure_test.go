package micro_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Trap is what a service does that is taken for another one.
type Trap struct{ sprung atomic.Int32 }

func (h *Trap) Call(context.Context, *EchoRequest, *EchoResponse) error {
	h.sprung.Add(1)
	return nil
}

func (h *Trap) Stream(context.Context, server.Stream) error {
	h.sprung.Add(1)
	return nil
}

// A registry may lie about where a service is. Its certificate does not.
func TestNobodyIsTakenForTheServiceThatIsCalled(t *testing.T) {
	for name, form := range map[string][]transport.Option{"multiplexed": nil, "plain": {transport.DisableMux()}} {
		t.Run(name, func(t *testing.T) {
			reg, trap := registry.NewMemoryRegistry(), new(Trap)
			secure := func() transport.Transport {
				return transport.NewHTTPTransport(append(form, transport.Secure(true))...)
			}
			serve := func(name string, h any) micro.Service {
				return runningWith(t, func(s server.Server) error { return micro.RegisterHandler(s, h) },
					micro.Name(name), micro.Registry(reg), micro.Transport(secure()), micro.Broker(broker.NewMemoryBroker()), micro.Address("127.0.0.1:0"))
			}
			bank, thief := serve("bank", Echo{}), serve("thief", trap)
			c := client.NewClient(client.Registry(reg), client.Transport(secure()), client.Retries(0))
			t.Cleanup(func() { _ = c.Options().Selector.Close() })
			call := func(service, endpoint string, opts ...client.CallOption) error {
				return c.Call(t.Context(), c.NewRequest(service, endpoint, &EchoRequest{"x"}), new(EchoResponse), opts...)
			}
			if err := call("bank", "Echo.Call"); err != nil {
				t.Fatal(err)
			}
			if err := call("thief", "Trap.Call"); err != nil || trap.sprung.Swap(0) != 1 {
				t.Fatal(err)
			}
			at := thief.Server().Options().Address
			if err := errors.Join(bank.Server().Stop(), reg.Register(&registry.Service{Name: "bank", Version: "latest", Nodes: []*registry.Node{
				{Id: "bank-2", Address: at, Metadata: map[string]string{"protocol": "mucp"}}}})); err != nil {
				t.Fatal(err)
			}
			for how, opts := range map[string][]client.CallOption{"by the registry": nil, "by its address": {client.WithAddress(at)}} {
				if err := call("bank", "Trap.Call", opts...); err == nil || how == "by its address" && !strings.Contains(err.Error(), "thief") {
					t.Errorf("%s: got %v", how, err)
				}
				if s, err := c.Stream(t.Context(), c.NewRequest("bank", "Trap.Stream", &EchoRequest{}), opts...); err == nil {
					_ = s.Close()
					t.Errorf("%s: a stream was opened", how)
				}
			}
			if trap.sprung.Load() != 0 {
				t.Error("the thief was called")
			}
		})
	}
}
