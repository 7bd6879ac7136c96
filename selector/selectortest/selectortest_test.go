package selectortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// broken is the default selector of which single methods are replaced.
type broken struct {
	selector.Selector
	mu      sync.Mutex // for what a replacement keeps
	selects func(string, ...selector.SelectOption) (selector.Next, error)
	init    func(...selector.Option) error
	mark    func(string, *registry.Node, error)
	close   func() error
	name    func() string
}

func (b *broken) Select(name string, opts ...selector.SelectOption) (selector.Next, error) {
	if b.selects != nil {
		return b.selects(name, opts...)
	}
	return b.Selector.Select(name, opts...)
}

func (b *broken) Init(opts ...selector.Option) error {
	if b.init != nil {
		return b.init(opts...)
	}
	return b.Selector.Init(opts...)
}

func (b *broken) Mark(name string, n *registry.Node, err error) {
	if b.mark != nil {
		b.mark(name, n, err)
		return
	}
	b.Selector.Mark(name, n, err)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Selector.Close()
}

func (b *broken) String() string {
	if b.name != nil {
		return b.name()
	}
	return b.Selector.String()
}

// picking replaces Next.
func picking(next func(*broken, selector.Next) (*registry.Node, error)) func(*broken) {
	return func(b *broken) {
		b.selects = func(name string, opts ...selector.SelectOption) (selector.Next, error) {
			n, err := b.Selector.Select(name, opts...)
			if err != nil {
				return nil, err
			}
			return func() (*registry.Node, error) { return next(b, n) }, nil
		}
	}
}

// selecting drops what is wrong with the options of Select.
func selecting(edit func([]selector.SelectOption) []selector.SelectOption) func(*broken) {
	return func(b *broken) {
		b.selects = func(name string, opts ...selector.SelectOption) (selector.Next, error) {
			return b.Selector.Select(name, edit(opts)...)
		}
	}
}

func failures(t *testing.T, breakIt func(*broken)) []string {
	h := Harness{New: func(opts ...selector.Option) selector.Selector {
		b := &broken{Selector: selector.NewSelector(opts...)}
		breakIt(b)
		return b
	}}
	return slices.Sorted(maps.Keys(conformance.Broken(t, h, rules)))
}

func TestSuiteNamesTheBrokenRule(t *testing.T) {
	shared := &registry.Node{Id: "a"}
	for name, c := range map[string]struct {
		rule    string // a part of the sentence
		breakIt func(*broken)
	}{
		"invents nodes": {"are those of the service", picking(func(*broken, selector.Next) (*registry.Node, error) {
			return &registry.Node{Id: "z"}, nil
		})},
		"returns nothing": {"are those of the service", picking(func(*broken, selector.Next) (*registry.Node, error) {
			return nil, nil
		})},
		"sticks to one node": {"every node", picking(func(*broken, selector.Next) (*registry.Node, error) {
			return &registry.Node{Id: "a"}, nil
		})},
		"has its own not found error": {"is not found", func(b *broken) {
			b.selects = func(name string, opts ...selector.SelectOption) (selector.Next, error) {
				next, err := b.Selector.Select(name, opts...)
				if err != nil {
					err = errors.New("something happened")
				}
				return next, err
			}
		}},
		"ignores options":        {"filters limit", selecting(func([]selector.SelectOption) []selector.SelectOption { return nil })},
		"ignores empty results":  {"leave nothing", selecting(func([]selector.SelectOption) []selector.SelectOption { return nil })},
		"ignores strategies":     {"a strategy given", selecting(func([]selector.SelectOption) []selector.SelectOption { return nil })},
		"ignores strategy error": {"error of a strategy", selecting(func([]selector.SelectOption) []selector.SelectOption { return nil })},
		"applies the first filter alone": {"one after the other", selecting(func(opts []selector.SelectOption) []selector.SelectOption {
			return append(opts, func(o *selector.SelectOptions) { o.Filters = o.Filters[:min(len(o.Filters), 1)] })
		})},
		"hands out shared nodes": {"belongs to the caller", picking(func(*broken, selector.Next) (*registry.Node, error) {
			return shared, nil
		})},
		"lets filters change shared lists": {"harms nobody", func(b *broken) {
			var shared []*registry.Service
			b.selects = func(name string, opts ...selector.SelectOption) (selector.Next, error) {
				var o selector.SelectOptions
				for _, set := range opts {
					set(&o)
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				if shared == nil {
					shared, _ = b.Selector.Options().Registry.GetService(name)
				}
				services := shared
				for _, f := range o.Filters {
					services = f(services)
				}
				return selector.Random(services), nil
			}
		}},
		"ignores Init": {"Init replaces", func(b *broken) {
			b.init = func(...selector.Option) error { return nil }
		}},
		"needs a node to mark": {"Mark and Reset", func(b *broken) {
			b.mark = func(_ string, n *registry.Node, _ error) { _ = n.Id }
		}},
		"leaves no node": {"the only one", func(b *broken) {
			var marked string
			b.mark = func(_ string, n *registry.Node, _ error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				marked = n.Id
			}
			b.selects = func(name string, opts ...selector.SelectOption) (selector.Next, error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				if marked != "" {
					return nil, selector.ErrNoneAvailable
				}
				return b.Selector.Select(name, opts...)
			}
		}},
		"cannot be used concurrently": {"many goroutines", func(b *broken) {
			b.init = func(...selector.Option) error { return fmt.Errorf("busy") }
		}},
		"panics at a second Close": {"Close may be called", func(b *broken) {
			var closes atomic.Int32
			b.close = func() error {
				if closes.Add(1)%2 == 0 { // so that the suite's own Close passes
					panic("closed twice")
				}
				return b.Selector.Close()
			}
		}},
		"has no name": {"has a name", func(b *broken) { b.name = func() string { return "" } }},
	} {
		t.Run(name, func(t *testing.T) {
			failed := failures(t, c.breakIt)
			if !strings.Contains(strings.Join(failed, "\n"), c.rule) {
				t.Errorf("the rule %q should be broken; broken are %q", c.rule, failed)
			}
		})
	}
}

func TestSuitePassesTheDefaultSelector(t *testing.T) {
	if failed := failures(t, func(*broken) {}); len(failed) > 0 {
		t.Errorf("the default selector breaks %q", failed)
	}
}
