package etcd

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/config/source"
)

type (
	addressKey     struct{}
	prefixKey      struct{}
	stripPrefixKey struct{}
	authKey        struct{}
	dialTimeoutKey struct{}
	defKeyKey      struct{}

	credentials struct{ user, password string }
)

// WithAddress sets the addresses of the servers: host and port, the latter 2379 if it
// is left out, or URLs, which may hold user and password. Default: 127.0.0.1:2379.
func WithAddress(a ...string) source.Option { return withValue(addressKey{}, a) }

// WithPrefix sets what the keys of the configuration begin with.
func WithPrefix(p string) source.Option { return withValue(prefixKey{}, p) }

// StripPrefix sets whether the prefix is no part of the configuration.
func StripPrefix(strip bool) source.Option { return withValue(stripPrefixKey{}, strip) }

// Auth sets user and password. Without it they are those of an address.
func Auth(username, password string) source.Option {
	return withValue(authKey{}, credentials{username, password})
}

// WithDialTimeout bounds connecting, and each question to the server; three seconds
// without it.
func WithDialTimeout(timeout time.Duration) source.Option {
	return withValue(dialTimeoutKey{}, timeout)
}

// UseDefKey sets whether an empty configuration is written under the prefix followed
// by DefaultKey before the first read, if there is nothing there: a prefix without
// keys is an error otherwise.
func UseDefKey(use bool) source.Option { return withValue(defKeyKey{}, use) }

func withValue(key, value any) source.Option {
	return func(o *source.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, key, value)
	}
}

// given returns the value of an option, or otherwise what there is without it.
func given[T any](o source.Options, key any, otherwise T) T {
	if o.Context != nil {
		if v, ok := o.Context.Value(key).(T); ok {
			return v
		}
	}
	return otherwise
}
