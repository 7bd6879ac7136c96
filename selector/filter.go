package selector

import (
	"slices"

	"github.com/justcy/go-micro/v4/registry"
)

// The functions here are not inlined, so that the filters they return are named
// after them where an error names the filter that left nothing.

// FilterEndpoint keeps the services that have the endpoint.
//
//go:noinline
func FilterEndpoint(name string) Filter {
	named := func(e *registry.Endpoint) bool { return e != nil && e.Name == name }
	return func(services []*registry.Service) []*registry.Service {
		return keep(services, func(s *registry.Service) bool { return slices.ContainsFunc(s.Endpoints, named) })
	}
}

// FilterVersion keeps the services of exactly this version.
//
//go:noinline
func FilterVersion(version string) Filter {
	return func(services []*registry.Service) []*registry.Service {
		return keep(services, func(s *registry.Service) bool { return s.Version == version })
	}
}

// FilterLabel keeps the nodes whose metadata has the value under the key, and
// the services with such nodes.
//
//go:noinline
func FilterLabel(key, value string) Filter {
	return func(services []*registry.Service) []*registry.Service {
		var kept []*registry.Service
		for _, s := range services {
			if s == nil {
				continue
			}
			var nodes []*registry.Node
			for _, n := range s.Nodes {
				if n != nil && n.Metadata[key] == value {
					nodes = append(nodes, n)
				}
			}
			if len(nodes) > 0 {
				labelled := *s
				labelled.Nodes = nodes
				kept = append(kept, &labelled)
			}
		}
		return kept
	}
}

// keep returns the services that are wanted.
func keep(services []*registry.Service, wanted func(*registry.Service) bool) []*registry.Service {
	var kept []*registry.Service
	for _, s := range services {
		if s != nil && wanted(s) {
			kept = append(kept, s)
		}
	}
	return kept
}
