// Package redis is a cache on Redis, shared by all processes that use the server.
//
//	c := redis.NewCache(cache.WithAddress("redis://:secret@10.0.0.1:6379/3"), cache.Expiration(time.Minute))
//	err := c.Put(ctx, "user/1", "Ada", 0) // for a minute
//	v, expires, err := c.Get(ctx, "user/1")
//	name := string(v.([]byte))
//
// Keys are Redis' keys as they are. Values are what Redis can hold: strings,
// []byte, numbers, bool, time.Time and encoding.BinaryMarshaler; they come back as
// []byte. Redis forgets an item when it expires, to the millisecond, so that Get
// answers with cache.ErrKeyNotFound and never with cache.ErrItemExpired. The
// option cache.Items has no effect.
//
// The cache connects when it is first used. A call ends when its context does; one
// whose context has no deadline may take as long as the client's timeouts and
// retries, about ten seconds by default. A cache that is not needed any more can
// be closed: it is an io.Closer.
package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultCaches["redis"] = NewCache }

type redisCache struct {
	client redis.UniversalClient
	failed error // of the address; the client is nil

	expiration        time.Duration // what defaultExpiration stands for in Put
	defaultExpiration time.Duration
}

// NewCache returns a cache on the server of the address option,
// redis://127.0.0.1:6379 by default. An address that is none fails the first use.
func NewCache(opts ...cache.Option) cache.Cache {
	options := cache.NewOptions(opts...)
	var addrs []string
	if options.Address != "" {
		addrs = strings.Split(options.Address, ",")
	}
	client, err := redisclient.New(addrs, universalOptions(options))
	return &redisCache{
		client: client, failed: err,
		expiration: options.Expiration, defaultExpiration: cache.DefaultExpiration,
	}
}

func (c *redisCache) String() string { return "redis" }

// Close closes the connections; calls fail afterwards.
func (c *redisCache) Close() error {
	if c.client == nil {
		return nil
	}
	if err := c.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("closing the redis cache: %w", err)
	}
	return nil
}

func (c *redisCache) Get(ctx context.Context, key string) (any, time.Time, error) {
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	// In a transaction, so that no other value comes with the lifetime of this one.
	var value *redis.StringCmd
	var lifetime *redis.DurationCmd
	_, err = c.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		value, lifetime = p.Get(ctx, key), p.PTTL(ctx, key)
		return nil
	})
	switch {
	case errors.Is(err, redis.Nil):
		return nil, time.Time{}, cache.ErrKeyNotFound
	case err != nil:
		return nil, time.Time{}, failed("getting", key, err)
	}
	expires := time.Unix(0, 0)
	if left := lifetime.Val(); left > 0 {
		expires = time.Now().Add(left)
	}
	return []byte(value.Val()), expires, nil
}

func (c *redisCache) Put(ctx context.Context, key string, val any, d time.Duration) error {
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	if d == c.defaultExpiration {
		d = c.expiration
	}
	// Redis counts milliseconds.
	d = max(0, d+time.Millisecond-1).Truncate(time.Millisecond)
	if err := c.client.Set(ctx, key, val, d).Err(); err != nil {
		return failed("putting", key, err)
	}
	return nil
}

func (c *redisCache) Delete(ctx context.Context, key string) error {
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	n, err := c.client.Del(ctx, key).Result()
	if err != nil {
		return failed("deleting", key, err)
	}
	if n == 0 {
		return cache.ErrKeyNotFound
	}
	return nil
}

// start returns the context of a call, or why there can be none.
func (c *redisCache) start(ctx context.Context) (context.Context, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.failed != nil {
		return nil, fmt.Errorf("redis cache: %w", c.failed)
	}
	return ctx, nil
}

func failed(doing, key string, err error) error {
	return fmt.Errorf("redis cache: %s %.80q: %w", doing, key, err)
}
