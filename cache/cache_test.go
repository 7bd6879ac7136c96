package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/cache/cachetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	cachetest.Run(t, cachetest.Harness{
		New:      func(_ testing.TB, opts ...cache.Option) cache.Cache { return cache.NewCache(opts...) },
		Lifetime: 10 * time.Millisecond,
	})
}

func TestOptionsHaveDefaults(t *testing.T) {
	o := cache.NewOptions(cache.WithAddress("a"))
	if o.Expiration != cache.DefaultExpiration || o.Items == nil || o.Logger != logger.DefaultLogger || o.Address != "a" {
		t.Errorf("options are %+v", o)
	}
	if cache.DefaultCache.String() != "memory" {
		t.Errorf("the default is %q", cache.DefaultCache)
	}
}

func TestExpiredItemsAreForgottenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		c := cache.NewCache()
		must(t, c.Put(ctx, "short", 1, time.Second))
		must(t, c.Put(ctx, "long", 1, time.Hour))
		must(t, c.Put(ctx, "for ever", 1, -1))

		time.Sleep(30 * time.Second)
		wantErr(t, c, "short", cache.ErrItemExpired) // and stays so until it is swept
		time.Sleep(5 * time.Minute)
		wantErr(t, c, "short", cache.ErrKeyNotFound)
		wantErr(t, c, "long", nil)

		time.Sleep(2 * time.Hour)
		wantErr(t, c, "long", cache.ErrKeyNotFound)
		wantErr(t, c, "for ever", nil)

		must(t, c.Put(ctx, "again", 1, time.Second)) // after the sweeper had nothing left
		time.Sleep(5 * time.Minute)
		wantErr(t, c, "again", cache.ErrKeyNotFound)
	})
}

func TestAReplacedItemIsNotSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		c := cache.NewCache()
		must(t, c.Put(ctx, "key", 1, time.Second))
		must(t, c.Put(ctx, "key", 2, -1))
		must(t, c.Put(ctx, "other", 1, time.Second))
		must(t, c.Delete(ctx, "other"))
		time.Sleep(time.Hour)
		wantErr(t, c, "key", nil)
	})
}

func TestExpiredItemsCanBeDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.NewCache()
		must(t, c.Put(context.Background(), "key", 1, time.Second))
		time.Sleep(2 * time.Second)
		must(t, c.Delete(context.Background(), "key"))
		wantErr(t, c, "key", cache.ErrKeyNotFound)
	})
}

func TestTheItemsMapIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := map[string]cache.Item{
			"live": {Value: 1, Expiration: time.Now().Add(time.Hour).UnixNano()},
			"dead": {Value: 1, Expiration: time.Now().Add(-time.Hour).UnixNano()},
		}
		c := cache.NewCache(cache.Items(items))
		wantErr(t, c, "live", nil)
		wantErr(t, c, "dead", cache.ErrItemExpired)
		must(t, c.Put(context.Background(), "mine", 1, time.Hour))
		time.Sleep(3 * time.Hour)
		if len(items) != 2 {
			t.Errorf("the map has become %v", items)
		}
		items["yours"] = cache.Item{Value: 1}
		wantErr(t, c, "yours", cache.ErrKeyNotFound)
	})
}

func TestADoneContextEndsAnOperation(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	if err := cache.NewCache().Put(ctx, "key", 1, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestALifetimePastTheEndOfTimeIsForEver(t *testing.T) {
	c := cache.NewCache()
	must(t, c.Put(context.Background(), "key", 1, math.MaxInt64))
	wantErr(t, c, "key", nil)
}

func TestAnItemExpiresAtItsTimeOrNever(t *testing.T) {
	for name, tc := range map[string]struct {
		expiration int64
		want       bool
	}{
		"never":  {0, false},
		"past":   {1, true},
		"future": {math.MaxInt64, false},
	} {
		item := cache.Item{Expiration: tc.expiration}
		if got := item.Expired(); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, c cache.Cache, key string, want error) {
	t.Helper()
	if _, _, err := c.Get(context.Background(), key); !errors.Is(err, want) {
		t.Errorf("get of %q returned %v, want %v", key, err, want)
	}
}

func BenchmarkGet(b *testing.B) {
	c, ctx := cache.NewCache(), context.Background()
	_ = c.Put(ctx, "key", 1, time.Hour)
	for b.Loop() {
		_, _, _ = c.Get(ctx, "key")
	}
}

func ExampleNewCache() {
	ctx := context.Background()
	c := cache.NewCache(cache.Expiration(time.Minute))
	c.Put(ctx, "user/1", "Ada", 0) // for a minute

	name, _, err := c.Get(ctx, "user/1")
	fmt.Println(name, err)

	_, _, err = c.Get(ctx, "user/2")
	fmt.Println(err)
	// Output:
	// Ada <nil>
	// key not found in cache
}
