// Package flag is the source of the flags that the program defined with Go's
// flag package.
//
// The name of a flag is split at its dashes and underscores into keys in lower
// case: -database-host is the value host of database. [source.WithSeparator]
// sets another separator, for keys that have dashes or underscores in them.
//
// Every value is text, a duration 1m30s for example, and read as a number, a
// boolean or a duration when that is asked for.
package flag

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/tree"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

var errNotParsed = errors.New("flags not parsed")

// includeUnset is what the option of this package puts into its context.
type includeUnset bool

// IncludeUnset tells whether flags that were not given count, with their
// defaults. By default they do not.
func IncludeUnset(b bool) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, includeUnset(b)) }
}

// NewSource returns the source. Read fails until flag.Parse was called.
func NewSource(opts ...source.Option) source.Source {
	return &flags{opts: source.NewOptions(opts...)}
}

type flags struct {
	opts source.Options
}

func (f *flags) String() string { return "flag" }

func (f *flags) Read() (*source.ChangeSet, error) {
	if !flag.Parsed() {
		return nil, errNotParsed
	}
	data, err := f.opts.Encoder.Encode(tree.Build(f.settings()))
	if err != nil {
		return nil, fmt.Errorf("encode the flags as %s: %w", f.opts.Encoder, err)
	}
	set := &source.ChangeSet{Data: data, Format: f.opts.Encoder.String(), Source: f.String(), Timestamp: time.Now()}
	set.Checksum = set.Sum()
	return set, nil
}

func (f *flags) settings() []tree.Setting {
	given := map[string]bool{}
	flag.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	all, _ := options.Value[includeUnset](f.opts.Context)

	var settings []tree.Setting
	flag.VisitAll(func(fl *flag.Flag) {
		path := tree.Split(fl.Name, f.opts.Separator)
		if len(path) == 0 || !given[fl.Name] && !bool(all) {
			return
		}
		settings = append(settings, tree.Setting{Path: path, Value: text(fl.Value), Unset: !given[fl.Name]})
	})
	return settings
}

func text(value flag.Value) string {
	if getter, ok := value.(flag.Getter); ok {
		if f, ok := getter.Get().(float64); ok {
			return tree.Text(f)
		}
	}
	return value.String()
}

// Write does nothing.
func (f *flags) Write(*source.ChangeSet) error { return nil }

// Watch returns a watcher that never sees a change.
func (f *flags) Watch() (source.Watcher, error) { return source.NewNoopWatcher() }
