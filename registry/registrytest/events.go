package registrytest

import (
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// events are what a watcher reports, read by a goroutine of its own.
type events struct {
	watcher registry.Watcher
	results chan *registry.Result
	ended   chan error // the error that ended Next
}

// watch starts a watcher on the second registry and waits until it is ready.
func (tr *trial) watch(opts ...registry.WatchOption) (*events, error) {
	w, err := tr.second.Watch(opts...)
	if err != nil {
		return nil, fmt.Errorf("watching: %w", err)
	}
	ev := &events{watcher: w, results: make(chan *registry.Result, 1024), ended: make(chan error, 1)}
	go func() {
		for {
			r, err := w.Next()
			if err != nil {
				ev.ended <- err
				return
			}
			select {
			case ev.results <- r:
			default: // far more than any rule causes
			}
		}
	}()
	tr.t.Cleanup(func() { _ = stop(w) })
	time.Sleep(tr.Settle)
	return ev, nil
}

// stop stops a watcher and returns the value of a panic.
func stop(w registry.Watcher) (panicked any) {
	defer func() { panicked = recover() }()
	w.Stop()
	return nil
}

// await returns the first event that want accepts, dropping those before.
func (tr *trial) await(ev *events, what string, want func(*registry.Result) bool) (*registry.Result, error) {
	timeout := time.NewTimer(tr.patience())
	defer timeout.Stop()
	for {
		select {
		case r := <-ev.results:
			if r == nil || r.Service == nil {
				return nil, errors.New("an event has no service")
			}
			if want(r) {
				return r, nil
			}
		case err := <-ev.ended:
			ev.ended <- err
			return nil, fmt.Errorf("waiting for %s: Next: %w", what, err)
		case <-timeout.C:
			return nil, fmt.Errorf("no event for %s", what)
		}
	}
}

// end waits for the error that ends Next.
func (tr *trial) end(ev *events) error {
	select {
	case err := <-ev.ended:
		ev.ended <- err
		return err
	case <-time.After(tr.patience()):
		return errors.New("still blocked in Next")
	}
}

func added(name string) func(*registry.Result) bool {
	return func(r *registry.Result) bool {
		return r.Service.Name == name && (r.Action == "create" || r.Action == "update")
	}
}

func deleted(name string) func(*registry.Result) bool {
	return func(r *registry.Result) bool { return r.Service.Name == name && r.Action == "delete" }
}
