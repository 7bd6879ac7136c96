package cachetest_test

import (
	"context"
	"path"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/cache/cachetest"
)

// broken is a good cache with one defect.
type broken struct {
	cache.Cache
	get    func(cache.Cache, context.Context, string) (any, time.Time, error)
	put    func(cache.Cache, context.Context, string, any, time.Duration) error
	delete func(cache.Cache, context.Context, string) error
}

func (b broken) Get(ctx context.Context, key string) (any, time.Time, error) {
	if b.get == nil {
		return b.Cache.Get(ctx, key)
	}
	return b.get(b.Cache, ctx, key)
}

func (b broken) Put(ctx context.Context, key string, v any, d time.Duration) error {
	if b.put == nil {
		return b.Cache.Put(ctx, key, v, d)
	}
	return b.put(b.Cache, ctx, key, v, d)
}

func (b broken) Delete(ctx context.Context, key string) error {
	if b.delete == nil {
		return b.Cache.Delete(ctx, key)
	}
	return b.delete(b.Cache, ctx, key)
}

func TestBrokenCachesFailByTheRightRule(t *testing.T) {
	for name, tc := range map[string]struct {
		defect broken
		rule   string
	}{
		"nothing is kept": {
			broken{put: func(cache.Cache, context.Context, string, any, time.Duration) error { return nil }},
			"a value that was put is returned by get",
		},
		"the first put wins": {
			broken{put: func(c cache.Cache, ctx context.Context, k string, v any, d time.Duration) error {
				if _, _, err := c.Get(ctx, k); err == nil {
					return nil
				}
				return c.Put(ctx, k, v, d)
			}},
			"the second put of a key replaces the value",
		},
		"a missing key is no error": {
			broken{get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				v, when, err := c.Get(ctx, k)
				if err == cache.ErrKeyNotFound {
					err = nil
				}
				return v, when, err
			}},
			"get of an unknown key fails with ErrKeyNotFound",
		},
		"errors come with a time": {
			broken{get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				v, when, err := c.Get(ctx, k)
				if err != nil {
					when = time.Now()
				}
				return v, when, err
			}},
			"a failed get returns no value and the zero time",
		},
		"never is the zero time": {
			broken{get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				v, when, err := c.Get(ctx, k)
				if when.UnixNano() == 0 {
					when = time.Time{}
				}
				return v, when, err
			}},
			"an item without a lifetime expires at the Unix epoch, which is never",
		},
		"the expiry is not returned": {
			broken{get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				v, when, err := c.Get(ctx, k)
				if err == nil {
					when = time.Unix(0, 0)
				}
				return v, when, err
			}},
			"get returns when the item expires",
		},
		"expired is unknown": {
			broken{get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				v, when, err := c.Get(ctx, k)
				if err == cache.ErrItemExpired {
					err = cache.ErrKeyNotFound
				}
				return v, when, err
			}},
			"get of an expired item fails with ErrItemExpired",
		},
		"nothing expires": {
			broken{put: func(c cache.Cache, ctx context.Context, k string, v any, _ time.Duration) error {
				return c.Put(ctx, k, v, -1)
			}},
			"an item is gone when its lifetime is over",
		},
		"delete does nothing": {
			broken{delete: func(c cache.Cache, ctx context.Context, k string) error {
				_, _, err := c.Get(ctx, k)
				return err
			}},
			"a deleted key is unknown",
		},
		"delete of nothing succeeds": {
			broken{delete: func(c cache.Cache, ctx context.Context, k string) error {
				if err := c.Delete(ctx, k); err != cache.ErrKeyNotFound {
					return err
				}
				return nil
			}},
			"delete of an unknown key fails with ErrKeyNotFound",
		},
		"keys are cleaned as paths": {
			broken{put: func(c cache.Cache, ctx context.Context, k string, v any, d time.Duration) error {
				return c.Put(ctx, path.Clean(k), v, d)
			}, get: func(c cache.Cache, ctx context.Context, k string) (any, time.Time, error) {
				return c.Get(ctx, path.Clean(k))
			}},
			"odd keys are kept as they are, or refused",
		},
		"put ignores the context": {
			broken{put: func(c cache.Cache, _ context.Context, k string, v any, d time.Duration) error {
				return c.Put(context.Background(), k, v, d)
			}},
			"a context that is done fails every call with its error",
		},
		"values become strings": {
			broken{put: func(c cache.Cache, ctx context.Context, k string, v any, d time.Duration) error {
				if s, ok := v.(string); ok {
					return c.Put(ctx, k, s, d)
				}
				return c.Put(ctx, k, "other", d)
			}},
			"values of any type come back as they were",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := cachetest.Broken(t, cachetest.Harness{New: func(_ testing.TB, opts ...cache.Option) cache.Cache {
					tc.defect.Cache = cache.NewCache(opts...)
					return tc.defect
				}})
				if !slices.Contains(got, tc.rule) {
					t.Errorf("the rule %q held; broken were %q", tc.rule, got)
				}
			})
		})
	}
}

func TestTheSharedMapAndTheOptionsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := cachetest.Broken(t, cachetest.Harness{New: func(testing.TB, ...cache.Option) cache.Cache {
			return cache.NewCache() // ignores all options
		}})
		want := []string{
			"the Expiration option is the lifetime of items put without one",
			"the Items option fills the cache, and its map stays the caller's",
		}
		if !slices.Equal(got, want) {
			t.Errorf("broken were %q, want %q", got, want)
		}
	})
}

func TestFlagsExcuseACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := cachetest.Broken(t, cachetest.Harness{
			New:          func(testing.TB, ...cache.Option) cache.Cache { return cache.NewCache() },
			NoExpiration: true,
			NoItems:      true,
		})
		if len(got) != 0 {
			t.Errorf("broken were %q", got)
		}
	})
}
