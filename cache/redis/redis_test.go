package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/cache/redis"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheCacheIsKnownByItsName(t *testing.T) {
	c := redis.NewCache()
	defer c.(io.Closer).Close()
	if cmd.DefaultCaches["redis"] == nil || c.String() != "redis" {
		t.Error("the cache redis is not known")
	}
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	for _, address := range []string{fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), "http://127.0.0.1"} {
		c := redis.NewCache(cache.WithAddress(address))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, _, getErr := c.Get(ctx, "key")
		for call, err := range map[string]error{"Get": getErr, "Put": c.Put(ctx, "key", "v", 0), "Delete": c.Delete(ctx, "key")} {
			if err == nil || errors.Is(err, cache.ErrKeyNotFound) {
				t.Errorf("%s: %s: %v", address, call, err)
			}
		}
		cancel()
		for range 2 {
			if err := c.(io.Closer).Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
