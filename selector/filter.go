package selector

import (
	"slices"

	"github.com/justcy/go-micro/v4/registry"
)

// FilterEndpoint keeps the services that have the endpoint.
func FilterEndpoint(name string) Filter {
	return keep(func(s *registry.Service) bool {
		return slices.ContainsFunc(s.Endpoints, func(e *registry.Endpoint) bool {
			return e != nil && e.Name == name
		})
	})
}

// FilterVersion keeps the services of exactly this version.
func FilterVersion(version string) Filter {
	return keep(func(s *registry.Service) bool { return s.Version == version })
}

// FilterLabel keeps the nodes whose metadata has the value under the key, and
// the services with such nodes.
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

func keep(wanted func(*registry.Service) bool) Filter {
	return func(services []*registry.Service) []*registry.Service {
		var kept []*registry.Service
		for _, s := range services {
			if s != nil && wanted(s) {
				kept = append(kept, s)
			}
		}
		return kept
	}
}
