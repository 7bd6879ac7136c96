// Package loader is the interface to what keeps sources loaded: it reads them,
// watches them, and merges what they hold into one snapshot after another. The
// loader in loader/memory is the one everybody uses.
package loader

import (
	"context"
	"errors"

	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// ErrWatcherDisabled is the error of Watch in a loader that does not watch its
// sources.
var ErrWatcherDisabled = errors.New("watcher is disabled")

// Loader keeps sources loaded. Its methods may be called concurrently.
type Loader interface {
	// Close stops watching the sources and ends every watcher. Calling it again
	// does nothing.
	Close() error
	// Load reads further sources, which from then on are watched. Sources that
	// fail are named in the error and not kept; the others are.
	Load(...source.Source) error
	// Snapshot returns what the sources held last, merged.
	Snapshot() (*Snapshot, error)
	// Sync reads all sources again. What failed is named in the error, and
	// stays as it was.
	Sync() error
	// Watch tells of changes of the value at a path; without a path, of every
	// change.
	Watch(path ...string) (Watcher, error)
	// String names the loader.
	String() string
}

// Deferrer is an optional interface of loaders that merge when somebody wants to
// know, so that loading many sources one by one merges once.
type Deferrer interface {
	// Defer returns the version of the snapshot that Snapshot would return, and a
	// function that makes it.
	Defer() (version string, snapshot func() (*Snapshot, error), err error)
}

// Watcher tells of the changes of one value.
type Watcher interface {
	// Next blocks until the value differs from the one returned before, or from
	// the one there was when the watcher was made. After Stop it returns
	// source.ErrWatcherStopped.
	Next() (*Snapshot, error)
	// Stop ends the watcher and unblocks Next. It may be called concurrently
	// with Next, and again and again.
	Stop() error
}

// Snapshot is the merged configuration at one time.
type Snapshot struct {
	// ChangeSet is the configuration, in the reader's format.
	ChangeSet *source.ChangeSet
	// Version grows with every snapshot of a loader; versions are compared as
	// strings.
	Version string
}

// Copy returns a copy of a snapshot with a ChangeSet of its own. The Data is
// shared.
func Copy(s *Snapshot) *Snapshot {
	set := *s.ChangeSet
	return &Snapshot{ChangeSet: &set, Version: s.Version}
}

// Options of a loader.
type Options struct {
	// Reader that merges. Default: the JSON reader.
	Reader reader.Reader

	// Source holds the sources there are from the beginning.
	Source []source.Source

	// Context holds the options of one kind of loader, and ends its work when
	// it is done. Default: the background context.
	Context context.Context

	// WithWatcherDisabled keeps the loader from watching its sources, and
	// others from watching it.
	WithWatcherDisabled bool
}

// Option changes Options.
type Option func(o *Options)
