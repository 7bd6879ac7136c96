// Package roundrobin is a client wrapper that sends the calls to a service to
// its nodes in turn, whatever the client's selector does by itself.
//
//	service := micro.NewService(micro.WrapClient(roundrobin.NewClientWrapper()))
package roundrobin

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// NewClientWrapper returns a wrapper that sends calls and streams to the nodes
// of a service in turn, in the order of their ids. A retry goes to the node
// after the one that failed. Each client that is wrapped counts by itself.
func NewClientWrapper() client.Wrapper {
	return func(c client.Client) client.Client {
		return &roundRobin{Client: c}
	}
}

type roundRobin struct {
	client.Client
	turns sync.Map // service name to *atomic.Uint32
}

func (r *roundRobin) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	return r.Client.Call(ctx, req, rsp, r.inTurn(req.Service(), opts)...)
}

func (r *roundRobin) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	return r.Client.Stream(ctx, req, r.inTurn(req.Service(), opts)...)
}

// inTurn returns the options with the strategy added to a copy of them.
func (r *roundRobin) inTurn(service string, opts []client.CallOption) []client.CallOption {
	strategy := selector.WithStrategy(func(services []*registry.Service) selector.Next {
		return next(services, r.turn(service))
	})
	return append(slices.Clip(opts), client.WithSelectOption(strategy))
}

func (r *roundRobin) turn(service string) uint32 {
	v, ok := r.turns.Load(service)
	if !ok {
		v, _ = r.turns.LoadOrStore(service, new(atomic.Uint32))
	}
	return v.(*atomic.Uint32).Add(1) - 1
}

// next starts with the node whose turn it is.
func next(services []*registry.Service, turn uint32) selector.Next {
	var nodes []*registry.Node
	for _, s := range services {
		nodes = append(nodes, s.Nodes...)
	}
	slices.SortFunc(nodes, func(a, b *registry.Node) int { return cmp.Compare(a.Id, b.Id) })
	var at atomic.Uint32
	at.Store(turn)
	return func() (*registry.Node, error) {
		if len(nodes) == 0 {
			return nil, selector.ErrNoneAvailable
		}
		return nodes[(at.Add(1)-1)%uint32(len(nodes))], nil
	}
}
