package kubernetes

import (
	"context"
	"sync"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// watch is what Start began.
type watch struct {
	cancel context.CancelFunc
	events sync.WaitGroup
}

// Start begins to follow the scheduler. The services themselves are watched over by
// the cluster.
func (k *kubernetes) Start() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watch != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.watch = &watch{cancel: cancel}
	k.watch.events.Go(func() { k.follow(ctx) })
	return nil
}

// Stop ends what Start began. The services go on.
func (k *kubernetes) Stop() error {
	k.mu.Lock()
	w := k.watch
	k.watch = nil
	k.mu.Unlock()
	if w == nil {
		return nil
	}
	w.cancel()
	w.events.Wait()
	if s := k.options.Get().Scheduler; s != nil {
		return s.Close()
	}
	return nil
}

// follow does what the scheduler wants, until ctx or the events end.
func (k *kubernetes) follow(ctx context.Context) {
	s := k.options.Get().Scheduler
	if s == nil {
		return
	}
	events, err := s.Notify()
	if err != nil {
		k.log(logger.ErrorLevel, "Runtime gets no events of the scheduler: %v", err)
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
			if err := k.handle(ctx, e); err != nil {
				k.log(logger.ErrorLevel, "Runtime cannot update service %s: %v", e.Service.Name, err)
			}
		}
	}
}

// handle has the pods of a service replaced. Other events than updates of a service
// are none of this runtime's.
func (k *kubernetes) handle(ctx context.Context, e runtime.Event) error {
	if e.Type != runtime.Update || e.Service == nil {
		return nil
	}
	namespace := ""
	if e.Options != nil {
		namespace = e.Options.Namespace
	}
	t, err := targetOf(e.Service, namespace)
	if err != nil {
		return err
	}
	labels := t.labels()
	labels["micro"] = client.Format(k.options.Get().Type)
	list := new(client.DeploymentList)
	err = k.client.Get(&client.Resource{Kind: "deployment", Value: list},
		client.GetNamespace(t.namespace), client.GetLabels(labels), client.GetContext(ctx))
	if err != nil {
		return err
	}
	for i := range list.Items {
		d := &list.Items[i]
		if d.Metadata == nil {
			continue
		}
		roll(d, e.Timestamp)
		if err := k.patch(ctx, t.namespace, "deployment", d.Metadata.Name, d); err != nil {
			return err
		}
	}
	return nil
}
