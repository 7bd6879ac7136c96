// Package label prefers nodes by what their metadata says: the nodes with the
// first label come first, then those with the second, in the end all others.
//
//	s := label.NewSelector(label.Label("zone", "eu-1"), label.Label("zone", "eu-2"))
//
// The first attempt of a call goes to a preferred node while there is one; each
// retry goes on to the next in that order. Nodes that are preferred equally
// take turns.
package label

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// NewSelector returns a selector that prefers nodes by the labels among the
// options. Apart from its strategy it is the default selector.
func NewSelector(opts ...selector.Option) selector.Selector {
	s := &labelSelector{}
	s.Selector = selector.NewSelector(append(slices.Clone(opts), selector.SetStrategy(s.order))...)
	s.read()
	return s
}

// Label adds a preference for nodes whose metadata has the value under the
// key. Labels that are added earlier count more.
func Label(k, v string) selector.Option {
	return func(o *selector.Options) {
		known, _ := options.Value[labels](o.Context)
		o.Context = options.Put(o.Context, append(slices.Clip(known), label{k, v}))
	}
}

type labels []label

type label struct{ key, value string }

type labelSelector struct {
	selector.Selector
	labels atomic.Pointer[labels]
	turns  sync.Map // service name to *atomic.Uint32
}

// Pick implements selector.Picker.
func (s *labelSelector) Pick(ctx context.Context, service string) (*registry.Node, error) {
	return s.Selector.(selector.Picker).Pick(ctx, service)
}

// Init applies options; labels are added to those there are.
func (s *labelSelector) Init(opts ...selector.Option) error {
	err := s.Selector.Init(append(slices.Clone(opts), selector.SetStrategy(s.order))...)
	s.read()
	return err
}

func (s *labelSelector) String() string { return "label" }

// read takes the labels from the options.
func (s *labelSelector) read() {
	known, _ := options.Value[labels](s.Options().Context)
	s.labels.Store(&known)
}

// order is the strategy.
func (s *labelSelector) order(services []*registry.Service) selector.Next {
	nodes := s.ordered(services)
	var turn atomic.Uint32
	return func() (*registry.Node, error) {
		if len(nodes) == 0 {
			return nil, selector.ErrNoneAvailable
		}
		return nodes[(turn.Add(1)-1)%uint32(len(nodes))], nil
	}
}

// ordered returns the nodes of all services, those preferred first.
func (s *labelSelector) ordered(services []*registry.Service) []*registry.Node {
	labels := s.labels.Load()
	if labels == nil || len(services) == 0 {
		return nil
	}
	groups := make([][]*registry.Node, len(*labels)+1)
	for _, service := range services {
		for _, n := range service.Nodes {
			r := rank(n, *labels)
			groups[r] = append(groups[r], n)
		}
	}
	turn := s.turn(services[0].Name)
	var nodes []*registry.Node
	for _, group := range groups {
		nodes = append(nodes, rotated(group, turn)...)
	}
	return nodes
}

// rank is the position of the first label the node has.
func rank(n *registry.Node, known labels) int {
	for i, l := range known {
		if n.Metadata[l.key] == l.value {
			return i
		}
	}
	return len(known)
}

func (s *labelSelector) turn(service string) uint32 {
	v, ok := s.turns.Load(service)
	if !ok {
		v, _ = s.turns.LoadOrStore(service, new(atomic.Uint32))
	}
	return v.(*atomic.Uint32).Add(1) - 1
}

// rotated sorts the nodes by their ids and starts with another at each turn.
func rotated(nodes []*registry.Node, turn uint32) []*registry.Node {
	if len(nodes) == 0 {
		return nil
	}
	slices.SortFunc(nodes, func(a, b *registry.Node) int { return cmp.Compare(a.Id, b.Id) })
	start := int(turn % uint32(len(nodes)))
	return slices.Concat(nodes[start:], nodes[:start])
}
