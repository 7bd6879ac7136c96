package runtime

import (
	"context"
	"errors"
	"sync"

	"github.com/justcy/go-micro/v4/logger"
)

// watch is what Start began.
type watch struct {
	ctx    context.Context
	cancel context.CancelFunc
	events sync.WaitGroup // follows the scheduler
}

// watching returns the watch over the services, nil when there is none.
func (r *local) watching() *watch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watch
}

func (r *local) Start() error {
	w := new(watch)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	r.mu.Lock()
	if r.watch != nil {
		r.mu.Unlock()
		w.cancel()
		return nil
	}
	r.watch = w
	w.events.Add(1)
	r.mu.Unlock()
	go func() {
		defer w.events.Done()
		r.follow(w.ctx)
	}()
	for _, u := range r.all("") {
		u.scheduleRetry()
	}
	return nil
}

// Stop ends what Start began, and every process.
func (r *local) Stop() error {
	r.mu.Lock()
	w := r.watch
	r.watch = nil
	r.abandon()
	r.fetching, r.abandon = context.WithCancel(context.Background())
	r.mu.Unlock()
	if w != nil {
		w.cancel()
		w.events.Wait()
	}
	services := r.all("")
	errs := make([]error, len(services)+1)
	var ends sync.WaitGroup
	for i, u := range services {
		ends.Go(func() {
			r.log(logger.DebugLevel, "Runtime stopping %s", u.key)
			errs[i] = u.halt(context.Background())
		})
	}
	ends.Wait()
	if s := r.options.Get().Scheduler; w != nil && s != nil {
		errs[len(services)] = s.Close()
	}
	return errors.Join(errs...)
}

// follow does what the scheduler wants, until ctx or the events end.
func (r *local) follow(ctx context.Context) {
	s := r.options.Get().Scheduler
	if s == nil {
		return
	}
	events, err := s.Notify()
	if err != nil {
		r.log(logger.ErrorLevel, "Runtime gets no events of the scheduler: %v", err)
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-events:
			if !open {
				return
			}
			r.handle(ctx, e)
		}
	}
}

// handle updates the service of an event, or all of them. Other events than
// updates are none of the local runtime's.
func (r *local) handle(ctx context.Context, e Event) {
	if e.Type != Update {
		return
	}
	if e.Service == nil {
		for _, u := range r.all("") {
			r.apply(ctx, u, e)
		}
		return
	}
	namespace := defaultNamespace
	if e.Options != nil {
		namespace = orDefault(e.Options.Namespace)
	}
	if u := r.find(namespace, key(e.Service)); u != nil {
		r.apply(ctx, u, e)
	} else {
		r.log(logger.DebugLevel, "Runtime has no service %s in namespace %s to update", key(e.Service), namespace)
	}
}

// apply updates a service unless it was updated after the event.
func (r *local) apply(ctx context.Context, u *service, e Event) {
	u.mu.Lock()
	late := !e.Timestamp.After(u.updated)
	changed := Service{Name: u.service.Name, Version: u.service.Version}
	u.mu.Unlock()
	if late || ctx.Err() != nil {
		return
	}
	if e.Service != nil {
		changed.Source, changed.Metadata = e.Service.Source, e.Service.Metadata
	}
	ctx = context.WithoutCancel(ctx) // Stop does not cut the grace period short
	if err := u.update(ctx, &changed, nil, e.Timestamp); err != nil {
		r.log(logger.ErrorLevel, "Runtime cannot update service %s of namespace %s: %v", u.key, u.namespace, err)
	}
}
