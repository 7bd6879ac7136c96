// Package memory is the loader that keeps sources and snapshots in memory.
//
// Each source is watched by a goroutine of its own until the loader is closed.
// A watch that cannot be opened, or ends, is opened again a second later. What
// goes wrong after a source was loaded is logged, once for every change of the
// trouble, and leaves the source with the document it had.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// name is that of the loader, and the source of what its watchers return.
const name = "memory"

// closeLimit bounds how long Close waits for the watchers of sources to end.
const closeLimit = 5 * time.Second

var errClosed = errors.New("loader is closed")

// NewLoader returns a loader. Sources given as options are watched at once, and
// read when the first snapshot is asked for.
func NewLoader(opts ...loader.Option) loader.Loader {
	options := options.With(loader.Options{Reader: json.NewReader(), Context: context.Background()}, opts)
	m := &memory{opts: options, watchers: map[*watcher]struct{}{}}
	m.parser, m.eager = parserOf(options.Reader)
	m.ctx, m.cancel = context.WithCancel(options.Context)
	for i, src := range options.Source {
		m.entries = append(m.entries, &entry{src: src, kept: true, place: i})
	}
	m.documents = make([]reader.Parsed, len(m.entries))
	m.untried = len(m.entries) > 0
	m.followAll(m.entries)
	return m
}

type memory struct {
	opts   loader.Options
	parser reader.Parser
	eager  bool            // merging may fail, and is done before anything changes
	ctx    context.Context // done when the loader is closed
	cancel context.CancelFunc

	following sync.WaitGroup // the goroutines that watch sources

	// updating makes one new snapshot at a time. Only computation happens under
	// it: sources are read before, and those who wait are told by channels.
	updating sync.Mutex

	mu        sync.Mutex // guards what follows
	entries   []*entry
	documents []reader.Parsed // of the entries
	untried   bool            // entries of the options have not been read yet
	current   *update         // nil before anything was read
	watchers  map[*watcher]struct{}
}

// entry is a source and what it held last.
type entry struct {
	src source.Source

	// Guarded by memory.mu.
	set     *source.ChangeSet
	kept    bool   // it is one of the loader's
	place   int    // among them
	tried   bool   // it was read, with or without success
	changes uint64 // how often set was replaced
}

func (m *memory) String() string { return name }

func (m *memory) Load(sources ...source.Source) error {
	if m.ctx.Err() != nil {
		return errClosed
	}
	var (
		errs      []error
		proposals []proposal
	)
	for _, src := range sources {
		set, err := src.Read()
		if err != nil {
			errs = append(errs, loadingError(src, err))
			continue
		}
		proposals = append(proposals, proposal{entry: &entry{src: src, tried: true}, set: set})
	}
	if len(proposals) > 0 {
		added, rejected := m.adopt(proposals)
		m.followAll(added)
		errs = append(errs, rejected...)
	}
	return errors.Join(errs...)
}

func loadingError(src source.Source, err error) error {
	return fmt.Errorf("error loading source %s: %w", src, err)
}

func (m *memory) Sync() error {
	var errs []error
	var proposals []proposal
	for _, p := range m.list() {
		set, err := p.entry.src.Read()
		if err != nil {
			errs = append(errs, loadingError(p.entry.src, err))
			continue
		}
		p.set = set
		proposals = append(proposals, p)
	}
	_, rejected := m.adopt(proposals)
	if errs = append(errs, rejected...); len(errs) > 0 {
		return fmt.Errorf("source loading errors: %w", errors.Join(errs...))
	}
	return nil
}

// list returns the entries as proposals without a set, and marks them as tried.
func (m *memory) list() []proposal {
	m.mu.Lock()
	defer m.mu.Unlock()
	proposals := make([]proposal, len(m.entries))
	for i, e := range m.entries {
		e.tried = true
		proposals[i] = proposal{entry: e, seen: e.changes}
	}
	m.untried = false
	return proposals
}

func (m *memory) Snapshot() (*loader.Snapshot, error) {
	u, err := m.loaded()
	if err != nil {
		return nil, err
	}
	snapshot, err := u.snapshot()
	if err != nil {
		return nil, err
	}
	return loader.Copy(snapshot), nil
}

// Defer returns the version of the snapshot that Snapshot would return, and a
// function that returns it. It does not merge before it is called.
func (m *memory) Defer() (version string, snapshot func() (*loader.Snapshot, error), err error) {
	u, err := m.loaded()
	if err != nil {
		return "", nil, err
	}
	return u.version, u.snapshot, nil
}

// loaded returns the current update, after reading what was never read.
func (m *memory) loaded() (*update, error) {
	m.mu.Lock()
	unread := m.current == nil || m.untried
	m.mu.Unlock()
	if unread {
		if err := m.Sync(); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil, errors.New("no values")
	}
	return m.current, nil
}

func (m *memory) Watch(path ...string) (loader.Watcher, error) {
	if m.opts.WithWatcherDisabled {
		return nil, loader.ErrWatcherDisabled
	}
	if m.ctx.Err() != nil {
		return nil, errClosed
	}
	if _, err := m.loaded(); err != nil {
		return nil, err
	}
	w := newWatcher(m, path)
	m.mu.Lock()
	m.watchers[w] = struct{}{}
	now := m.current
	m.mu.Unlock()
	w.last = now.at(w.path)
	return w, nil
}

func (m *memory) forget(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watchers, w)
}

// Close waits for the goroutines that watch sources, up to five seconds: a
// source whose Next ignores Stop is reported.
func (m *memory) Close() error {
	m.mu.Lock() // nobody starts to follow a source from here on
	m.cancel()
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		m.following.Wait()
		close(ended)
	}()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-ended:
		return nil
	case <-limit.C:
		return fmt.Errorf("close loader: a source still watches %v after it was told to stop", closeLimit)
	}
}
