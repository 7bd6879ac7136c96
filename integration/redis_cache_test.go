package integration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/cache/cachetest"
	rediscache "github.com/justcy/go-micro/v4/cache/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

func newRedisCache(t testing.TB, opts ...cache.Option) cache.Cache {
	c := rediscache.NewCache(append([]cache.Option{cache.WithAddress(servers.Redis(t))}, opts...)...)
	t.Cleanup(func() { c.(interface{ Close() error }).Close() })
	return c
}

func TestRedisCache(t *testing.T) {
	servers.Redis(t)
	cachetest.Run(t, cachetest.Harness{
		New:        func(t testing.TB, opts ...cache.Option) cache.Cache { return newRedisCache(t, opts...) },
		Lifetime:   50 * time.Millisecond,
		NoAnyValue: true, NoExpiredError: true, NoItems: true,
	})
}

func TestRedisCacheKeepsWhatGoMicroV4Keeps(t *testing.T) {
	ctx, key := context.Background(), unique("cache:")
	c, raw := newRedisCache(t), redisClient(t, servers.Redis(t))
	must(t, c.Put(ctx, key, "lamp", 1500*time.Millisecond+time.Minute))
	if got := raw.Get(ctx, key).Val(); got != "lamp" {
		t.Errorf("the server has %q", got)
	}
	if left := raw.PTTL(ctx, key).Val(); left > 61500*time.Millisecond || left < 30*time.Second {
		t.Errorf("%v left", left)
	}
	must(t, raw.Set(ctx, key, "shelf", 0).Err())
	v, expires, err := c.Get(ctx, key)
	if b, ok := v.([]byte); !ok || string(b) != "shelf" || err != nil || !expires.Equal(time.Unix(0, 0)) {
		t.Errorf("got %v, %v, %v", v, expires, err)
	}
}

func TestRedisCacheRefusesWhatRedisCannotHold(t *testing.T) {
	ctx, key := context.Background(), unique("cache:")
	c := newRedisCache(t)
	if err := c.Put(ctx, key, struct{ A int }{1}, 0); err == nil {
		t.Error("a struct is taken")
	}
	if _, _, err := c.Get(ctx, key); !errors.Is(err, cache.ErrKeyNotFound) {
		t.Errorf("got %v", err)
	}
}
