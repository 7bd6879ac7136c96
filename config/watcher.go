package config

import (
	"bytes"
	"slices"
	"sync"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// watcher is told the value at its path whenever values take effect.
type watcher struct {
	config  *dynamic
	path    []string
	changes *latest.Queue[reader.Value] // of one
	stopped chan struct{}
	stop    func()

	mu   sync.Mutex   // guards last, and keeps calls of Next apart
	last reader.Value // what was returned last
}

func newWatcher(c *dynamic, path []string) *watcher {
	stopped := make(chan struct{})
	return &watcher{
		config:  c,
		path:    slices.Clone(path),
		changes: latest.NewQueue[reader.Value](1),
		stopped: stopped,
		stop:    sync.OnceFunc(func() { close(stopped) }),
	}
}

func (w *watcher) Next() (reader.Value, error) {
	for {
		select {
		case <-w.stopped:
			return nil, source.ErrWatcherStopped
		case v := <-w.changes.C():
			select {
			case <-w.stopped:
				return nil, source.ErrWatcherStopped
			default:
			}
			if w.differs(v) {
				return v, nil
			}
		}
	}
}

// differs compares v with what was returned last, and remembers it.
func (w *watcher) differs(v reader.Value) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if isString(v) == isString(w.last) && bytes.Equal(v.Bytes(), w.last.Bytes()) {
		return false
	}
	w.last = v
	return true
}

// isString tells the string "1" from the number 1, whose bytes are the same.
func isString(v reader.Value) bool {
	return v.String("a") == v.String("b")
}

func (w *watcher) Stop() error {
	w.stop()
	w.config.forget(w)
	return nil
}
