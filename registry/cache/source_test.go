package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// source is a registry whose answers, failures and events a test decides.
type source struct {
	registry.Registry
	mu       sync.Mutex
	services map[string][]*registry.Service
	err      error
	watchErr error
	asked    []string      // names of lookups
	watched  []time.Time   // times of Watch
	gate     chan struct{} // lookups wait for it when it is not nil
	options  registry.GetOptions
	watchers map[*feed]string
}

func newSource(services ...*registry.Service) *source {
	s := &source{Registry: registry.NewMemoryRegistry(), services: map[string][]*registry.Service{}, watchers: map[*feed]string{}}
	for _, v := range services {
		s.services[v.Name] = append(s.services[v.Name], v)
	}
	return s
}

func (s *source) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	s.mu.Lock()
	s.options = registry.GetOptions{}
	for _, o := range opts {
		o(&s.options)
	}
	ctx := s.options.Context
	s.asked = append(s.asked, name)
	gate, services, err := s.gate, s.services[name], s.err
	s.mu.Unlock()
	if gate != nil {
		if ctx == nil {
			ctx = context.Background()
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return services, err
}

func (s *source) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	var o registry.WatchOptions
	for _, set := range opts {
		set(&o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = append(s.watched, time.Now())
	if s.watchErr != nil {
		return nil, s.watchErr
	}
	f := &feed{results: make(chan *registry.Result, 16), broken: make(chan struct{}), stopped: make(chan struct{})}
	f.Stop = sync.OnceFunc(func() { close(f.stopped) })
	s.watchers[f] = o.Service
	return &feedWatcher{f}, nil
}

func (s *source) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// asks is how often a name was looked up.
func (s *source) asks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// emit sends an event to the watchers of its service and waits until it is
// taken in. It must be called in a bubble.
func (s *source) emit(action string, service *registry.Service) {
	s.mu.Lock()
	for f, name := range s.watchers {
		if name == service.Name {
			f.results <- &registry.Result{Action: action, Service: service}
		}
	}
	s.mu.Unlock()
	synctest.Wait()
}

// watching counts the watchers that were not stopped.
func (s *source) watching() (n int) {
	s.set(func() {
		for f := range s.watchers {
			select {
			case <-f.stopped:
			default:
				n++
			}
		}
	})
	return n
}

// breakWatchers makes the watchers of a name fail.
func (s *source) breakWatchers(name string) {
	s.set(func() {
		for f, n := range s.watchers {
			if n == name {
				close(f.broken)
				delete(s.watchers, f)
			}
		}
	})
}

type feed struct {
	results         chan *registry.Result
	broken, stopped chan struct{}
	Stop            func()
}

type feedWatcher struct{ *feed }

func (w *feedWatcher) Stop() { w.feed.Stop() }

func (w *feedWatcher) Next() (*registry.Result, error) {
	select {
	case r := <-w.results:
		return r, nil
	case <-w.broken:
		return nil, errors.New("connection lost")
	case <-w.stopped:
		return nil, registry.ErrWatcherStopped
	}
}
