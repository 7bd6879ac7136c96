package scale

import (
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
	"github.com/justcy/go-micro/v4/selector"
)

// discoveryRows are about registry, registry/cache and selector.
func discoveryRows() []Row {
	return []Row{
		{Name: "cache-join", Work: "nodes of one service join one by one, followed by a cache", Measure: cacheJoin},
		{Name: "cache-join-read", Work: "the same, with a lookup after each", Measure: cacheJoinRead},
		{Name: "cache-leave", Work: "nodes of one service leave one by one", Measure: cacheLeave},
		{Name: "select", Work: "picks among that many nodes", Measure: func(n int) (float64, error) { return picks(n, false) }},
		{Name: "select-aside", Work: "the same, one of them set aside", Measure: func(n int) (float64, error) { return picks(n, true) }},
		{Name: "registry-change", Work: "changes of one service, with that many names followed", Measure: registryChange},
		{Name: "watcher-unread", Work: "events for a watcher that nobody reads", Unit: Bytes, Most: 100_000, Measure: watcherUnread},
	}
}

const service = "scale"

// nodes is one version of the service with the nodes from first on.
func nodes(first, count int) *registry.Service {
	s := &registry.Service{Name: service, Version: "1"}
	for i := range count {
		s.Nodes = append(s.Nodes, &registry.Node{
			Id:       fmt.Sprintf("%s-%d", service, first+i),
			Address:  fmt.Sprintf("127.0.0.1:%d", 1+(first+i)%65535),
			Metadata: map[string]string{"protocol": "mucp", "transport": "http"},
		})
	}
	return s
}

// each calls f for the nodes from first on, each in a service of its own.
func each(first, count int, f func(*registry.Service) error) error {
	for i := range count {
		if err := f(nodes(first+i, 1)); err != nil {
			return err
		}
	}
	return nil
}

// followed is a registry and a cache that follows the service.
type followed struct {
	registry registry.Registry
	cache    cache.Cache
	events   chan struct{}
}

func follow(known *registry.Service) (*followed, error) {
	f := &followed{registry: registry.NewMemoryRegistry(), events: make(chan struct{}, 1<<20)}
	f.cache = cache.New(f.registry, cache.WithOnEvent(func(*registry.Result) { f.events <- struct{}{} }))
	if err := f.registry.Register(known); err != nil {
		return nil, err
	}
	if _, err := f.cache.GetService(service); err != nil {
		return nil, err
	}
	return f, f.start()
}

// start returns when the cache hears of changes.
func (f *followed) start() error {
	changes := &registry.Service{Name: service, Version: "1"}
	for i := range 1000 {
		changes.Metadata = map[string]string{"try": fmt.Sprint(i)}
		if err := f.registry.Register(changes); err != nil {
			return err
		}
		select {
		case <-f.events:
			for { // those that were on their way
				select {
				case <-f.events:
				case <-time.After(10 * time.Millisecond):
					return nil
				}
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("the cache does not follow the registry")
}

// heard waits for that many events.
func (f *followed) heard(count int) {
	for range count {
		<-f.events
	}
}

// has fails unless the cache has that many nodes.
func (f *followed) has(count int) error {
	services, err := f.cache.(cache.Snapshotter).Snapshot(service)
	if err != nil {
		return err
	}
	if got := len(services[0].Nodes); got != count {
		return fmt.Errorf("the cache has %d nodes, want %d", got, count)
	}
	return nil
}

func cacheJoin(n int) (float64, error) {
	return Processor(func() (Work, error) {
		f, err := follow(nodes(0, 1))
		return Work{End: f.cache.Stop, Do: func() error {
			if err := each(1, n, func(s *registry.Service) error { return f.registry.Register(s) }); err != nil {
				return err
			}
			f.heard(n)
			return f.has(1 + n)
		}}, err
	})
}

func cacheJoinRead(n int) (float64, error) {
	return Processor(func() (Work, error) {
		f, err := follow(nodes(0, 1))
		joined := 1
		return Work{End: f.cache.Stop, Do: func() error {
			return each(1, n, func(s *registry.Service) error {
				err := f.registry.Register(s)
				f.heard(1)
				joined++
				if err == nil {
					err = f.has(joined)
				}
				return err
			})
		}}, err
	})
}

func cacheLeave(n int) (float64, error) {
	return Processor(func() (Work, error) {
		f, err := follow(nodes(0, 1+n))
		return Work{End: f.cache.Stop, Do: func() error {
			if err := each(1, n, func(s *registry.Service) error { return f.registry.Deregister(s) }); err != nil {
				return err
			}
			f.heard(n)
			return f.has(1)
		}}, err
	})
}

func picks(n int, setAside bool) (float64, error) {
	r := registry.NewMemoryRegistry()
	if err := r.Register(nodes(0, n)); err != nil {
		return 0, err
	}
	s := selector.NewSelector(selector.Registry(r))
	defer s.Close()
	next, err := s.Select(service)
	if err != nil {
		return 0, err
	}
	aside, err := next()
	if err != nil {
		return 0, err
	}
	return Steps(n, func(steps int) (Work, error) {
		if setAside {
			s.Mark(service, aside, selector.ErrUnreachable)
		}
		if _, err := next(); err != nil { // works out who is left
			return Work{}, err
		}
		return Work{Do: func() error {
			for range steps {
				node, err := next()
				if err != nil {
					return err
				}
				if setAside && node.Id == aside.Id { // its pause is over
					s.Mark(service, aside, selector.ErrUnreachable)
				}
			}
			return nil
		}}, nil
	})
}

func registryChange(n int) (float64, error) {
	r := registry.NewMemoryRegistry()
	for i := range n {
		w, err := r.Watch(registry.WatchService(fmt.Sprintf("followed-%d", i)))
		if err != nil {
			return 0, err
		}
		defer w.Stop()
	}
	changed := nodes(0, 1)
	return Steps(n, func(steps int) (Work, error) {
		return Work{Do: func() error {
			for i := range steps {
				changed.Nodes[0].Metadata["change"] = fmt.Sprint(i)
				if err := r.Register(changed); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	})
}

// watcherUnread has ten nodes change again and again.
func watcherUnread(n int) (float64, error) {
	r := registry.NewMemoryRegistry()
	if err := r.Register(nodes(0, 10)); err != nil {
		return 0, err
	}
	return Held(func() (registry.Watcher, error) {
		w, err := r.Watch()
		for i := range n {
			changed := nodes(i%10, 1)
			changed.Nodes[0].Metadata["change"] = fmt.Sprint(i)
			if err := r.Register(changed); err != nil {
				return nil, err
			}
		}
		return w, err
	})
}
