package redis

import (
	"context"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/store"
)

type universalKey struct{}

// WithRedisOptions sets what a URL does not say: pools, timeouts, Sentinel, TLS.
// What is set here wins over the node's URL; Addrs are used when there are no
// nodes.
func WithRedisOptions(options redis.UniversalOptions) store.Option {
	return func(o *store.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, universalKey{}, options)
	}
}

func universalOptions(o store.Options) redis.UniversalOptions {
	if o.Context == nil {
		return redis.UniversalOptions{}
	}
	options, _ := o.Context.Value(universalKey{}).(redis.UniversalOptions)
	return options
}
