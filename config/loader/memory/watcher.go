package memory

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/source"
)

// watcher waits for changes of the value at a path. At most one update is
// pending; a newer one takes its place.
type watcher struct {
	loader  *memory
	path    []string
	updates *latest.Queue[*update] // of one
	done    chan struct{}
	stop    func()

	mu   sync.Mutex // guards last, and keeps calls of Next apart
	last []byte     // what was returned last
}

func newWatcher(m *memory, path []string) *watcher {
	done := make(chan struct{})
	return &watcher{
		loader:  m,
		path:    slices.Clone(path),
		updates: latest.NewQueue[*update](1),
		done:    done,
		stop:    sync.OnceFunc(func() { close(done) }),
	}
}

func (w *watcher) Next() (*loader.Snapshot, error) {
	for {
		select {
		case <-w.done:
			return nil, source.ErrWatcherStopped
		case <-w.loader.ctx.Done():
			return nil, source.ErrWatcherStopped
		case u := <-w.updates.C():
			if s := w.changed(u); s != nil && w.running() {
				return s, nil
			}
		}
	}
}

func (w *watcher) running() bool {
	select {
	case <-w.done:
		return false
	default:
		return w.loader.ctx.Err() == nil
	}
}

// changed returns a snapshot of the value, or nil if it is as it was.
func (w *watcher) changed(u *update) *loader.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := w.bytes(u)
	if data == nil || bytes.Equal(data, w.last) {
		return nil
	}
	w.last = data
	set := &source.ChangeSet{
		Data:      data,
		Format:    w.loader.opts.Reader.String(),
		Source:    name,
		Timestamp: time.Now(),
	}
	set.Checksum = set.Sum()
	return &loader.Snapshot{ChangeSet: set, Version: u.snapshot.Version}
}

// bytes returns the value's, or nil when it cannot be had. The whole document
// is passed on as it is: who reads its values replaces the placeholders.
func (w *watcher) bytes(u *update) []byte {
	if len(w.path) == 0 {
		return u.snapshot.ChangeSet.Data
	}
	values, err := u.values()
	if err != nil {
		return nil
	}
	return values.Get(w.path...).Bytes()
}

func (w *watcher) Stop() error {
	w.stop()
	w.loader.forget(w)
	return nil
}
