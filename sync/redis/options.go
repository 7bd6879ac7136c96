package redis

import (
	"context"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/sync"
)

type optionsKey struct{}

// WithRedisOptions sets what the nodes cannot say. It wins over what is in their
// URLs; its own addresses count when there are no nodes.
func WithRedisOptions(o redis.UniversalOptions) sync.Option {
	return func(s *sync.Options) {
		ctx := s.Context
		if ctx == nil {
			ctx = context.Background()
		}
		s.Context = context.WithValue(ctx, optionsKey{}, o)
	}
}

// redisOptions returns the options that were given.
func redisOptions(o sync.Options) redis.UniversalOptions {
	var ro redis.UniversalOptions
	if o.Context != nil {
		ro, _ = o.Context.Value(optionsKey{}).(redis.UniversalOptions)
	}
	if o.TLSConfig != nil {
		ro.TLSConfig = o.TLSConfig
	}
	return ro
}
