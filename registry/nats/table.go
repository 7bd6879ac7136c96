package nats

import (
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// table holds what is registered here, each version with its nodes. The zero table
// is empty.
type table struct {
	expired func(*registry.Service) // is told of nodes whose TTL has passed

	mu       sync.Mutex
	services []*registry.Service
	timers   map[nodeKey]*time.Timer
}

type nodeKey struct{ service, version, node string }

// all returns copies of the versions of a service, or of all services.
func (t *table) all(name string) []*registry.Service {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []*registry.Service
	for _, s := range t.services {
		if name == "" || s.Name == name {
			found = append(found, s.Clone())
		}
	}
	return found
}

func (t *table) find(s *registry.Service) int {
	return slices.IndexFunc(t.services, func(known *registry.Service) bool {
		return known.Name == s.Name && known.Version == s.Version
	})
}

// add registers nodes, for as long as ttl says if it is not 0.
func (t *table) add(s *registry.Service, ttl time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	added := s.Clone()
	if i := t.find(s); i >= 0 {
		nodes := t.services[i].Nodes
		for _, n := range added.Nodes {
			nodes = withNode(nodes, n)
		}
		added.Nodes = nodes
		t.services[i] = added
	} else {
		t.services = append(t.services, added)
	}
	for _, n := range s.Nodes {
		t.expireAfter(s, n, ttl)
	}
}

// expireAfter has a node expire, unless it is registered again. mu is held.
func (t *table) expireAfter(s *registry.Service, n *registry.Node, ttl time.Duration) {
	key := nodeKey{s.Name, s.Version, n.Id}
	t.forget(key)
	if ttl <= 0 {
		return
	}
	if t.timers == nil {
		t.timers = map[nodeKey]*time.Timer{}
	}
	gone := s.Clone()
	gone.Nodes = []*registry.Node{n.Clone()}
	var timer *time.Timer
	timer = time.AfterFunc(ttl, func() {
		t.mu.Lock()
		current := t.timers[key] == timer
		if current {
			t.drop(gone)
		}
		t.mu.Unlock()
		if current {
			t.expired(gone)
		}
	})
	t.timers[key] = timer
}

// remove deregisters nodes.
func (t *table) remove(s *registry.Service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(s)
}

// drop is remove; mu is held.
func (t *table) drop(s *registry.Service) {
	i := t.find(s)
	if i < 0 {
		return
	}
	known := t.services[i]
	for _, n := range s.Nodes {
		t.forget(nodeKey{s.Name, s.Version, n.Id})
		known.Nodes = slices.DeleteFunc(known.Nodes, func(other *registry.Node) bool { return other.Id == n.Id })
	}
	if len(known.Nodes) == 0 {
		t.services = slices.Delete(t.services, i, i+1)
	}
}

func (t *table) forget(key nodeKey) {
	if timer := t.timers[key]; timer != nil {
		timer.Stop()
		delete(t.timers, key)
	}
}
