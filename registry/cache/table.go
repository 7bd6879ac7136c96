package cache

import (
	"maps"
	"reflect"
	"slices"

	"github.com/justcy/go-micro/v4/internal/arrival"
	"github.com/justcy/go-micro/v4/registry"
)

// table is one service as events change it. It makes the slices that are handed
// out, which never change: an event costs what it says, and the next lookup a copy
// of the list of nodes unless all that happened is that nodes came.
type table struct{ versions []*version }

// version is one version of the service.
type version struct {
	service registry.Service // without nodes
	nodes   arrival.Map[*registry.Node]
	// list is the nodes in order. Parts of it have been handed out, so it is only
	// ever added to, or made anew when it is stale.
	list  []*registry.Node
	stale bool
	built *registry.Service // nil after a change
}

// newTable takes over services that nobody changes.
func newTable(services []*registry.Service) *table {
	t := &table{}
	for _, s := range services {
		v := &version{service: *s, list: slices.Clip(s.Nodes), built: s}
		v.service.Nodes = nil
		for _, n := range s.Nodes {
			v.nodes.Put(n.Id, n)
		}
		v.stale = v.nodes.Len() < len(v.list)
		t.versions = append(t.versions, v)
	}
	return t
}

// services returns the service as it is now.
func (t *table) services() []*registry.Service {
	out := make([]*registry.Service, len(t.versions))
	for i, v := range t.versions {
		out[i] = v.snapshot()
	}
	return out
}

func (v *version) snapshot() *registry.Service {
	if v.built != nil {
		return v.built
	}
	if v.stale {
		v.list, v.stale = make([]*registry.Node, 0, v.nodes.Len()), false
		for _, n := range v.nodes.All() {
			v.list = append(v.list, n)
		}
	}
	s := v.service
	s.Nodes = slices.Clip(v.list)
	v.built = &s
	return v.built
}

// apply takes an event in and reports whether it changes anything. A table without
// versions knows nothing of the service any more.
func (t *table) apply(r *registry.Result) (changed bool) {
	s := r.Service
	known := slices.IndexFunc(t.versions, func(v *version) bool { return v.service.Version == s.Version })
	switch {
	case r.Action == registry.Delete.String():
		return t.remove(s, known)
	case len(s.Nodes) == 0:
		return false
	case r.Action == "override":
		return known >= 0 && t.clear()
	case r.Action != registry.Create.String() && r.Action != registry.Update.String():
		return false
	case known < 0:
		t.versions = append(t.versions, newTable([]*registry.Service{frozenService(s)}).versions...)
		return true
	}
	return t.versions[known].add(s)
}

// add takes over a description and nodes, and keeps the other nodes.
func (v *version) add(s *registry.Service) (changed bool) {
	if !sameDescription(&v.service, s) {
		described := *s
		described.Nodes = nil
		v.service, changed = *described.Clone(), true
	}
	for _, n := range s.Nodes {
		if n == nil {
			continue
		}
		old, known := v.nodes.Get(n.Id)
		if known && old.Address == n.Address && maps.Equal(old.Metadata, n.Metadata) {
			continue
		}
		n = n.Clone()
		v.nodes.Put(n.Id, n)
		switch {
		case known:
			v.stale = true
		case !v.stale:
			v.list = append(v.list, n)
		}
		changed = true
	}
	if changed {
		v.built = nil
	}
	return changed
}

func sameDescription(a, b *registry.Service) bool {
	return maps.Equal(a.Metadata, b.Metadata) && reflect.DeepEqual(a.Endpoints, b.Endpoints)
}

// remove removes the event's nodes from their version. An event that names no
// version is about the nodes in all of them, and one that lists no nodes is about
// the whole service.
func (t *table) remove(s *registry.Service, known int) (changed bool) {
	if len(s.Nodes) == 0 {
		return t.clear()
	}
	if known < 0 && s.Version != "" {
		return false
	}
	left := t.versions[:0:0]
	for i, v := range t.versions {
		if known < 0 || i == known {
			changed = v.remove(s.Nodes) || changed
			if v.nodes.Len() == 0 {
				changed = true
				continue
			}
		}
		left = append(left, v)
	}
	t.versions = left
	return changed
}

func (v *version) remove(nodes []*registry.Node) (changed bool) {
	for _, n := range nodes {
		if n != nil && v.nodes.Delete(n.Id) {
			v.stale, v.built, changed = true, nil, true
		}
	}
	return changed
}

// clear forgets everything.
func (t *table) clear() (changed bool) {
	changed = len(t.versions) > 0
	t.versions = nil
	return changed
}
