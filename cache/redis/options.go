package redis

import (
	"context"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/cache"
)

type universalKey struct{}

// WithRedisOptions sets what an address does not say: pools, timeouts, Sentinel,
// TLS. What is set here wins over the address; Addrs are used when there is none.
func WithRedisOptions(options redis.UniversalOptions) cache.Option {
	return func(o *cache.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, universalKey{}, options)
	}
}

func universalOptions(o cache.Options) redis.UniversalOptions {
	if o.Context == nil {
		return redis.UniversalOptions{}
	}
	options, _ := o.Context.Value(universalKey{}).(redis.UniversalOptions)
	return options
}
