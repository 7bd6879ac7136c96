// Package config is dynamic configuration: values merged from any number of
// sources and reloaded while the program runs.
//
//	err := config.Load(
//		file.NewSource(file.WithPath("config.json")), // the base
//		env.NewSource(env.WithStrippedPrefix("MYAPP")), // wins over the file
//	)
//	address := config.Get("server", "address").String(":8080")
//
// Sources are merged in the order in which they were loaded. Objects are merged
// key by key; any other value is replaced by that of a later source. In strings,
// ${NAME} stands for an environment variable.
//
// A changed source takes effect by itself: the next Get returns the new value.
// [Watch] tells of it. A source that fails, or changes into a document that
// cannot be read, keeps what it held before, and the logger is told.
//
// Formats other than JSON are packages below config/encoder. A program that
// uses one gives it to the reader:
//
//	c, err := config.NewConfig(config.WithReader(
//		json.NewReader(reader.WithEncoder(yaml.NewEncoder()))))
//
// Reading values takes no lock and never waits for a source. The first read after a
// Load merges what was loaded.
package config

import (
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// Config is one configuration. All methods may be called concurrently.
type Config interface {
	// Values are those in effect. What Set and Del change stays in memory, and
	// is lost when the sources are loaded, synced or change.
	reader.Values
	// Init replaces the options by the defaults and opts, and loads their
	// sources anew. When that fails the old configuration stays in effect as
	// it was. A closed configuration is open again. Watchers stay and see the new values.
	Init(opts ...Option) error
	// Options returns the current options.
	Options() Options
	// Close stops following the sources and ends all watchers. Values stay
	// readable. Calling it again does nothing.
	Close() error
	// Load adds sources. The error names those that failed; the others are in
	// effect. They are merged when the configuration is read next.
	Load(source ...source.Source) error
	// Sync reads all sources again and merges them. What failed is named in the
	// error, and keeps the values it had.
	Sync() error
	// Watch tells of changes of the value at a path; without a path, of every
	// change.
	Watch(path ...string) (Watcher, error)
}

// Watcher tells of the changes of one value.
type Watcher interface {
	// Next blocks until the value differs from the one returned before, or from
	// the one there was when the watcher was made, and returns it. Values that
	// were replaced before Next was called are skipped. After Stop it returns
	// source.ErrWatcherStopped.
	Next() (reader.Value, error)
	// Stop ends the watcher and unblocks Next. It may be called concurrently
	// with Next, and again and again.
	Stop() error
}

// DefaultConfig is what the functions of this package work on. It has no
// sources, and does no work until it is given one.
var DefaultConfig Config = newConfig()

// NewConfig returns a configuration with the sources of its options loaded. It
// should be closed when it is no longer needed.
func NewConfig(opts ...Option) (Config, error) {
	c := newConfig()
	if err := c.Init(opts...); err != nil {
		return nil, closing(c, err)
	}
	return c, nil
}

// Bytes returns the values of DefaultConfig as JSON.
func Bytes() []byte { return DefaultConfig.Bytes() }

// Map returns a copy of the values of DefaultConfig.
func Map() map[string]any { return DefaultConfig.Map() }

// Scan decodes the values of DefaultConfig into what v points to.
func Scan(v any) error { return DefaultConfig.Scan(v) }

// Sync reads all sources of DefaultConfig again.
func Sync() error { return DefaultConfig.Sync() }

// Get returns a value of DefaultConfig.
func Get(path ...string) reader.Value { return DefaultConfig.Get(path...) }

// Load adds sources to DefaultConfig.
func Load(source ...source.Source) error { return DefaultConfig.Load(source...) }

// Watch watches a value of DefaultConfig.
func Watch(path ...string) (Watcher, error) { return DefaultConfig.Watch(path...) }
