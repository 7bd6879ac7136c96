package registrytest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
)

var watchRules = []conformance.Rule[Harness]{
	rule("a watcher reports a registration with its version and nodes", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		ev, err := tr.watch(registry.WatchService(s.Name))
		if err != nil {
			return err
		}
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		r, err := tr.await(ev, "the registration", added(s.Name))
		if err != nil {
			return err
		}
		if got, want := describe([]*registry.Service{r.Service}), describe([]*registry.Service{s}); got != want {
			return fmt.Errorf("the event has %s, want %s", got, want)
		}
		return nil
	}),
	rule("a watcher reports a deregistration as a delete of its nodes", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		ev, err := tr.watch(registry.WatchService(s.Name))
		if err != nil {
			return err
		}
		for range 2 {
			if err := tr.register(s.Clone()); err != nil {
				return err
			}
			if _, err := tr.await(ev, "the registration", added(s.Name)); err != nil {
				return err
			}
			if err := tr.deregister(s.Clone()); err != nil {
				return err
			}
			r, err := tr.await(ev, "the deregistration", deleted(s.Name))
			if err != nil {
				return err
			}
			if err := tr.deletes(r, s); err != nil {
				return err
			}
		}
		return nil
	}),
	rule("a watcher of one service reports no other", nil, func(tr *trial) error {
		mine, other := tr.service(tr.name(), "1.0.0", 1), tr.service(tr.name(), "1.0.0", 1)
		ev, err := tr.watch(registry.WatchService(mine.Name))
		if err != nil {
			return err
		}
		if err := errors.Join(tr.register(other), tr.register(mine.Clone())); err != nil {
			return err
		}
		r, err := tr.await(ev, "the registration", func(*registry.Result) bool { return true })
		if err != nil {
			return err
		}
		if r.Service.Name != mine.Name {
			return fmt.Errorf("an event is about %s, want %s alone", r.Service.Name, mine.Name)
		}
		return nil
	}),
	rule("a watcher without a name reports every service", noWatchAll, func(tr *trial) error {
		one, two := tr.service(tr.name(), "1.0.0", 1), tr.service(tr.name(), "1.0.0", 1)
		ev, err := tr.watch()
		if err != nil {
			return err
		}
		for _, s := range []*registry.Service{one, two} {
			if err := tr.register(s.Clone()); err != nil {
				return err
			}
			if _, err := tr.await(ev, "the registration of "+s.Name, added(s.Name)); err != nil {
				return err
			}
		}
		return nil
	}),
	rule("every watcher is told", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		one, err := tr.watch(registry.WatchService(s.Name))
		if err != nil {
			return err
		}
		two, err := tr.watch(registry.WatchService(s.Name))
		if err != nil {
			return err
		}
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		for _, ev := range []*events{one, two} {
			if _, err := tr.await(ev, "the registration", added(s.Name)); err != nil {
				return err
			}
		}
		return nil
	}),
	rule("Stop ends Next with ErrWatcherStopped", nil, func(tr *trial) error {
		ev, err := tr.watch(registry.WatchService(tr.name()))
		if err != nil {
			return err
		}
		if p := stop(ev.watcher); p != nil {
			return fmt.Errorf("panic in Stop: %v", p)
		}
		if err := tr.end(ev); !errors.Is(err, registry.ErrWatcherStopped) {
			return fmt.Errorf("the error of Next is %v, want registry.ErrWatcherStopped", err)
		}
		if _, err := ev.watcher.Next(); !errors.Is(err, registry.ErrWatcherStopped) {
			return fmt.Errorf("the error of Next after Stop is %v, want registry.ErrWatcherStopped", err)
		}
		return nil
	}),
	rule("Stop may be called repeatedly and from several goroutines", nil, func(tr *trial) error {
		ev, err := tr.watch(registry.WatchService(tr.name()))
		if err != nil {
			return err
		}
		panics := make(chan any, 4)
		var wg sync.WaitGroup
		for range cap(panics) {
			wg.Go(func() {
				if p := stop(ev.watcher); p != nil {
					panics <- p
				}
			})
		}
		wg.Wait()
		select {
		case p := <-panics:
			return fmt.Errorf("panic in Stop: %v", p)
		default:
			return nil
		}
	}),
}

// deletes checks what a delete event says of the service that is gone.
func (tr *trial) deletes(r *registry.Result, s *registry.Service) error {
	if !tr.NoDeleteVersion && r.Service.Version != s.Version {
		return fmt.Errorf("the delete event has version %q, want %q", r.Service.Version, s.Version)
	}
	if tr.NoDeleteNodes {
		return nil
	}
	if len(r.Service.Nodes) != 1 || r.Service.Nodes[0] == nil || r.Service.Nodes[0].Id != s.Nodes[0].Id {
		return fmt.Errorf("the delete event is about %s, want node %s", describe([]*registry.Service{r.Service}), s.Nodes[0].Id)
	}
	return nil
}
