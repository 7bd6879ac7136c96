package selector

import (
	"math/rand/v2"
	"reflect"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/registry"
)

// Random picks any node of any version, all equally likely.
func Random(services []*registry.Service) Next {
	return pickFrom(services, func(nodes []*registry.Node) *registry.Node {
		return nodes[rand.IntN(len(nodes))]
	})
}

// RoundRobin picks the nodes in turn. As the strategy of the default selector
// each Select of a service starts where the one before it did, plus one;
// called by itself it starts anywhere.
func RoundRobin(services []*registry.Service) Next {
	var turn atomic.Uint32
	turn.Store(rand.Uint32())
	return pickFrom(services, func(nodes []*registry.Node) *registry.Node {
		return inTurn(nodes, turn.Add(1))
	})
}

// LeastLoaded compares two random nodes and picks the one with less to do:
// fewer requests in flight, weighed by how long the node takes for one. It
// learns that as the strategy of the default selector and from a client that
// reports its requests (see [Tracker]); called by itself it is Random.
func LeastLoaded(services []*registry.Service) Next {
	return Random(services)
}

// pickFrom makes a Next that picks from the nodes of all services.
func pickFrom(services []*registry.Service, pick func([]*registry.Node) *registry.Node) Next {
	nodes := flatten(services)
	return func() (*registry.Node, error) {
		if len(nodes) == 0 {
			return nil, ErrNoneAvailable
		}
		return pick(nodes), nil
	}
}

func inTurn(nodes []*registry.Node, turn uint32) *registry.Node {
	return nodes[turn%uint32(len(nodes))]
}

// flatten lists the nodes of all services.
func flatten(services []*registry.Service) []*registry.Node {
	total := 0
	for _, s := range services {
		if s != nil {
			total += len(s.Nodes)
		}
	}
	nodes := make([]*registry.Node, 0, total)
	for _, s := range services {
		if s == nil {
			continue
		}
		for _, n := range s.Nodes {
			if n != nil {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// balancing names the strategies that the default selector knows and runs on
// its own data, without making the copies that other strategies get.
type balancing int

const (
	custom balancing = iota
	random
	roundRobin
	leastLoaded
)

var (
	randomCode      = code(Random)
	roundRobinCode  = code(RoundRobin)
	leastLoadedCode = code(LeastLoaded)
)

// code identifies a top-level function.
func code(s Strategy) uintptr { return reflect.ValueOf(s).Pointer() }

// recognise tells which of the known strategies s is, by its code: a Strategy is a
// function, which has no method to tell by, and Random and RoundRobin have to stay
// functions for the programs that call them. To know none and hand all of them a copy
// of the nodes costs a pick among a hundred nodes 9 µs instead of 0.35. A function
// around a known strategy is custom: it works, but without the selector's data.
func recognise(s Strategy) balancing {
	if s == nil {
		return random
	}
	switch code(s) {
	case randomCode:
		return random
	case roundRobinCode:
		return roundRobin
	case leastLoadedCode:
		return leastLoaded
	default:
		return custom
	}
}
