// Package registry copies, merges and subtracts lists of services, for code
// that builds on the registry.
package registry

import (
	"slices"

	"github.com/justcy/go-micro/v4/registry"
)

// Copy returns deep copies of the services.
func Copy(services []*registry.Service) []*registry.Service {
	out := make([]*registry.Service, len(services))
	for i, s := range services {
		out[i] = s.Clone()
	}
	return out
}

// CopyService returns a deep copy of the service.
func CopyService(service *registry.Service) *registry.Service {
	return service.Clone()
}

// Merge returns each version of the old and the new list once, as deep copies.
// What a version says of itself comes from the new list, and so do its nodes;
// nodes of the old list that the new one does not have are kept.
func Merge(olist, nlist []*registry.Service) []*registry.Service {
	merged := make([]*registry.Service, 0, len(olist)+len(nlist))
	for _, s := range slices.Concat(nlist, olist) {
		if s == nil {
			continue
		}
		known := find(merged, s.Version)
		if known == nil {
			merged = append(merged, s.Clone())
			continue
		}
		for _, n := range s.Nodes {
			if n != nil && !hasNode(known, n.Id) {
				known.Nodes = append(known.Nodes, n.Clone())
			}
		}
	}
	return merged
}

// Remove returns deep copies of the services in old without the nodes that del
// lists for the same version. Versions without nodes are left out.
func Remove(old, del []*registry.Service) []*registry.Service {
	left := make([]*registry.Service, 0, len(old))
	for _, s := range old {
		if s == nil {
			continue
		}
		s = s.Clone()
		for _, d := range del {
			if d != nil && d.Version == s.Version {
				s.Nodes = slices.DeleteFunc(s.Nodes, func(n *registry.Node) bool {
					return n == nil || hasNode(d, n.Id)
				})
			}
		}
		if len(s.Nodes) > 0 {
			left = append(left, s)
		}
	}
	return left
}

func find(services []*registry.Service, version string) *registry.Service {
	for _, s := range services {
		if s.Version == version {
			return s
		}
	}
	return nil
}

func hasNode(s *registry.Service, id string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *registry.Node) bool { return n != nil && n.Id == id })
}
