package env

import (
	"sync"

	"github.com/justcy/go-micro/v4/config/source"
)

// Watch returns a watcher that never sees a change.
func (e *environment) Watch() (source.Watcher, error) {
	stopped := make(chan struct{})
	return &watcher{stopped: stopped, stop: sync.OnceFunc(func() { close(stopped) })}, nil
}

type watcher struct {
	stopped chan struct{}
	stop    func()
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	<-w.stopped
	return nil, source.ErrWatcherStopped
}

func (w *watcher) Stop() error {
	w.stop()
	return nil
}
