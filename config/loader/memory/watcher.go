package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/source"
)

// watcher waits for changes of the value at a path. At most one update is
// pending; a newer one takes its place.
type watcher struct {
	*latest.Watcher[*update, *loader.Snapshot]
	loader *memory
	path   []string
	last   []byte      // what was returned last
	unbind func() bool // from the end of the loader
}

func newWatcher(m *memory, path []string) *watcher {
	w := &watcher{loader: m, path: slices.Clone(path)}
	w.Watcher = latest.NewWatcher(1, w.changed)
	w.unbind = context.AfterFunc(m.ctx, w.Watcher.Stop)
	return w
}

func (w *watcher) Next() (*loader.Snapshot, error) {
	if s, ok := w.Watcher.Next(); ok && w.loader.ctx.Err() == nil {
		return s, nil
	}
	return nil, source.ErrWatcherStopped
}

// changed returns a snapshot of the value, unless it is as it was.
func (w *watcher) changed(u *update) (*loader.Snapshot, bool) {
	data := u.at(w.path)
	if data == nil || bytes.Equal(data, w.last) {
		return nil, false
	}
	w.last = data
	set := &source.ChangeSet{
		Data:      data,
		Format:    w.loader.opts.Reader.String(),
		Source:    name,
		Timestamp: time.Now(),
	}
	set.Checksum = set.Sum()
	return &loader.Snapshot{ChangeSet: set, Version: u.version}, true
}

func (w *watcher) Stop() error {
	w.unbind()
	w.Watcher.Stop()
	w.loader.forget(w)
	return nil
}
