package selector

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// service is what the selector knows of one service beyond the registry.
type service struct {
	candidates atomic.Pointer[candidates]
	turn       atomic.Uint32 // where RoundRobin starts next
	health     health
	loads      loads
}

// candidates are the nodes that a Select may pick from. They never change.
type candidates struct {
	services []*registry.Service
	active   []*registry.Node // those that are not draining
	draining []*registry.Node

	usable atomic.Pointer[usable] // what they were last found to be

	index sync.Once
	ids   map[string]bool // of all nodes; made by has
}

// usable are the nodes that requests go to, as long as nothing changes. Working
// them out looks at every node.
type usable struct {
	nodes   []*registry.Node
	version uint64 // of the health
}

// has reports whether a node is among the candidates.
func (c *candidates) has(id string) bool {
	c.index.Do(func() {
		c.ids = make(map[string]bool, len(c.active)+len(c.draining))
		for _, n := range c.active {
			c.ids[n.Id] = true
		}
		for _, n := range c.draining {
			c.ids[n.Id] = true
		}
	})
	return c.ids[id]
}

func newCandidates(services []*registry.Service) *candidates {
	c := &candidates{services: services, active: flatten(services)}
	all := c.active
	for i, n := range all {
		if n.Draining() {
			if c.draining == nil {
				c.active = append([]*registry.Node(nil), all[:i]...)
			}
			c.draining = append(c.draining, n)
		} else if c.draining != nil {
			c.active = append(c.active, n)
		}
	}
	return c
}

// of returns the candidates among all of the service's nodes, which are worked
// out once for each answer of the registry. Nodes that are gone are forgotten.
func (s *service) of(services []*registry.Service) *candidates {
	if c := s.candidates.Load(); c != nil && same(c.services, services) {
		return c
	}
	c := newCandidates(services)
	s.candidates.Store(c)
	s.health.retain(c.has)
	s.loads.retain(c.has)
	return c
}

// has reports whether the registry has the node. Of others, which callers with
// addresses of their own report, nothing is kept: there is no end of them.
func (s *service) has(n *registry.Node) bool {
	if s == nil || n == nil {
		return false
	}
	c := s.candidates.Load()
	return c != nil && c.has(n.Id)
}

// same reports whether both are the same slice, not whether they are equal.
func same(a, b []*registry.Service) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// usable returns the best nodes there are: those that are neither draining nor
// set aside, else the draining ones that can be reached, else any.
func (s *service) usable(c *candidates) []*registry.Node {
	if s.health.failed.Load() == 0 {
		return c.any()
	}
	version := s.health.version.Load()
	if u := c.usable.Load(); u != nil && u.version == version {
		return u.nodes
	}
	u := &usable{c.best(s.health.filter(time.Now())), version}
	c.usable.Store(u)
	return u.nodes
}

func (c *candidates) best(healthy func([]*registry.Node) []*registry.Node) []*registry.Node {
	if nodes := healthy(c.active); len(nodes) > 0 {
		return nodes
	}
	if nodes := healthy(c.draining); len(nodes) > 0 {
		return nodes
	}
	return c.any()
}

func (c *candidates) any() []*registry.Node {
	if len(c.active) > 0 {
		return c.active
	}
	return c.draining
}

// pick picks a node by one of the known strategies, which looks at the nodes'
// health each time. The node is shared. RoundRobin goes on from turn.
func (s *service) pick(c *candidates, b balancing, turn *atomic.Uint32) (*registry.Node, error) {
	nodes := s.usable(c)
	switch {
	case len(nodes) == 0:
		return nil, ErrNoneAvailable
	case b == leastLoaded:
		return s.loads.pick(nodes), nil
	case b == roundRobin:
		return inTurn(nodes, turn.Add(1)-1), nil
	default:
		return nodes[rand.IntN(len(nodes))], nil
	}
}

// next returns a Next of one of the known strategies, so that a retry avoids
// what was marked since.
func (s *service) next(c *candidates, b balancing) Next {
	var turn *atomic.Uint32
	if b == roundRobin {
		turn = new(atomic.Uint32)
		turn.Store(s.turn.Add(1) - 1)
	}
	return func() (*registry.Node, error) {
		n, err := s.pick(c, b, turn)
		if err != nil {
			return nil, err
		}
		return handOut(n), nil
	}
}

// handOut copies a node for the caller. Its metadata stays shared.
func handOut(n *registry.Node) *registry.Node {
	c := *n
	return &c
}

// nextOf runs a strategy that is not known here, on copies of the services
// that hold the usable nodes alone. When it picks a node that was marked since,
// it is asked again, and in the end run again on what is usable by then.
func (s *service) nextOf(c *candidates, strategy Strategy) Next {
	next := strategy(s.reduced(c))
	tries := len(c.active) + len(c.draining)
	return func() (*registry.Node, error) {
		var spare *registry.Node
		for range tries {
			n, err := pickWith(next)
			if err != nil && spare == nil {
				return nil, err
			}
			if err != nil {
				break
			}
			if !s.health.aside(n.Id) {
				return handOut(n), nil
			}
			spare = n
		}
		n, err := pickWith(strategy(s.reduced(c)))
		if err != nil && spare != nil {
			return handOut(spare), nil
		}
		return n, err
	}
}

// pickWith runs a Next that was made elsewhere, which may be nil or return
// neither a node nor an error.
func pickWith(next Next) (*registry.Node, error) {
	if next == nil {
		return nil, ErrNoneAvailable
	}
	n, err := next()
	if err == nil && n == nil {
		err = ErrNoneAvailable
	}
	return n, err
}

// reduced returns copies of the services with the usable nodes alone.
func (s *service) reduced(c *candidates) []*registry.Service {
	usable := s.usable(c)
	if len(usable) == len(c.active)+len(c.draining) {
		return private(c.services, nil)
	}
	wanted := make(map[*registry.Node]bool, len(usable))
	for _, n := range usable {
		wanted[n] = true
	}
	return private(c.services, wanted)
}

// private copies services and nodes, so that filters and strategies which
// sort, cut or change them in place harm nobody. Maps and endpoints stay
// shared. When wanted is not nil, other nodes and versions are left out.
func private(services []*registry.Service, wanted map[*registry.Node]bool) []*registry.Service {
	copies := make([]*registry.Service, 0, len(services))
	for _, s := range services {
		if s == nil {
			continue
		}
		c := *s
		c.Nodes = make([]*registry.Node, 0, len(s.Nodes))
		block := make([]registry.Node, len(s.Nodes))
		for i, n := range s.Nodes {
			if n == nil || wanted != nil && !wanted[n] {
				continue
			}
			block[i] = *n
			c.Nodes = append(c.Nodes, &block[i])
		}
		if wanted == nil || len(c.Nodes) > 0 {
			copies = append(copies, &c)
		}
	}
	return copies
}
