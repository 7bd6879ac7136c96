package redis

import (
	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

type universal redis.UniversalOptions

// WithRedisOptions sets what a URL does not say: pools, timeouts, Sentinel, TLS.
// What is set here wins over the node's URL; Addrs are used when there are no
// nodes.
func WithRedisOptions(opts redis.UniversalOptions) store.Option {
	return func(o *store.Options) { o.Context = options.Put(o.Context, universal(opts)) }
}

func universalOptions(o store.Options) redis.UniversalOptions {
	u, _ := options.Value[universal](o.Context)
	return redis.UniversalOptions(u)
}
