// Package store keeps records under keys: a small key-value interface with one
// meaning on every backend.
//
//	s := store.NewMemoryStore()
//	err := s.Write(&store.Record{Key: "user/1", Value: []byte("ada")}, store.WriteTTL(time.Hour))
//	recs, err := s.Read("user/1")                      // ErrNotFound when missing or expired
//	recs, err = s.Read("user/", store.ReadPrefix())    // empty when nothing matches
//	keys, err := s.List(store.ListPrefix("user/"), store.ListLimit(10))
//
// Records live in a table of a database; both have defaults and can be chosen
// for each operation. What every implementation must do is written as rules in
// storetest, which runs them.
package store

import (
	"errors"
	"time"
)

// ErrNotFound is returned when a single key is read that does not exist or has
// expired.
var ErrNotFound = errors.New("not found")

// DefaultStore is the store of services that set none: a memory store.
var DefaultStore Store = NewStore()

// Store reads and writes records. All methods may be called from several
// goroutines at once. Records and values are copied in both directions: neither
// side sees later changes of the other.
type Store interface {
	// Init applies options and prepares the backend.
	Init(...Option) error
	// Options returns a copy of the options in effect.
	Options() Options
	// Read returns the record stored under key, or ErrNotFound. With ReadPrefix
	// or ReadSuffix it returns all live records whose key starts or ends with
	// key (both options: starts and ends), ordered by key in byte order, after
	// Offset and Limit; nothing matching is an empty result, not an error.
	Read(key string, opts ...ReadOption) ([]*Record, error)
	// Write stores a record, replacing one with the same key.
	Write(r *Record, opts ...WriteOption) error
	// Delete removes the record stored under key. A missing key is no error.
	Delete(key string, opts ...DeleteOption) error
	// List returns the live keys, ordered, filtered and limited as in Read.
	List(opts ...ListOption) ([]string, error)
	// Close releases what the store holds.
	Close() error
	// String names the implementation, e.g. "memory".
	String() string
}

// Record is a value under a key.
type Record struct {
	// Metadata describes the value; not every backend stores it.
	Metadata map[string]any `json:"metadata"`
	// Key names the record within its table. It is opaque to the store.
	Key string `json:"key"`
	// Value is the data.
	Value []byte `json:"value"`
	// Expiry is the lifetime left: 0 means for ever. A negative one is over:
	// writing such a record removes the key.
	Expiry time.Duration `json:"expiry,omitempty"`
}

// NewStore returns the default kind of store, a memory store.
func NewStore(opts ...Option) Store { return NewMemoryStore(opts...) }
