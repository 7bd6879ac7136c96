package cache

import (
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// snapshot is the state of one service at one moment. Nothing in it is ever
// changed: an event makes a new snapshot that shares what stayed the same.
type snapshot struct {
	services []*registry.Service
	expires  time.Time
	// suspect is set when events may have been missed. Such a snapshot is
	// served only when the registry cannot be asked.
	suspect bool
}

func (s *snapshot) fresh(now time.Time) bool {
	return s != nil && !s.suspect && now.Before(s.expires)
}

// freeze copies an answer of the registry, which may keep a reference to it.
func freeze(services []*registry.Service) []*registry.Service {
	frozen := make([]*registry.Service, 0, len(services))
	for _, s := range services {
		if s != nil {
			frozen = append(frozen, frozenService(s))
		}
	}
	return frozen
}

// frozenService is a deep copy without nil nodes.
func frozenService(s *registry.Service) *registry.Service {
	c := s.Clone()
	c.Nodes = slices.DeleteFunc(c.Nodes, func(n *registry.Node) bool { return n == nil })
	return c
}

// applied returns the services after an event, or nil when nothing is left of
// them. It returns the slice it was given when the event changes nothing.
func applied(services []*registry.Service, r *registry.Result) []*registry.Service {
	s := r.Service
	known := slices.IndexFunc(services, func(k *registry.Service) bool { return k.Version == s.Version })
	switch {
	case r.Action == registry.Delete.String():
		return withoutNodes(services, s, known)
	case len(s.Nodes) == 0:
		return services
	case r.Action == "override":
		if known >= 0 {
			return nil
		}
	case r.Action == registry.Create.String(), r.Action == registry.Update.String():
		return withNodes(services, s, known)
	}
	return services
}

// withNodes adds or replaces a version, and keeps the nodes it had beside
// those of the event.
func withNodes(services []*registry.Service, s *registry.Service, known int) []*registry.Service {
	s = frozenService(s)
	if known < 0 {
		return append(slices.Clip(services), s)
	}
	for _, n := range services[known].Nodes {
		if !lists(s, n.Id) {
			s.Nodes = append(s.Nodes, n)
		}
	}
	changed := slices.Clone(services)
	changed[known] = s
	return changed
}

// withoutNodes removes the event's nodes from their version. An event that
// names no version is about the nodes in all of them, and one that lists no
// nodes is about the whole service.
func withoutNodes(services []*registry.Service, s *registry.Service, known int) []*registry.Service {
	if len(s.Nodes) == 0 {
		return nil
	}
	if known < 0 && s.Version != "" {
		return services
	}
	var left []*registry.Service
	for i, old := range services {
		if known < 0 || i == known {
			if old = less(old, s); len(old.Nodes) == 0 {
				continue
			}
		}
		left = append(left, old)
	}
	return left
}

// less is a service without the nodes that del lists.
func less(s, del *registry.Service) *registry.Service {
	c := *s
	c.Nodes = nil
	for _, n := range s.Nodes {
		if !lists(del, n.Id) {
			c.Nodes = append(c.Nodes, n)
		}
	}
	return &c
}

func lists(s *registry.Service, id string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *registry.Node) bool { return n != nil && n.Id == id })
}
