package redis

import (
	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/internal/options"
)

type universal redis.UniversalOptions

// WithRedisOptions sets what an address does not say: pools, timeouts, Sentinel,
// TLS. What is set here wins over the address; Addrs are used when there is none.
func WithRedisOptions(opts redis.UniversalOptions) cache.Option {
	return func(o *cache.Options) { o.Context = options.Put(o.Context, universal(opts)) }
}

func universalOptions(o cache.Options) redis.UniversalOptions {
	u, _ := options.Value[universal](o.Context)
	return redis.UniversalOptions(u)
}
