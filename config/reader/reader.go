// Package reader is the interface to what understands configuration: it merges
// the documents of several sources into one, and gives access to its values.
// The reader in reader/json is the one everybody uses.
package reader

import (
	"time"

	"github.com/justcy/go-micro/v4/config/source"
)

// Reader merges documents and reads the result. Its methods may be called
// concurrently.
type Reader interface {
	// Merge decodes the sets by their Format and merges them from left to
	// right: objects are merged key by key, and everything else is replaced by
	// what comes later. Sets that are nil or empty are skipped. The error names
	// the set that is broken.
	Merge(sets ...*source.ChangeSet) (*source.ChangeSet, error)
	// Values parses a merged set. Placeholders of environment variables are
	// replaced here, so that the set keeps them.
	Values(set *source.ChangeSet) (Values, error)
	// String names the format of merged sets.
	String() string
}

// Parser is an optional interface of readers, for those who merge documents again
// when one of them has changed.
type Parser interface {
	// Parse decodes a set by its Format. The error names the set. A set that is nil
	// or empty is no error.
	Parse(set *source.ChangeSet) (Parsed, error)
	// MergeParsed merges what Parse returned, as Merge merges sets, and changes
	// none of it. Nil is skipped.
	MergeParsed(documents ...Parsed) (*source.ChangeSet, error)
}

// Parsed is a document as a Parser knows it.
type Parsed any

// Values are the values of one document. All methods may be called
// concurrently; those that read take no lock.
type Values interface {
	// Bytes is the document in the reader's format. It must not be changed.
	Bytes() []byte
	// Get returns the value at a path of keys. It is never nil: accessors of a
	// missing value return their default. Elements of arrays have no key.
	Get(path ...string) Value
	// Set puts a value at a path, and objects wherever the path needs them.
	// Without a path it replaces the document. A value that has no form in the
	// reader's format is ignored.
	Set(val any, path ...string)
	// Del removes the value at a path; without a path, everything.
	Del(path ...string)
	// Map returns a copy of the document, or nil if it is no object.
	Map() map[string]any
	// Scan decodes the document into what v points to, as Value.Scan does.
	Scan(v any) error
}

// Value is one value of a document at the time it was asked for. The accessors
// return their argument, the default, when the value is missing or is not of
// their kind.
type Value interface {
	// Bool of a boolean, or of a string that strconv.ParseBool understands.
	Bool(def bool) bool
	// Int of an integral number, or of a string with one in decimal.
	Int(def int) int
	// String of a string alone: numbers and booleans are none.
	String(def string) string
	// Float64 of a number, or of a string with one.
	Float64(def float64) float64
	// Duration of a string such as 1m30s.
	Duration(def time.Duration) time.Duration
	// StringSlice of an array of strings, or of a string with commas.
	StringSlice(def []string) []string
	// StringMap of an object, its values formatted as by fmt.Sprint.
	StringMap(def map[string]string) map[string]string
	// Scan decodes the value into what val points to, by its json tags. Text that
	// Int, Float64, Bool or Duration would read is read into fields of these
	// kinds; other text is an error there. A missing value leaves val alone,
	// without an error.
	Scan(val any) error
	// Bytes is the text of a string, and any other value in the reader's
	// format. A missing value is null.
	Bytes() []byte
}
