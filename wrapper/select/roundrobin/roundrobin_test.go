package roundrobin_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/wrapper/select/roundrobin"
)

// recorder is a client that picks the nodes of a call and sends nothing.
type recorder struct {
	client.Client
	services []*registry.Service
	attempts int
	picked   string
}

func (r *recorder) pick(opts []client.CallOption) error {
	var call client.CallOptions
	for _, o := range opts {
		o(&call)
	}
	var sel selector.SelectOptions
	for _, o := range call.SelectOptions {
		o(&sel)
	}
	next := sel.Strategy(r.services)
	for range r.attempts {
		n, err := next()
		if err != nil {
			return err
		}
		r.picked += n.Id
	}
	return nil
}

func (r *recorder) Call(_ context.Context, _ client.Request, _ any, opts ...client.CallOption) error {
	return r.pick(opts)
}

func (r *recorder) Stream(_ context.Context, _ client.Request, opts ...client.CallOption) (client.Stream, error) {
	return nil, r.pick(opts)
}

type request struct {
	client.Request
	service string
}

func (r request) Service() string { return r.service }

func nodes(ids ...string) *registry.Service {
	s := &registry.Service{Name: "greeter"}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{Id: id})
	}
	return s
}

func call(t *testing.T, c client.Client, service string, opts ...client.CallOption) {
	t.Helper()
	if err := c.Call(context.Background(), request{service: service}, nil, opts...); err != nil {
		t.Fatal(err)
	}
}

func TestCallsAndStreamsTakeTurnsInTheOrderOfIds(t *testing.T) {
	r := &recorder{attempts: 1}
	c := roundrobin.NewClientWrapper()(r)
	for i := range 3 {
		// The registry's order changes from call to call.
		r.services = []*registry.Service{nodes("c"), nodes("a", "b")}
		if i%2 == 1 {
			r.services = []*registry.Service{nodes("b", "a"), nodes("c")}
		}
		call(t, c, "greeter")
		if _, err := c.Stream(context.Background(), request{service: "greeter"}); err != nil {
			t.Fatal(err)
		}
	}
	if r.picked != "abcabc" {
		t.Errorf("picked are %s, want abcabc", r.picked)
	}
}

func TestRetriesGoOnWithTheNextNode(t *testing.T) {
	r := &recorder{attempts: 4, services: []*registry.Service{nodes("a", "b", "c")}}
	call(t, roundrobin.NewClientWrapper()(r), "greeter")
	if r.picked != "abca" {
		t.Errorf("attempts go to %s, want abca", r.picked)
	}
}

func TestServicesAreCountedApart(t *testing.T) {
	r := &recorder{attempts: 1, services: []*registry.Service{nodes("a", "b")}}
	c := roundrobin.NewClientWrapper()(r)
	call(t, c, "one")
	call(t, c, "two")
	call(t, c, "one")
	if r.picked != "aab" {
		t.Errorf("picked are %s, want aab", r.picked)
	}
}

func TestWithoutNodesNoneIsAvailable(t *testing.T) {
	r := &recorder{attempts: 1, services: []*registry.Service{nodes()}}
	err := roundrobin.NewClientWrapper()(r).Call(context.Background(), request{service: "greeter"}, nil)
	if err != selector.ErrNoneAvailable {
		t.Errorf("the error is %v", err)
	}
}

func TestOptionsOfTheCallerAreCopied(t *testing.T) {
	r := &recorder{attempts: 1, services: []*registry.Service{nodes("a")}}
	mine := client.WithRetries(1)
	opts := make([]client.CallOption, 1, 8)
	opts[0] = mine
	call(t, roundrobin.NewClientWrapper()(r), "greeter", opts...)
	if opts[:2][1] != nil {
		t.Error("the wrapper wrote into the caller's array")
	}
}
