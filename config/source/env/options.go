package env

import (
	"context"
	"strings"

	"github.com/justcy/go-micro/v4/config/source"
)

type (
	prefixKey         struct{}
	strippedPrefixKey struct{}
)

// WithPrefix selects the variables whose names begin with one of the prefixes,
// followed by an underscore. The prefix is part of the path: with prefix APP
// the variable APP_PORT is the value port of app. Case matters.
func WithPrefix(p ...string) source.Option {
	return value(prefixKey{}, underscored(p))
}

// WithStrippedPrefix is WithPrefix for prefixes that are no part of the path:
// with prefix APP the variable APP_PORT is the value port.
func WithStrippedPrefix(p ...string) source.Option {
	return value(strippedPrefixKey{}, underscored(p))
}

func value(key, v any) source.Option {
	return func(o *source.Options) {
		if o.Context == nil {
			o.Context = context.Background()
		}
		o.Context = context.WithValue(o.Context, key, v)
	}
}

// underscored returns the prefixes, each ending in an underscore.
func underscored(prefixes []string) []string {
	result := make([]string, len(prefixes))
	for i, p := range prefixes {
		result[i] = strings.TrimSuffix(p, defaultSeparator) + defaultSeparator
	}
	return result
}
