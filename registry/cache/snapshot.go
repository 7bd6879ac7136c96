package cache

import (
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// snapshot is what is known of one service at one moment. Nothing in it is ever
// changed.
type snapshot struct {
	// services is nil after an event, until somebody asks; see entry.current.
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
