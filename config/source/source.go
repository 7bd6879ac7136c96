// Package source is the interface to the places configuration comes from: files,
// the environment, flags, memory, or a server that others write to.
//
// A source gives its whole configuration as one [ChangeSet], now with Read and
// after every change with a [Watcher]. What the bytes mean is told by the
// Format of the set and understood by a reader; most sources need no more than
// to fetch bytes.
package source

import (
	"crypto/md5" //nolint:gosec // a fingerprint that others compare, not a protection
	"encoding/hex"
	"errors"
	"time"
)

// ErrWatcherStopped is the error of Next once its watcher was stopped.
var ErrWatcherStopped = errors.New("watcher stopped")

// Source is a place configuration comes from. Its methods may be called
// concurrently.
type Source interface {
	// Read returns the configuration as it is now. An empty set, with no Data,
	// is no error. The set belongs to the caller.
	Read() (*ChangeSet, error)
	// Write replaces the configuration. Sources that cannot be written ignore
	// it and return nil.
	Write(*ChangeSet) error
	// Watch begins to tell of changes. An error may be temporary: it is tried
	// again.
	Watch() (Watcher, error)
	// String names the source.
	String() string
}

// Locator is an optional interface of sources of which there may be several, so
// that errors can tell them apart.
type Locator interface {
	// Location tells where the source reads from, for example a file's path.
	Location() string
}

// Watcher tells of the changes of one source.
type Watcher interface {
	// Next blocks until the configuration has changed, or may have, and returns
	// all of it. Loaders find out whether it is what they had.
	// After Stop it returns ErrWatcherStopped, or another error. After any
	// error but that the watcher may be asked again or opened anew.
	Next() (*ChangeSet, error)
	// Stop ends the watcher and unblocks Next. It may be called concurrently
	// with Next, and again and again.
	Stop() error
}

// ChangeSet is the whole configuration of one source at one time.
type ChangeSet struct {
	Data      []byte    // in Format; shared, and never changed once in a set
	Checksum  string    // of Data: see Sum
	Format    string    // the name of the encoder of Data, for example json
	Source    string    // the name of the source
	Timestamp time.Time // when Data was last changed, or read if that is unknown
}

// Sum returns the checksum of the Data: its MD5 in lower case hexadecimal.
func (c *ChangeSet) Sum() string {
	sum := md5.Sum(c.Data) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}
