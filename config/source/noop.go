package source

import (
	"errors"
	"sync"
)

var errNoopStopped = errors.New("noopWatcher stopped")

// NewNoopWatcher returns a watcher for what never changes: Next blocks until
// Stop. The error is always nil.
func NewNoopWatcher() (Watcher, error) {
	stopped := make(chan struct{})
	return &noopWatcher{stopped: stopped, stop: sync.OnceFunc(func() { close(stopped) })}, nil
}

type noopWatcher struct {
	stopped chan struct{}
	stop    func()
}

func (w *noopWatcher) Next() (*ChangeSet, error) {
	<-w.stopped
	return nil, errNoopStopped
}

func (w *noopWatcher) Stop() error {
	w.stop()
	return nil
}
