package registrytest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// broken is a memory registry of which single methods are replaced.
type broken struct {
	registry.Registry
	register   func(*registry.Service, ...registry.RegisterOption) error
	deregister func(*registry.Service, ...registry.DeregisterOption) error
	get        func(string, ...registry.GetOption) ([]*registry.Service, error)
	list       func(...registry.ListOption) ([]*registry.Service, error)
	watch      func(...registry.WatchOption) (registry.Watcher, error)
}

func (b *broken) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	if b.register != nil {
		return b.register(s, opts...)
	}
	return b.Registry.Register(s, opts...)
}

func (b *broken) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	if b.deregister != nil {
		return b.deregister(s, opts...)
	}
	return b.Registry.Deregister(s, opts...)
}

func (b *broken) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	if b.get != nil {
		return b.get(name, opts...)
	}
	return b.Registry.GetService(name, opts...)
}

func (b *broken) ListServices(opts ...registry.ListOption) ([]*registry.Service, error) {
	if b.list != nil {
		return b.list(opts...)
	}
	return b.Registry.ListServices(opts...)
}

func (b *broken) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	if b.watch != nil {
		return b.watch(opts...)
	}
	return b.Registry.Watch(opts...)
}

// editedWatcher changes or drops (nil) the events of another.
type editedWatcher struct {
	registry.Watcher
	edit func(*registry.Result) *registry.Result
	stop func()
}

func (w *editedWatcher) Next() (*registry.Result, error) {
	for {
		r, err := w.Watcher.Next()
		if err != nil {
			return nil, err
		}
		if r = w.edit(r); r != nil {
			return r, nil
		}
	}
}

func (w *editedWatcher) Stop() {
	if w.stop != nil {
		w.stop()
	}
	w.Watcher.Stop()
}

// editing breaks the events of a registry.
func editing(edit func(*registry.Result) *registry.Result) func(*broken) {
	return func(b *broken) {
		b.watch = func(opts ...registry.WatchOption) (registry.Watcher, error) {
			w, err := b.Registry.Watch(opts...)
			return &editedWatcher{Watcher: w, edit: edit}, err
		}
	}
}

// reading breaks what GetService returns.
func reading(edit func([]*registry.Service) []*registry.Service) func(*broken) {
	return func(b *broken) {
		b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
			services, err := b.Registry.GetService(name, opts...)
			return edit(services), err
		}
	}
}

func eachService(edit func(*registry.Service)) func([]*registry.Service) []*registry.Service {
	return func(services []*registry.Service) []*registry.Service {
		for _, s := range services {
			edit(s)
		}
		return services
	}
}

// failures checks all rules on a registry and returns the broken ones.
func failures(t *testing.T, breakIt func(*broken)) (failed []string) {
	synctest.Test(t, func(t *testing.T) { failed = failuresInTime(t, breakIt) })
	return failed
}

func failuresInTime(t *testing.T, breakIt func(*broken)) []string {
	b := &broken{Registry: registry.NewMemoryRegistry()}
	breakIt(b)
	h := Harness{
		New:      func(testing.TB) (registry.Registry, registry.Registry) { return b, b },
		Patience: 200 * time.Millisecond,
		NoTTL:    true, // takes seconds; broken TTLs have a test of their own
	}
	var mu sync.Mutex
	var failed []string
	var wg sync.WaitGroup
	for _, r := range rules {
		wg.Go(func() {
			broken := conformance.Broken(t, h, []conformance.Rule[Harness]{r})
			mu.Lock()
			defer mu.Unlock()
			failed = slices.AppendSeq(failed, maps.Keys(broken))
		})
	}
	wg.Wait()
	return failed
}

