// Package test holds data and small aids for the tests of programs that use
// the framework.
package test

import "github.com/justcy/go-micro/v4/registry"

// Data is a set of services for a memory registry:
//
//	registry.NewMemoryRegistry(registry.Services(test.Data))
//
// It is shared by all tests of a program; do not change it.
var Data = map[string][]*registry.Service{
	"foo": {
		version("1.0.0", "localhost:9999", "foo-1.0.0-123", "foo-1.0.0-321"),
		version("1.0.1", "localhost:6666", "foo-1.0.1-321"),
		version("1.0.3", "localhost:8888", "foo-1.0.3-345"),
	},
}

func version(v, address string, ids ...string) *registry.Service {
	s := &registry.Service{Name: "foo", Version: v}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{Id: id, Address: address})
	}
	return s
}

// EmptyChannel returns the next error that is queued in the channel, or nil
// when there is none. It never blocks.
func EmptyChannel(c chan error) error {
	select {
	case err := <-c:
		return err
	default:
		return nil
	}
}
