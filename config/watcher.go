package config

import (
	"bytes"
	"slices"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// watcher is told the value at its path whenever values take effect. At most one
// is pending; a newer one takes its place.
type watcher struct {
	*latest.Watcher[reader.Value, reader.Value]
	config *dynamic
	path   []string
	last   reader.Value // what was returned last
}

func newWatcher(c *dynamic, path []string) *watcher {
	w := &watcher{config: c, path: slices.Clone(path)}
	w.Watcher = latest.NewWatcher(1, w.changed)
	return w
}

func (w *watcher) Next() (reader.Value, error) {
	if v, ok := w.Watcher.Next(); ok {
		return v, nil
	}
	return nil, source.ErrWatcherStopped
}

// changed compares v with what was returned last, and remembers it.
func (w *watcher) changed(v reader.Value) (reader.Value, bool) {
	if isString(v) == isString(w.last) && bytes.Equal(v.Bytes(), w.last.Bytes()) {
		return nil, false
	}
	w.last = v
	return v, true
}

// isString tells the string "1" from the number 1, whose bytes are the same.
func isString(v reader.Value) bool {
	return v.String("a") == v.String("b")
}

func (w *watcher) Stop() error {
	w.Watcher.Stop()
	w.config.forget(w)
	return nil
}
