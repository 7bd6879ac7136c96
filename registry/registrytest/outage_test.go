package registrytest

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
)

// remote is a memory registry that can be cut off.
func remote(edit func(*broken, *atomic.Bool)) Harness {
	return Harness{
		Patience: 300 * time.Millisecond,
		Outage: func(testing.TB) (registry.Registry, registry.Registry, func(), func()) {
			var down atomic.Bool
			b := &broken{Registry: registry.NewMemoryRegistry()}
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				if down.Load() {
					return nil, errors.New("no connection")
				}
				return b.Registry.GetService(name, opts...)
			}
			edit(b, &down)
			return b, b, func() { down.Store(true) }, func() { down.Store(false) }
		},
	}
}

func TestOutagesAreEnduredByAGoodRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := remote(func(*broken, *atomic.Bool) {})
		h.Patience = 0
		for rule, failure := range conformance.Broken(t, h, outageRules) {
			t.Errorf("%s: %s", rule, failure)
		}
	})
}

func TestSuiteNoticesWhatOutagesBreak(t *testing.T) {
	for name, c := range map[string]struct {
		rule string // a part of the sentence
		edit func(*broken, *atomic.Bool)
	}{
		"forgets": {"found again", func(b *broken, down *atomic.Bool) {
			get := b.get
			var lost atomic.Bool
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				services, err := get(name, opts...)
				if err == nil && !lost.Swap(true) {
					return services, nil
				}
				return nil, registry.ErrNotFound
			}
		}},
		"finds nothing when it is away": {"a lookup while", func(b *broken, down *atomic.Bool) {
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				if down.Load() {
					return nil, registry.ErrNotFound
				}
				return b.Registry.GetService(name, opts...)
			}
		}},
		"watches no more": {"a watcher goes on", func(b *broken, _ *atomic.Bool) {
			editing(func(*registry.Result) *registry.Result { return nil })(b)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for rule := range conformance.Broken(t, remote(c.edit), outageRules) {
					if strings.Contains(rule, c.rule) {
						return
					}
				}
				t.Errorf("the rule %q should be broken", c.rule)
			})
		})
	}
}