func TestSuiteNamesTheBrokenRule(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string // a part of the sentence
		breakIt func(*broken)
	}{
		"loses nodes": {"is found with its version and nodes", reading(eachService(func(s *registry.Service) { s.Nodes = nil }))},
		"finds nothing": {"is found by another instance", func(b *broken) {
			b.get = func(string, ...registry.GetOption) ([]*registry.Service, error) { return nil, registry.ErrNotFound }
		}},
		"loses service metadata": {"metadata of a service", reading(eachService(func(s *registry.Service) { s.Metadata = nil }))},
		"loses endpoints":        {"endpoints are kept", reading(eachService(func(s *registry.Service) { s.Endpoints = nil }))},
		"returns one version": {"each version of a service", reading(func(l []*registry.Service) []*registry.Service {
			return l[:min(len(l), 1)]
		})},
		"returns versions twice": {"each version of a service", reading(func(l []*registry.Service) []*registry.Service {
			return append(l, l...)
		})},
		"finds the unknown": {"an unknown service", func(b *broken) {
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				if s, err := b.Registry.GetService(name, opts...); err == nil {
					return s, nil
				}
				return []*registry.Service{{Name: name}}, nil
			}
		}},
		"has its own not found error": {"an unknown service", func(b *broken) {
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				if s, err := b.Registry.GetService(name, opts...); err == nil {
					return s, nil
				}
				return nil, errors.New("no such thing")
			}
		}},
		"lists nothing": {"registered services are listed", func(b *broken) {
			b.list = func(...registry.ListOption) ([]*registry.Service, error) { return nil, nil }
		}},
		"lists names": {"listed services have their versions", func(b *broken) {
			b.list = func(opts ...registry.ListOption) ([]*registry.Service, error) {
				all, err := b.Registry.ListServices(opts...)
				for i, s := range all {
					all[i] = &registry.Service{Name: s.Name}
				}
				return all, err
			}
		}},
		"shares memory": {"shares no memory", func(b *broken) {
			var mu sync.Mutex
			first := map[string][]*registry.Service{}
			b.get = func(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
				mu.Lock()
				defer mu.Unlock()
				services, err := b.Registry.GetService(name, opts...)
				if first[name] == nil {
					first[name] = services
				}
				return first[name], err
			}
		}},
		"ignores contexts": {"a context that is done", func(b *broken) {
			b.get = func(name string, _ ...registry.GetOption) ([]*registry.Service, error) {
				return b.Registry.GetService(name)
			}
		}},
		"keeps one node": {"nodes registered one after the other", func(b *broken) {
			b.register = func(s *registry.Service, opts ...registry.RegisterOption) error {
				if old, err := b.Registry.GetService(s.Name); err == nil {
					for _, o := range old {
						_ = b.Registry.Deregister(o)
					}
				}
				return b.Registry.Register(s, opts...)
			}
		}},
		"ignores updates": {"publishes its new address", func(b *broken) {
			b.register = func(s *registry.Service, opts ...registry.RegisterOption) error {
				if old, err := b.Registry.GetService(s.Name); err == nil && slices.ContainsFunc(old, func(o *registry.Service) bool {
					return o.Version == s.Version && len(o.Nodes) == len(s.Nodes) && o.Nodes[0].Id == s.Nodes[0].Id
				}) {
					return nil
				}
				return b.Registry.Register(s, opts...)
			}
		}},
		"lists a node twice": {"is listed once", reading(eachService(func(s *registry.Service) { s.Nodes = append(s.Nodes, s.Nodes...) }))},
		"deregisters all nodes": {"the others stay", func(b *broken) {
			b.deregister = func(s *registry.Service, opts ...registry.DeregisterOption) error {
				old, _ := b.Registry.GetService(s.Name)
				for _, o := range old {
					_ = b.Registry.Deregister(o, opts...)
				}
				return nil
			}
		}},
		"never deregisters": {"last node is deregistered", func(b *broken) {
			b.deregister = func(*registry.Service, ...registry.DeregisterOption) error { return nil }
		}},
		"misses what is not there": {"not registered is no error", func(b *broken) {
			b.deregister = func(s *registry.Service, opts ...registry.DeregisterOption) error {
				if _, err := b.Registry.GetService(s.Name); err != nil {
					return err
				}
				return b.Registry.Deregister(s, opts...)
			}
		}},
		"cannot come back": {"can come back", func(b *broken) {
			var mu sync.Mutex
			gone := map[string]bool{}
			b.deregister = func(s *registry.Service, opts ...registry.DeregisterOption) error {
				mu.Lock()
				defer mu.Unlock()
				gone[s.Name] = true
				return b.Registry.Deregister(s, opts...)
			}
			b.register = func(s *registry.Service, opts ...registry.RegisterOption) error {
				mu.Lock()
				defer mu.Unlock()
				if gone[s.Name] {
					return nil
				}
				return b.Registry.Register(s, opts...)
			}
		}},
		"reports nothing": {"every watcher is told", editing(func(*registry.Result) *registry.Result { return nil })},
		"reports no nodes": {"reports a registration", editing(func(r *registry.Result) *registry.Result {
			r.Service.Nodes = nil
			return r
		})},
		"reports no deletes": {"reports a deregistration", editing(func(r *registry.Result) *registry.Result {
			if r.Action == "delete" {
				return nil
			}
			return r
		})},
		"reports deletes without version": {"reports a deregistration", editing(func(r *registry.Result) *registry.Result {
			if r.Action == "delete" {
				r.Service.Version = ""
			}
			return r
		})},
		"reports other services": {"reports no other", func(b *broken) {
			b.watch = func(...registry.WatchOption) (registry.Watcher, error) { return b.Registry.Watch() }
		}},
		"needs a name to watch": {"without a name", func(b *broken) {
			b.watch = func(opts ...registry.WatchOption) (registry.Watcher, error) {
				var o registry.WatchOptions
				for _, set := range opts {
					set(&o)
				}
				if o.Service == "" {
					return nil, errors.New("no name")
				}
				return b.Registry.Watch(opts...)
			}
		}},
		"stops with another error": {"ErrWatcherStopped", func(b *broken) {
			b.watch = func(opts ...registry.WatchOption) (registry.Watcher, error) {
				w, err := b.Registry.Watch(opts...)
				return vagueWatcher{w}, err
			}
		}},
		"panics at a second Stop": {"Stop may be called repeatedly", func(b *broken) {
			b.watch = func(opts ...registry.WatchOption) (registry.Watcher, error) {
				w, err := b.Registry.Watch(opts...)
				return &fragileWatcher{Watcher: w}, err
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			failed := failures(t, c.breakIt)
			if !slices.ContainsFunc(failed, func(s string) bool { return strings.Contains(s, c.rule) }) {
				t.Errorf("the rule %q should be broken; broken are %q", c.rule, failed)
			}
		})
	}
}

