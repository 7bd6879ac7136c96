package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/registry"
	util "github.com/justcy/go-micro/v4/util/registry"
)

// services reads "1.0.0 a b, 1.0.1 c": versions and their node ids. The
// address of every node is the given one.
func services(spec, address string) []*registry.Service {
	var out []*registry.Service
	for part := range strings.SplitSeq(spec, ",") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		s := &registry.Service{Name: "foo", Version: fields[0]}
		for _, id := range fields[1:] {
			s.Nodes = append(s.Nodes, &registry.Node{Id: id, Address: address, Metadata: map[string]string{"k": "v"}})
		}
		out = append(out, s)
	}
	return out
}

// describe is the reverse of services, sorted, with id@address for nodes.
func describe(list []*registry.Service) string {
	var versions []string
	for _, s := range list {
		var nodes []string
		for _, n := range s.Nodes {
			nodes = append(nodes, n.Id+"@"+n.Address)
		}
		slices.Sort(nodes)
		versions = append(versions, strings.Join(append([]string{s.Version}, nodes...), " "))
	}
	slices.Sort(versions)
	return strings.Join(versions, ", ")
}

func TestMergeKeepsEveryNodeOnce(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"a new node wins over the old one of the same id":      {"1 a", "1 a", "1 a@new"},
		"old nodes with other ids are kept":                    {"1 a b", "1 a c", "1 a@new b@old c@new"},
		"several versions appear exactly once":                 {"1 a, 2 b", "1 c, 2 d", "1 a@old c@new, 2 b@old d@new"},
		"a version only in the old list is kept":               {"1 a, 2 b", "2 c", "1 a@old, 2 b@old c@new"},
		"a version only in the new list is added":              {"1 a", "2 b", "1 a@old, 2 b@new"},
		"an empty new list loses nothing":                      {"1 a, 2 b", "", "1 a@old, 2 b@old"},
		"an empty old list adds nothing":                       {"", "1 a", "1 a@new"},
		"a version that one list holds twice is folded in one": {"1 a, 1 b", "", "1 a@old b@old"},
	} {
		t.Run(name, func(t *testing.T) {
			got := describe(util.Merge(services(c.old, "old"), services(c.new, "new")))
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRemoveTakesOnlyTheNodesNamed(t *testing.T) {
	for name, c := range map[string]struct{ old, del, want string }{
		"the listed node goes":                      {"1 a b", "1 a", "1 b@x"},
		"nodes of other versions stay":              {"1 a, 2 a", "1 a", "2 a@x"},
		"a service left empty goes":                 {"1 a", "1 a", ""},
		"what is not there is not missed":           {"1 a", "1 z, 3 a", "1 a@x"},
		"nothing to remove leaves everything":       {"1 a", "", "1 a@x"},
		"several versions lose their nodes at once": {"1 a b, 2 c d", "1 b, 2 c", "1 a@x, 2 d@x"},
	} {
		t.Run(name, func(t *testing.T) {
			got := describe(util.Remove(services(c.old, "x"), services(c.del, "x")))
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCopiesShareNoMemory(t *testing.T) {
	make := func() []*registry.Service {
		s := services("1 a", "old")[0]
		s.Metadata = map[string]string{"k": "v"}
		s.Endpoints = []*registry.Endpoint{{
			Name:     "Foo.Bar",
			Metadata: map[string]string{"k": "v"},
			Request:  &registry.Value{Name: "Req", Values: []*registry.Value{{Name: "field"}}},
		}}
		return []*registry.Service{s}
	}
	for name, copyOf := range map[string]func([]*registry.Service) []*registry.Service{
		"Copy":        util.Copy,
		"CopyService": func(l []*registry.Service) []*registry.Service { return []*registry.Service{util.CopyService(l[0])} },
		"Merge old":   func(l []*registry.Service) []*registry.Service { return util.Merge(l, nil) },
		"Merge new":   func(l []*registry.Service) []*registry.Service { return util.Merge(nil, l) },
		"Remove":      func(l []*registry.Service) []*registry.Service { return util.Remove(l, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			original := make()
			c := copyOf(original)[0]
			c.Metadata["k"] = "changed"
			c.Nodes[0].Address = "changed"
			c.Nodes[0].Metadata["k"] = "changed"
			c.Endpoints[0].Metadata["k"] = "changed"
			c.Endpoints[0].Request.Values[0].Name = "changed"
			o := original[0]
			for what, v := range map[string]string{
				"service metadata":  o.Metadata["k"],
				"node address":      o.Nodes[0].Address,
				"node metadata":     o.Nodes[0].Metadata["k"],
				"endpoint metadata": o.Endpoints[0].Metadata["k"],
				"value":             o.Endpoints[0].Request.Values[0].Name,
			} {
				if v == "changed" {
					t.Errorf("changing the copy's %s changes the original", what)
				}
			}
		})
	}
}

func TestCopyServiceOfNilIsNil(t *testing.T) {
	if util.CopyService(nil) != nil {
		t.Error("a copy of nothing is something")
	}
}
