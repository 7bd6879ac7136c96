package integration_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/cache"
	rediscache "github.com/justcy/go-micro/v4/cache/redis"
	"github.com/justcy/go-micro/v4/cache/cachetest"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	redisstore "github.com/justcy/go-micro/v4/store/redis"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func TestRedisStore(t *testing.T) {
	url := servers.Redis(t)
	storetest.Run(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			s := redisstore.NewStore(store.Nodes(url))
			t.Cleanup(func() { s.Close() })
			return s
		},
		NoDatabases: true, NoMetadata: true, NoTablePrefixes: true,
	})
}

func TestRedisCache(t *testing.T) {
	url := servers.Redis(t)
	cachetest.Run(t, cachetest.Harness{
		New: func(t testing.TB, opts ...cache.Option) cache.Cache {
			c := rediscache.NewCache(append(opts, cache.WithAddress(url))...)
			t.Cleanup(func() { c.(interface{ Close() error }).Close() })
			return c
		},
		NoAnyValue: true, NoExpiredError: true, NoItems: true,
	})
}
