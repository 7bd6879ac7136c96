package redis

import (
	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/sync"
)

type universal redis.UniversalOptions

// WithRedisOptions sets what the nodes cannot say. It wins over what is in their
// URLs; its own addresses count when there are no nodes.
func WithRedisOptions(o redis.UniversalOptions) sync.Option {
	return func(s *sync.Options) { s.Context = options.Put(s.Context, universal(o)) }
}

// redisOptions returns the options that were given.
func redisOptions(o sync.Options) redis.UniversalOptions {
	u, _ := options.Value[universal](o.Context)
	ro := redis.UniversalOptions(u)
	if o.TLSConfig != nil {
		ro.TLSConfig = o.TLSConfig
	}
	return ro
}
