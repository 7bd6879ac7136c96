// Package selectortest checks that a selector does what package selector
// promises. The author of one runs it in a few lines:
//
//	func TestConformance(t *testing.T) {
//		selectortest.Run(t, selectortest.Harness{New: mine.NewSelector})
//	}
package selectortest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// Harness makes the selector to check and declares what it cannot do.
type Harness struct {
	// New returns a selector. The suite closes it.
	New func(...selector.Option) selector.Selector

	// NoRegistry: nodes do not come from the registry. Only the rules about
	// the life of a selector are checked.
	NoRegistry bool
	// NoFilters: the filters of a Select are ignored.
	NoFilters bool
	// NoStrategy: the strategy of a Select is ignored.
	NoStrategy bool
	// NoSpread: without being told to, not every node is picked.
	NoSpread bool
}

// Run checks every rule in a subtest of its name.
func Run(t *testing.T, h Harness) {
	conformance.Run(t, h, rules)
}

// rule is one promise of a selector, which a harness with the gap need not keep.
func rule(sentence string, gap func(Harness) string, check func(*trial) error) conformance.Rule[Harness] {
	return conformance.Rule[Harness]{
		Sentence: sentence,
		Gap:      gap,
		Check: conformance.Returned(func(_ testing.TB, h Harness) error {
			return try(h, check)
		}),
	}
}

// trial is what the check of one rule works with: a selector over a registry
// with service greeter, version 1.0.0 with nodes a and b, 2.0.0 with c.
type trial struct {
	Harness
	registry registry.Registry
	selector selector.Selector
}

// try runs a check on a selector of its own.
func try(h Harness, check func(*trial) error) error {
	tr := &trial{Harness: h, registry: registry.NewMemoryRegistry()}
	for _, s := range []*registry.Service{
		service("greeter", "1.0.0", "a", "b"),
		service("greeter", "2.0.0", "c"),
	} {
		if err := tr.registry.Register(s); err != nil {
			return err
		}
	}
	tr.selector = h.New(selector.Registry(tr.registry))
	defer func() { _ = catch(tr.selector.Close) }() // a rule of its own
	return catch(func() error { return check(tr) })
}

// service has nodes of these ids, whose metadata has their id under "id".
func service(name, version string, ids ...string) *registry.Service {
	s := &registry.Service{
		Name: name, Version: version,
		Endpoints: []*registry.Endpoint{{Name: "Greeter.V" + version[:1]}},
	}
	for i, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{
			Id:       id,
			Address:  fmt.Sprintf("127.0.0.1:%d", 8000+i),
			Metadata: map[string]string{"id": id},
		})
	}
	return s
}

// enough picks hit every one of three equally likely nodes, but for one run in
// ten to the twenty.
const enough = 128

// picked returns how often each node is picked by so many Selects.
func (tr *trial) picked(opts ...selector.SelectOption) (map[string]int, error) {
	picked := map[string]int{}
	for range enough {
		next, err := tr.selector.Select("greeter", opts...)
		if err != nil {
			return nil, fmt.Errorf("selecting: %w", err)
		}
		n, err := next()
		if err != nil {
			return nil, fmt.Errorf("picking: %w", err)
		}
		if n == nil {
			return nil, fmt.Errorf("neither a node nor an error from Next")
		}
		picked[n.Id]++
	}
	return picked, nil
}

// only checks that nothing but the given nodes is picked.
func (tr *trial) only(ids string, opts ...selector.SelectOption) error {
	picked, err := tr.picked(opts...)
	if err != nil {
		return err
	}
	for id := range picked {
		if !strings.Contains(ids, id) {
			return fmt.Errorf("node %s is picked, want one of %s alone", id, ids)
		}
	}
	return nil
}
