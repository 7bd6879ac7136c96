package registrytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/registry"
)

// describe writes versions and their nodes in one line that does not depend on
// their order.
func describe(services []*registry.Service) string {
	if len(services) == 0 {
		return "nothing"
	}
	var versions []string
	for _, s := range services {
		if s == nil {
			versions = append(versions, "a nil service")
			continue
		}
		var nodes []string
		for _, n := range s.Nodes {
			nodes = append(nodes, describeNode(n))
		}
		slices.Sort(nodes)
		versions = append(versions, fmt.Sprintf("%s %s [%s]", s.Name, s.Version, strings.Join(nodes, ", ")))
	}
	slices.Sort(versions)
	return strings.Join(versions, "; ")
}

func describeNode(n *registry.Node) string {
	if n == nil {
		return "a nil node"
	}
	return fmt.Sprintf("%s at %s %s", n.Id, n.Address, describeMap(n.Metadata))
}

// describeMap treats nil and empty alike.
func describeMap(m map[string]string) string {
	if len(m) == 0 {
		return "map[]"
	}
	return fmt.Sprint(m)
}

func describeEndpoints(endpoints []*registry.Endpoint) string {
	var out []string
	for _, e := range endpoints {
		if e == nil {
			out = append(out, "nil")
			continue
		}
		out = append(out, fmt.Sprintf("%s(%s) %s %s", e.Name, describeValue(e.Request), describeValue(e.Response), describeMap(e.Metadata)))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// describeValue treats nil and empty alike.
func describeValue(v *registry.Value) string {
	if v == nil {
		v = &registry.Value{}
	}
	var fields []string
	for _, f := range v.Values {
		fields = append(fields, describeValue(f))
	}
	return fmt.Sprintf("%s %s{%s}", v.Name, v.Type, strings.Join(fields, ", "))
}
