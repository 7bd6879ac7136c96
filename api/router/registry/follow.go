package registry

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	// refreshInterval is how often everything is read anew, in case events were
	// lost.
	refreshInterval = 10 * time.Minute
	// failurePause is how long to wait after the first failure in a row, and how
	// much longer after each further one, up to maxPause.
	failurePause = time.Second
	maxPause     = 30 * time.Second
)

// follower keeps a table of what the registry holds. One goroutine lists the
// services from time to time, one watches for changes, and one reads each service
// that these two name and publishes the table.
type follower struct {
	registry registry.Registry
	log      logger.Logger
	publish  func(*table)

	group sync.WaitGroup
	ready chan struct{} // closed once all services were read for the first time
	again chan struct{} // holds a token when the services are to be listed at once

	mu     sync.Mutex
	stale  map[string]bool // services to read
	listed bool            // the services were listed, or that failed
	wake   chan struct{}   // holds a token when there is something to read

	services map[string][]*registry.Service // the reader's alone
	reported map[string]string              // what was said about endpoints, likewise
}

func follow(ctx context.Context, r registry.Registry, log logger.Logger, publish func(*table)) *follower {
	f := &follower{
		registry: r, log: log, publish: publish,
		ready: make(chan struct{}), wake: make(chan struct{}, 1), again: make(chan struct{}, 1),
		stale: map[string]bool{}, services: map[string][]*registry.Service{}, reported: map[string]string{},
	}
	f.group.Go(func() { f.list(ctx) })
	f.group.Go(func() { f.watch(ctx) })
	f.group.Go(func() { f.read(ctx) })
	return f
}

func (f *follower) wait() { f.group.Wait() }

// mark has services read, and wakes the reader.
func (f *follower) mark(listed bool, names ...string) {
	f.mu.Lock()
	f.listed = f.listed || listed
	for _, name := range names {
		f.stale[name] = true
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// list names all services, again and again.
func (f *follower) list(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		services, err := f.registry.ListServices(registry.ListContext(ctx))
		pause := refreshInterval
		if err != nil {
			failures++
			f.failed(ctx, "list the services", err)
			pause = pauseAfter(failures)
		} else {
			failures = 0
		}
		names := make([]string, 0, len(services))
		for _, s := range services {
			if s != nil {
				names = append(names, s.Name)
			}
		}
		f.mark(true, append(names, f.known()...)...)
		sleep(ctx, pause, f.again)
	}
}

// known are the services that have routes. They may be gone.
func (f *follower) known() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.services))
}

// watch names the services that change.
func (f *follower) watch(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		w, err := f.registry.Watch(registry.WatchContext(ctx))
		if err == nil {
			select {
			case f.again <- struct{}{}: // what happened before is unknown
			default:
			}
			var any bool
			if any, err = f.take(ctx, w); any {
				failures = 0
			}
		}
		if ctx.Err() != nil {
			return
		}
		failures++
		f.failed(ctx, "watch", err)
		sleep(ctx, pauseAfter(failures), nil)
	}
}

// take takes the events of a watcher until it fails, and reports whether there
// were any.
func (f *follower) take(ctx context.Context, w registry.Watcher) (any bool, err error) {
	stop := sync.OnceFunc(w.Stop)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	for ctx.Err() == nil {
		r, err := w.Next()
		if err != nil {
			return any, err
		}
		if any = true; r != nil && r.Service != nil {
			f.mark(false, r.Service.Name)
		}
	}
	return any, nil
}

// read reads the services that were named and publishes the table.
func (f *follower) read(ctx context.Context) {
	ready := sync.OnceFunc(func() { close(f.ready) })
	defer ready()
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		names, listed := f.stale, f.listed
		f.stale = map[string]bool{}
		f.mu.Unlock()
		changed := false
		for name := range names {
			changed = f.fetch(ctx, name) || changed
		}
		if ctx.Err() != nil {
			return
		}
		if changed {
			f.publish(f.build())
		}
		if listed {
			ready()
		}
	}
}

// fetch reads a service and reports whether it has changed. One that cannot be
// read stays as it was.
func (f *follower) fetch(ctx context.Context, name string) bool {
	services, err := f.registry.GetService(name, registry.GetContext(ctx))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		f.failed(ctx, "read service "+name, err)
		return false
	}
	services = slices.DeleteFunc(services, func(s *registry.Service) bool { return s == nil || len(s.Nodes) == 0 })
	slices.SortStableFunc(services, func(a, b *registry.Service) int { return strings.Compare(a.Version, b.Version) })
	f.mu.Lock()
	defer f.mu.Unlock()
	old, known := f.services[name]
	if len(services) == 0 {
		delete(f.services, name)
		return known
	}
	f.services[name] = services
	return !reflect.DeepEqual(old, services)
}

// build makes the table of all services, in the order of their names.
func (f *follower) build() *table {
	t := new(table)
	for _, name := range slices.Sorted(maps.Keys(f.services)) {
		routes := routesOf(f.services[name])
		for _, endpoint := range slices.Sorted(maps.Keys(routes)) {
			route := routes[endpoint]
			err := t.Add(route.Endpoint, route)
			f.report(name+"."+endpoint, err)
		}
	}
	return t
}

// routesOf returns the routes to the endpoints of a service by their names. The
// latest version says how an endpoint is reached.
func routesOf(versions []*registry.Service) map[string]*router.Route {
	routes := map[string]*router.Route{}
	for _, version := range versions {
		for _, e := range version.Endpoints {
			if e == nil {
				continue
			}
			endpoint := router.Decode(e.Metadata)
			if router.Validate(endpoint) != nil {
				continue // it does not say how it is reached, or nothing of use
			}
			route := routes[e.Name]
			if route == nil {
				route = &router.Route{Service: version.Name}
				routes[e.Name] = route
			}
			route.Endpoint = endpoint
			route.Versions = append(route.Versions, version)
		}
	}
	return routes
}

// report logs what is wrong with an endpoint, once.
func (f *follower) report(endpoint string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if f.reported[endpoint] == text {
		return
	}
	if f.reported[endpoint] = text; text != "" {
		f.log.Logf(logger.ErrorLevel, "api router: endpoint %s: %v", endpoint, err)
	}
}

func (f *follower) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		f.log.Logf(logger.ErrorLevel, "api router: %s in registry %s: %v", what, f.registry, err)
	}
}

// pauseAfter is how long to wait after so many failures in a row.
func pauseAfter(failures int) time.Duration {
	return min(time.Duration(failures)*failurePause, maxPause)
}

// sleep waits for d, for a token, or for the end of the context.
func sleep(ctx context.Context, d time.Duration, token <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-token:
	case <-ctx.Done():
	}
}
