package microtest

import (
	"context"
	"sync"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// nodeRegistry is the registry as one node reaches it.
type nodeRegistry struct {
	registry.Registry
	node *node
}

// reach waits for the way to the registry.
func (r *nodeRegistry) reach(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	return r.node.net.pass(ctx, r.node, Registry)
}

func (r *nodeRegistry) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	o := options.Of(opts)
	if err := r.reach(o.Context); err != nil {
		return err
	}
	return r.Registry.Register(s, opts...)
}

func (r *nodeRegistry) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	o := options.Of(opts)
	if err := r.reach(o.Context); err != nil {
		return err
	}
	return r.Registry.Deregister(s, opts...)
}

func (r *nodeRegistry) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	o := options.Of(opts)
	if err := r.reach(o.Context); err != nil {
		return nil, err
	}
	return r.Registry.GetService(name, opts...)
}

func (r *nodeRegistry) ListServices(opts ...registry.ListOption) ([]*registry.Service, error) {
	o := options.Of(opts)
	if err := r.reach(o.Context); err != nil {
		return nil, err
	}
	return r.Registry.ListServices(opts...)
}

func (r *nodeRegistry) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	o := options.Of(opts)
	if err := r.reach(o.Context); err != nil {
		return nil, err
	}
	w, err := r.Registry.Watch(opts...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &nodeWatcher{Watcher: w, registry: r, ctx: ctx, stop: sync.OnceFunc(func() { cancel(); w.Stop() })}, nil
}

// nodeWatcher loses the registry when the link to it is cut.
type nodeWatcher struct {
	registry.Watcher
	registry *nodeRegistry
	ctx      context.Context // ends with Stop
	stop     func()
}

func (w *nodeWatcher) Next() (*registry.Result, error) {
	result, err := w.Watcher.Next()
	if err != nil {
		return nil, err
	}
	if err := w.registry.reach(w.ctx); err != nil {
		if w.ctx.Err() != nil {
			return nil, registry.ErrWatcherStopped
		}
		w.stop()
		return nil, err
	}
	return result, nil
}

func (w *nodeWatcher) Stop() { w.stop() }