// vagueWatcher hides why Next ended.
type vagueWatcher struct{ registry.Watcher }

func (w vagueWatcher) Next() (*registry.Result, error) {
	r, err := w.Watcher.Next()
	if err != nil {
		return nil, errors.New("something happened")
	}
	return r, nil
}

// fragileWatcher stops, but panics when it is stopped again.
type fragileWatcher struct {
	registry.Watcher
	mu    sync.Mutex
	stops int
}

func (w *fragileWatcher) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stops++; w.stops > 1 {
		panic("stopped twice")
	}
	w.Watcher.Stop()
}

// brokenByAnImmortal returns the rules of lifetimes that a registry breaks which
// forgets nothing.
func brokenByAnImmortal(t *testing.T) map[string]string {
	immortal := &broken{Registry: registry.NewMemoryRegistry()}
	immortal.register = func(s *registry.Service, _ ...registry.RegisterOption) error {
		return immortal.Registry.Register(s)
	}
	h := Harness{
		New:      func(testing.TB) (registry.Registry, registry.Registry) { return immortal, immortal },
		Patience: 200 * time.Millisecond,
	}
	return conformance.Broken(t, h, lifetimeRules)
}

func TestSuiteNoticesBrokenTTLs(t *testing.T) {
	var broken map[string]string
	synctest.Test(t, func(t *testing.T) { broken = brokenByAnImmortal(t) })
	for _, r := range lifetimeRules {
		if strings.Contains(r.Sentence, "outlives") {
			continue // which the immortal does
		}
		if broken[r.Sentence] == "" {
			t.Errorf("a registry without TTL keeps the rule %q", r.Sentence)
		}
	}
}

func TestSuitePassesAGoodRegistry(t *testing.T) {
	if failed := failures(t, func(*broken) {}); len(failed) > 0 {
		t.Errorf("a memory registry breaks %q", failed)
	}
}

func TestDeclaredGapsAreSkipped(t *testing.T) {
	h := Harness{
		NoListFull: true, NoServiceMetadata: true, NoEndpoints: true, NoUpdate: true,
		NoTTL: true, NoWatchAll: true, NoContext: true,
	}
	skipped := 0
	for _, r := range rules {
		if r.Gap != nil && r.Gap(h) != "" {
			skipped++
		}
	}
	if skipped != 13 {
		t.Errorf("%d rules are skipped, want 13", skipped)
	}
}
