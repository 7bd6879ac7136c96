// Package env is the source of the process's environment variables.
//
// The name of a variable is split at its underscores into keys in lower case:
// DATABASE_HOST is the value host of database. [source.WithSeparator] sets
// another separator, for keys that have underscores in them.
//
// Every value is the text that was given: 007 stays 007. Numbers, booleans and
// durations are read from it when they are asked for, by Int for example, or by
// Scan.
package env

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/tree"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// defaultSeparator parts the keys in a name, and ends every prefix.
const defaultSeparator = "_"

// DefaultPrefixes are added to those of WithPrefix in sources that have a
// prefix of either kind. They are read when a source is made.
var DefaultPrefixes = []string{}

// NewSource returns the source. Without prefixes it has all variables; with
// prefixes only those that begin with one of them. The environment is read
// anew by each Read; changes of it are not watched.
func NewSource(opts ...source.Option) source.Source {
	o := source.NewOptions(opts...)
	kept, _ := options.Value[prefixes](o.Context)
	stripped, _ := options.Value[strippedPrefixes](o.Context)
	if len(kept)+len(stripped) > 0 {
		kept = append(underscored(DefaultPrefixes), kept...)
	}
	return &environment{opts: o, kept: kept, stripped: stripped}
}

type environment struct {
	opts     source.Options
	kept     []string // prefixes that stay part of the name
	stripped []string // prefixes that do not
}

func (e *environment) String() string { return "env" }

func (e *environment) Read() (*source.ChangeSet, error) {
	var settings []tree.Setting
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if path := e.path(name); path != nil {
			settings = append(settings, tree.Setting{Path: path, Value: value})
		}
	}
	data, err := e.opts.Encoder.Encode(tree.Build(settings))
	if err != nil {
		return nil, fmt.Errorf("encode the environment as %s: %w", e.opts.Encoder, err)
	}
	set := &source.ChangeSet{Data: data, Format: e.opts.Encoder.String(), Source: e.String(), Timestamp: time.Now()}
	set.Checksum = set.Sum()
	return set, nil
}

// path returns the keys in a variable's name, nil if it is not selected.
func (e *environment) path(name string) []string {
	separator := cmp.Or(e.opts.Separator, defaultSeparator)
	for _, prefix := range e.stripped {
		if rest, ok := cutPrefix(name, prefix, separator); ok {
			return tree.Parts(rest, separator)
		}
	}
	for _, prefix := range e.kept {
		if rest, ok := cutPrefix(name, prefix, separator); ok {
			prefix = strings.TrimSuffix(prefix, defaultSeparator)
			return append(tree.Parts(prefix, separator), tree.Parts(rest, separator)...)
		}
	}
	if len(e.kept)+len(e.stripped) > 0 {
		return nil
	}
	return tree.Parts(name, separator)
}

// cutPrefix cuts a prefix, which ends in an underscore, and with it a separator
// that stands in place of the underscore.
func cutPrefix(name, prefix, separator string) (rest string, found bool) {
	if rest, found = strings.CutPrefix(name, strings.TrimSuffix(prefix, defaultSeparator)+separator); found {
		return rest, true
	}
	return strings.CutPrefix(name, prefix)
}

// Write does nothing.
func (e *environment) Write(*source.ChangeSet) error { return nil }
