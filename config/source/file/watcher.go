package file

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/justcy/go-micro/v4/config/source"
)

// settle is how long the events of one change, such as truncating, writing and
// closing, are waited for before the file is read.
const settle = 5 * time.Millisecond

// watcher watches the directories of a file's route: the file itself may be
// replaced by another, which a watch of the file would not see.
type watcher struct {
	file   *file
	events *fsnotify.Watcher
	done   chan struct{}
	stop   func() error

	mu    sync.Mutex // one Next at a time
	names []string   // the route
}

func newWatcher(f *file) (*watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", f.path, err)
	}
	done := make(chan struct{})
	w := &watcher{file: f, events: events, done: done}
	w.stop = sync.OnceValue(func() error {
		close(done)
		return events.Close()
	})
	if err := w.follow(); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

// follow watches the directories of the route as it is now. It looks again when
// they are watched, as the route may have changed meanwhile.
func (w *watcher) follow() error {
	for range maxLinks {
		names, err := route(w.file.path)
		if err != nil {
			return err
		}
		if err := w.watch(names); err != nil {
			return err
		}
		stable := slices.Equal(names, w.names)
		if w.names = names; stable {
			break
		}
	}
	return nil
}

// watch watches the directories of names, and no longer others. One that was
// replaced by another of its name is watched again.
func (w *watcher) watch(names []string) error {
	var wanted []string
	for _, name := range names {
		wanted = append(wanted, filepath.Dir(name))
	}
	for _, directory := range wanted {
		if err := w.events.Add(directory); err != nil {
			return fmt.Errorf("watch %s: %w", w.file.path, err)
		}
	}
	for _, directory := range w.events.WatchList() {
		if !slices.Contains(wanted, directory) {
			_ = w.events.Remove(directory) // it may be gone
		}
	}
	return nil
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if err := w.wait(); err != nil {
			return nil, err
		}
		w.drain()
		set, err := w.read()
		if w.isStopped() {
			return nil, source.ErrWatcherStopped
		}
		if set != nil || err != nil {
			return set, err
		}
	}
}

// wait returns at the next event that matters.
func (w *watcher) wait() error {
	for {
		select {
		case <-w.done:
			return source.ErrWatcherStopped
		case event, ok := <-w.events.Events:
			if !ok {
				return source.ErrWatcherStopped
			}
			if w.concerns(event) {
				return nil
			}
		case err, ok := <-w.events.Errors:
			if !ok {
				return source.ErrWatcherStopped
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("watch %s: %w", w.file.path, err)
			}
			return nil // events were lost: look at the file
		}
	}
}

// concerns reports whether an event is about the route, or about a directory
// of it that is gone.
func (w *watcher) concerns(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		return slices.Contains(w.names, event.Name) // a file may have become readable
	}
	return slices.ContainsFunc(w.names, func(name string) bool {
		return name == event.Name || filepath.Dir(name) == event.Name
	})
}

// drain takes the events that belong to the same change.
func (w *watcher) drain() {
	settled := time.NewTimer(settle)
	defer settled.Stop()
	for {
		select {
		case <-settled.C:
			return
		case <-w.done:
			return
		case _, ok := <-w.events.Events:
			if !ok {
				return
			}
		}
	}
}

// read reads the file. One that is missing, or empty for the moment, is being
// replaced: more events follow. Whether it holds what it held before is not told
// here: others read it too, and may have seen it while it held something else.
func (w *watcher) read() (*source.ChangeSet, error) {
	if err := w.follow(); err != nil {
		return nil, err
	}
	set, err := w.file.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(set.Data) == 0 {
		return nil, nil
	}
	return set, nil
}

func (w *watcher) isStopped() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// Stop ends the watcher. Next, wherever it is, returns ErrWatcherStopped.
func (w *watcher) Stop() error { return w.stop() }
