package registry

import (
	"context"
	"maps"
	"slices"
	"time"
)

// memoryTable is what a memory registry knows: versions by service name.
type memoryTable map[string]memoryVersions

// memoryVersions are the versions of one service in order of registration.
type memoryVersions []*memoryVersion

// memoryVersion is one version: the service without nodes, and its nodes.
type memoryVersion struct {
	service *Service
	nodes   []*memoryNode
}

type memoryNode struct {
	node *Node
	ttl  time.Duration
	seen time.Time
}

func (t memoryTable) find(name, version string) *memoryVersion {
	for _, v := range t[name] {
		if v.service.Version == version {
			return v
		}
	}
	return nil
}

// put stores copies of the service and its nodes, and reports whether
// anything but the time of the last registration changed.
func (t memoryTable) put(s *Service, ttl time.Duration, now time.Time) (changed bool) {
	v := t.find(s.Name, s.Version)
	if v == nil {
		v = &memoryVersion{service: s.withoutNodes()}
		t[s.Name] = append(t[s.Name], v)
		changed = true
	} else if !sameDescription(v.service, s) {
		v.service = s.withoutNodes()
		changed = true
	}
	for _, n := range s.Nodes {
		if n != nil && v.putNode(n, ttl, now) {
			changed = true
		}
	}
	return changed
}

func (v *memoryVersion) putNode(n *Node, ttl time.Duration, now time.Time) (changed bool) {
	i := slices.IndexFunc(v.nodes, func(known *memoryNode) bool { return known.node.Id == n.Id })
	if i < 0 {
		v.nodes = append(v.nodes, &memoryNode{node: n.Clone(), ttl: ttl, seen: now})
		return true
	}
	known := v.nodes[i]
	known.ttl, known.seen = ttl, now
	if known.node.Address == n.Address && maps.Equal(known.node.Metadata, n.Metadata) {
		return false
	}
	known.node = n.Clone()
	return true
}

// remove drops the listed nodes of the service's version, and reports whether
// the name was known.
func (t memoryTable) remove(s *Service) (known bool) {
	versions, known := t[s.Name]
	if !known {
		return false
	}
	for _, v := range versions {
		if v.service.Version == s.Version {
			v.nodes = slices.DeleteFunc(v.nodes, func(n *memoryNode) bool { return lists(s, n.node.Id) })
		}
	}
	t.prune(s.Name)
	return true
}

func lists(s *Service, id string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *Node) bool { return n != nil && n.Id == id })
}

// prune drops versions without nodes, and the name when none is left.
func (t memoryTable) prune(name string) {
	left := slices.DeleteFunc(t[name], func(v *memoryVersion) bool { return len(v.nodes) == 0 })
	if len(left) == 0 {
		delete(t, name)
		return
	}
	t[name] = left
}

// expire removes the nodes whose TTL has passed and returns them, grouped by
// version. It reports whether other nodes have a TTL yet to pass.
func (t memoryTable) expire(now time.Time) (expired []*Service, waiting bool) {
	for name, versions := range t {
		before := len(expired)
		for _, v := range versions {
			gone, later := v.expire(now)
			waiting = waiting || later
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
	v.nodes = slices.DeleteFunc(v.nodes, func(n *memoryNode) bool {
		switch {
		case n.ttl <= 0:
			return false
		case now.Sub(n.seen) <= n.ttl:
			waiting = true
			return false
		}
		gone = append(gone, n.node)
		return true
	})
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
		s.Nodes = make([]*Node, 0, len(v.nodes))
		for _, n := range v.nodes {
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
