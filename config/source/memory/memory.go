// Package memory is a source whose configuration the program itself gives and
// replaces, for example in tests.
package memory

import (
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// name is that of the source and of its sets.
const name = "memory"

// pending is how many changes a slow watcher is kept. It loses the oldest.
const pending = 100

// NewSource returns a source that holds what its options say, or nothing. Write
// replaces what it holds; so does Update, which the returned source has too.
func NewSource(opts ...source.Option) source.Source {
	m := &memory{watchers: map[*watcher]struct{}{}}
	if given, _ := options.Value[document](source.NewOptions(opts...).Context); given.ChangeSet != nil {
		m.Update(given.ChangeSet)
	}
	return m
}

type memory struct {
	mu       sync.Mutex
	set      *source.ChangeSet // nil before there was any
	watchers map[*watcher]struct{}
}

func (m *memory) String() string { return name }

// Read returns an empty set before there was any data.
func (m *memory) Read() (*source.ChangeSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set == nil {
		empty := &source.ChangeSet{Source: name}
		empty.Checksum = empty.Sum()
		return empty, nil
	}
	return clone(m.set), nil
}

// clone copies a set. The data is shared, as nobody changes it.
func clone(set *source.ChangeSet) *source.ChangeSet {
	c := *set
	return &c
}

// Write replaces what the source holds. A nil set is ignored.
func (m *memory) Write(set *source.ChangeSet) error {
	m.Update(set)
	return nil
}

// Update is Write: it takes Data and Format from the set, and stamps the rest.
func (m *memory) Update(set *source.ChangeSet) {
	if set == nil {
		return
	}
	next := &source.ChangeSet{Data: slices.Clone(set.Data), Format: set.Format, Source: name, Timestamp: time.Now()}
	next.Checksum = next.Sum()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set = next
	for w := range m.watchers {
		w.Push(clone(next)) // under the lock, so that changes stay in order
	}
}

func (m *memory) Watch() (source.Watcher, error) {
	everything := func(set *source.ChangeSet) (*source.ChangeSet, bool) { return set, true }
	w := &watcher{memory: m, Watcher: latest.NewWatcher(pending, everything)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers[w] = struct{}{}
	return w, nil
}

type watcher struct {
	*latest.Watcher[*source.ChangeSet, *source.ChangeSet]
	memory *memory
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	if set, ok := w.Watcher.Next(); ok {
		return set, nil
	}
	return nil, source.ErrWatcherStopped
}

func (w *watcher) Stop() error {
	w.Watcher.Stop()
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	delete(w.memory.watchers, w)
	return nil
}
