package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// errMissed ends a watcher that may have missed something.
var errMissed = errors.New("nats registry: the connection to NATS was lost: changes may have been missed")

// watcher reads what is published of changes.
type watcher struct {
	registry *natsRegistry
	service  string // empty for all
	sub      *nats.Subscription
	ctx      context.Context
	cancel   context.CancelCauseFunc
}

// Watch reports what is registered and deregistered from now on.
func (r *natsRegistry) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	var o registry.WatchOptions
	options.To(&o, opts)
	parent := contextOf(o.Context)
	c, err := r.ready(parent)
	if err != nil {
		return nil, fmt.Errorf("watching: %w", err)
	}
	current := r.options.Get()
	sub, err := c.SubscribeSync(settingsOf(&current).watchTopic)
	if err != nil {
		return nil, fmt.Errorf("nats registry: watching: %w", err)
	}
	w := &watcher{registry: r, service: o.Service, sub: sub}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	r.mu.Lock()
	r.watchers[w] = struct{}{}
	r.mu.Unlock()
	if err := stillThere(parent, c); err != nil { // from now on it is told
		w.Stop()
		return nil, fmt.Errorf("nats registry: watching: %w", err)
	}
	return w, nil
}

// Next returns the next change.
func (w *watcher) Next() (*registry.Result, error) {
	for {
		if w.ctx.Err() != nil {
			return nil, w.reason()
		}
		m, err := w.sub.NextMsgWithContext(w.ctx)
		switch {
		case w.ctx.Err() != nil:
			return nil, w.reason()
		case err != nil: // it was too slow, or the connection is closed
			w.end(fmt.Errorf("nats registry: watching: %w", err))
			return nil, w.reason()
		}
		var result registry.Result
		if json.Unmarshal(m.Data, &result) != nil || result.Service == nil {
			continue // not told by a registry
		}
		if w.service == "" || result.Service.Name == w.service {
			return &result, nil
		}
	}
}

// reason is why the watcher has ended: it was stopped, unless the registry was lost.
func (w *watcher) reason() error {
	if cause := context.Cause(w.ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return registry.ErrWatcherStopped
}

// Stop ends the watcher.
func (w *watcher) Stop() { w.end(registry.ErrWatcherStopped) }

func (w *watcher) end(reason error) {
	w.cancel(reason)
	_ = w.sub.Unsubscribe()
	w.registry.mu.Lock()
	defer w.registry.mu.Unlock()
	delete(w.registry.watchers, w)
}
