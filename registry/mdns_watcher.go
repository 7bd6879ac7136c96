package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// mdnsWatcher turns the news of an mdns engine into results.
type mdnsWatcher struct {
	watch   *mdns.Watch
	release func() bool // forgets the context of the watch
}

// Next waits for the next change. Results have one service with one node.
func (w *mdnsWatcher) Next() (*Result, error) {
	for {
		event, err := w.watch.Next(context.Background())
		if errors.Is(err, mdns.ErrStopped) {
			return nil, ErrWatcherStopped
		}
		if err != nil {
			return nil, fmt.Errorf("watch with mdns: %w", err)
		}
		if record, ok := event.Entry.Value.(*mdnsRecord); ok && record.Version != "" {
			return mdnsResult(event, record), nil
		}
	}
}

// Stop ends the watcher and a Next in progress. It may be called repeatedly.
func (w *mdnsWatcher) Stop() {
	w.release()
	w.watch.Stop()
}

func mdnsResult(event mdns.Event, record *mdnsRecord) *Result {
	action := Create
	if event.Kind == mdns.Deleted {
		action = Delete
	}
	s := record.service()
	s.Nodes = []*Node{record.node(event.Entry)}
	return &Result{Action: action.String(), Service: s}
}
