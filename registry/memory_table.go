package registry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/internal/arrival"
)

// memoryTable is what a memory registry knows.
type memoryTable struct {
	services map[string]memoryVersions // by name
	nodes    int                       // of all of them
}

// memoryVersions are the versions of one service in order of registration.
type memoryVersions []*memoryVersion

// memoryVersion is one version: the service without nodes, and its nodes by id.
type memoryVersion struct {
	service *Service
	nodes   arrival.Map[*memoryNode]
}

type memoryNode struct {
	node *Node
	ttl  time.Duration
	seen time.Time
}

func (t *memoryTable) find(name, version string) *memoryVersion {
	for _, v := range t.services[name] {
		if v.service.Version == version {
			return v
		}
	}
	return nil
}

// put stores copies of the service and its nodes, and reports whether
// anything but the time of the last registration changed.
func (t *memoryTable) put(s *Service, ttl time.Duration, now time.Time) (changed bool) {
	v := t.find(s.Name, s.Version)
	if v == nil {
		v = &memoryVersion{service: s.withoutNodes()}
		t.services[s.Name] = append(t.services[s.Name], v)
		changed = true
	} else if !sameDescription(v.service, s) {
		v.service = s.withoutNodes()
		changed = true
	}
	for _, n := range s.Nodes {
		if n == nil {
			continue
		}
		before := v.nodes.Len()
		if v.putNode(n, ttl, now) {
			changed = true
		}
		t.nodes += v.nodes.Len() - before
	}
	return changed
}

func (v *memoryVersion) putNode(n *Node, ttl time.Duration, now time.Time) (changed bool) {
	known, ok := v.nodes.Get(n.Id)
	if !ok {
		v.nodes.Put(n.Id, &memoryNode{node: n.Clone(), ttl: ttl, seen: now})
		return true
	}
	known.ttl, known.seen = ttl, now
	if known.node.Address == n.Address && maps.Equal(known.node.Metadata, n.Metadata) {
		return false
	}
	known.node = n.Clone()
	return true
}

// remove drops the listed nodes of the service's version, and reports whether
// the name was known.
func (t *memoryTable) remove(s *Service) (known bool) {
	versions, known := t.services[s.Name]
	if !known {
		return false
	}
	for _, v := range versions {
		if v.service.Version != s.Version {
			continue
		}
		for _, n := range s.Nodes {
			if n != nil && v.nodes.Delete(n.Id) {
				t.nodes--
			}
		}
	}
	t.prune(s.Name)
	return true
}

// prune drops versions without nodes, and the name when none is left.
func (t *memoryTable) prune(name string) {
	left := slices.DeleteFunc(t.services[name], func(v *memoryVersion) bool { return v.nodes.Len() == 0 })
	if len(left) == 0 {
		delete(t.services, name)
		return
	}
	t.services[name] = left
}

// expire removes the nodes whose TTL has passed and returns them, grouped by
// version. It reports whether other nodes have a TTL yet to pass.
func (t *memoryTable) expire(now time.Time) (expired []*Service, waiting bool) {
	for name, versions := range t.services {
		before := len(expired)
		for _, v := range versions {
			gone, later := v.expire(now)
			waiting = waiting || later
			t.nodes -= len(gone)
			if len(gone) > 0 {
				s := v.service.Clone()
				s.Nodes = gone
				expired = append(expired, s)
			}
		}
		if len(expired) > before {
			t.prune(name)
		}
	}
	return expired, waiting
}

func (v *memoryVersion) expire(now time.Time) (gone []*Node, waiting bool) {
	for id, n := range v.nodes.All() {
		switch {
		case n.ttl <= 0:
		case now.Sub(n.seen) <= n.ttl:
			waiting = true
		default:
			gone = append(gone, n.node)
			v.nodes.Delete(id)
		}
	}
	return gone, waiting
}

// copies returns the versions with their nodes, for the caller to keep. An
// endpoint without a request or response gets an empty one.
func (vs memoryVersions) copies() []*Service {
	out := make([]*Service, 0, len(vs))
	for _, v := range vs {
		s := v.service.Clone()
		for _, e := range s.Endpoints {
			if e != nil && e.Request == nil {
				e.Request = &Value{}
			}
			if e != nil && e.Response == nil {
				e.Response = &Value{}
			}
		}
		s.Nodes = make([]*Node, 0, v.nodes.Len())
		for _, n := range v.nodes.All() {
			s.Nodes = append(s.Nodes, n.node.Clone())
		}
		out = append(out, s)
	}
	return out
}

func (s *Service) withoutNodes() *Service {
	c := *s
	c.Nodes = nil
	return c.Clone()
}

// sameDescription compares metadata and endpoints. Empty and nil are the same.
func sameDescription(a, b *Service) bool {
	return maps.Equal(a.Metadata, b.Metadata) && slices.EqualFunc(a.Endpoints, b.Endpoints, sameEndpoint)
}

func sameEndpoint(a, b *Endpoint) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && maps.Equal(a.Metadata, b.Metadata) &&
		sameValue(a.Request, b.Request) && sameValue(a.Response, b.Response)
}

func sameValue(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && a.Type == b.Type && slices.EqualFunc(a.Values, b.Values, sameValue)
}

func contextError(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ctx.Err()
}
