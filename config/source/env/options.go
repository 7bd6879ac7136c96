package env

import (
	"strings"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// What the options of this package put into their context.
type (
	prefixes         []string
	strippedPrefixes []string
)

// WithPrefix selects the variables whose names begin with one of the prefixes,
// followed by an underscore. The prefix is part of the path: with prefix APP
// the variable APP_PORT is the value port of app. Case matters.
func WithPrefix(p ...string) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, prefixes(underscored(p))) }
}

// WithStrippedPrefix is WithPrefix for prefixes that are no part of the path:
// with prefix APP the variable APP_PORT is the value port.
func WithStrippedPrefix(p ...string) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, strippedPrefixes(underscored(p))) }
}

// underscored returns the prefixes, each ending in an underscore.
func underscored(prefixes []string) []string {
	result := make([]string, len(prefixes))
	for i, p := range prefixes {
		result[i] = strings.TrimSuffix(p, defaultSeparator) + defaultSeparator
	}
	return result
}
