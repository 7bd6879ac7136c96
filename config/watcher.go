package config

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/justcy/go-micro/v4/config/internal/latest"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// watcher is told the news at its path whenever values take effect. At most one
// is pending; a newer one takes its place.
type watcher struct {
	*latest.Watcher[*news, reader.Value]
	config *dynamic
	path   []string
	last   *news // what was returned last
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

// changed compares news with what was returned last, and remembers it.
func (w *watcher) changed(n *news) (reader.Value, bool) {
	if isString(n.value()) == isString(w.last.value()) && bytes.Equal(n.bytes(), w.last.bytes()) {
		return nil, false
	}
	w.last = n
	return n.value(), true
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

// news is a value that took effect. All watchers of a path share it, and the first
// that asks finds and encodes it for all.
type news struct {
	values reader.Values
	path   []string

	finding, encoding sync.Once
	found             reader.Value
	encoded           []byte
}

func (n *news) value() reader.Value {
	n.finding.Do(func() { n.found = n.values.Get(n.path...) })
	return n.found
}

func (n *news) bytes() []byte {
	n.encoding.Do(func() { n.encoded = n.value().Bytes() })
	return n.encoded
}

// newsByPath holds the news of the same values.
type newsByPath struct {
	values reader.Values
	paths  map[string]*news
}

func newsOf(values reader.Values) *newsByPath {
	return &newsByPath{values: values, paths: map[string]*news{}}
}

func (n *newsByPath) at(path []string) *news {
	key := fmt.Sprintf("%q", path)
	if known := n.paths[key]; known != nil {
		return known
	}
	one := &news{values: n.values, path: path}
	if _, later := n.values.(*deferred); !later {
		one.value() // before Set changes it
	}
	n.paths[key] = one
	return one
}
