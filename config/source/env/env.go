// Package env is the source of the process's environment variables.
//
// The name of a variable is split at its underscores into keys in lower case:
// DATABASE_HOST is the value host of database. A value is a number if it is an
// integer, a boolean if it is one of Go's ways to write them, and a string
// otherwise.
package env

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/config/internal/tree"
	"github.com/justcy/go-micro/v4/config/source"
)

// DefaultPrefixes are added to those of WithPrefix in sources that have a
// prefix of either kind. They are read when a source is made.
var DefaultPrefixes = []string{}

// NewSource returns the source. Without prefixes it has all variables; with
// prefixes only those that begin with one of them. The environment is read
// anew by each Read; changes of it are not watched.
func NewSource(opts ...source.Option) source.Source {
	options := source.NewOptions(opts...)
	kept, _ := options.Context.Value(prefixKey{}).([]string)
	stripped, _ := options.Context.Value(strippedPrefixKey{}).([]string)
	if len(kept)+len(stripped) > 0 {
		kept = append(underscored(DefaultPrefixes), kept...)
	}
	return &environment{opts: options, kept: kept, stripped: stripped}
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
		name, wanted := e.match(name)
		if !wanted {
			continue
		}
		settings = append(settings, tree.Setting{Path: strings.Split(strings.ToLower(name), "_"), Value: typed(value)})
	}
	data, err := e.opts.Encoder.Encode(tree.Build(settings))
	if err != nil {
		return nil, fmt.Errorf("encode the environment as %s: %w", e.opts.Encoder, err)
	}
	set := &source.ChangeSet{Data: data, Format: e.opts.Encoder.String(), Source: e.String(), Timestamp: time.Now()}
	set.Checksum = set.Sum()
	return set, nil
}

// match returns the part of a variable's name that counts.
func (e *environment) match(name string) (rest string, wanted bool) {
	for _, prefix := range e.stripped {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest, true
		}
	}
	for _, prefix := range e.kept {
		if strings.HasPrefix(name, prefix) {
			return name, true
		}
	}
	return name, len(e.kept)+len(e.stripped) == 0
}

func typed(value string) any {
	if i, err := strconv.Atoi(value); err == nil {
		return i
	}
	if b, err := strconv.ParseBool(value); err == nil {
		return b
	}
	return value
}

// Write does nothing.
func (e *environment) Write(*source.ChangeSet) error { return nil }
