package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/justcy/go-micro/v4/registry"
)

var errEnded = errors.New("could not get next")

// watcher follows the keys of a service, or of all.
type watcher struct {
	service string
	ctx     context.Context
	stop    func()
	changes clientv3.WatchChan
	pending []*registry.Result // of Next, which one goroutine calls at a time
}

// Watch returns when etcd has the watcher.
func (r *etcdRegistry) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	var o registry.WatchOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	parent := o.Context
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithCancel(parent)
	w := &watcher{service: o.Service, ctx: ctx, stop: sync.OnceFunc(cancel)}
	err := r.do(ctx, "watching", o.Service, func(bounded context.Context, c *clientv3.Client) error {
		late := context.AfterFunc(bounded, cancel)
		// Without a leader changes would not be told, and nobody would know.
		w.changes = c.Watch(clientv3.WithRequireLeader(ctx), servicePrefix(o.Service), clientv3.WithPrefix(), clientv3.WithPrevKV())
		if !late() {
			return bounded.Err()
		}
		return nil
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return w, nil
}

// Stop ends the watcher.
func (w *watcher) Stop() { w.stop() }

func (w *watcher) Next() (*registry.Result, error) {
	for {
		if w.ctx.Err() != nil {
			return nil, registry.ErrWatcherStopped
		}
		if len(w.pending) > 0 {
			next := w.pending[0]
			w.pending = w.pending[1:]
			return next, nil
		}
		reply, open := <-w.changes
		switch err := reply.Err(); {
		case w.ctx.Err() != nil:
			return nil, registry.ErrWatcherStopped
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errEnded, err)
		case !open:
			return nil, errEnded
		}
		for _, ev := range reply.Events {
			if result := w.result(ev); result != nil {
				w.pending = append(w.pending, result)
			}
		}
	}
}

// result tells what an event means, or returns nil when it is about another service.
func (w *watcher) result(ev *clientv3.Event) *registry.Result {
	result := &registry.Result{Action: "update"}
	switch {
	case ev.Type == clientv3.EventTypeDelete:
		result.Action = "delete"
		result.Service = deleted(ev)
	case ev.IsCreate():
		result.Action = "create"
		fallthrough
	default:
		result.Service = decode(ev.Kv.Value)
	}
	if result.Service == nil || w.service != "" && result.Service.Name != w.service {
		return nil
	}
	return result
}

// deleted returns what was deleted: the value that there was, or what its key tells.
func deleted(ev *clientv3.Event) *registry.Service {
	if ev.PrevKv != nil {
		return decode(ev.PrevKv.Value)
	}
	service, node, ok := strings.Cut(strings.TrimPrefix(string(ev.Kv.Key), prefix), "/")
	if !ok {
		return nil
	}
	return &registry.Service{Name: service, Nodes: []*registry.Node{{Id: node}}}
}
