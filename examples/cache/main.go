// Cache keeps the answers of something slow, in memory or in a Redis that several
// processes share.
//
//	go run ./examples/cache
//	go run ./examples/cache -redis redis://127.0.0.1:6379
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/cache/redis"
)

func main() {
	address := flag.String("redis", "", "URL of a Redis `server`; without it the cache is in memory")
	flag.Parse()
	c := cache.NewCache(cache.Expiration(time.Minute))
	if *address != "" {
		c = redis.NewCache(cache.WithAddress(*address), cache.Expiration(time.Minute))
	}
	if closer, ok := c.(io.Closer); ok {
		defer closer.Close()
	}
	if err := run(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, "cache:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c cache.Cache) error {
	if err := c.Delete(ctx, "weather/Berlin"); err != nil && !errors.Is(err, cache.ErrKeyNotFound) {
		return err
	}
	for range 2 {
		weather, err := forecast(ctx, c, "Berlin")
		if err != nil {
			return err
		}
		fmt.Println("Berlin:", weather)
	}
	return nil
}

// forecast returns the weather from the cache, and asks for it when it is not
// there.
func forecast(ctx context.Context, c cache.Cache, city string) (string, error) {
	key := "weather/" + city
	value, _, err := c.Get(ctx, key)
	switch {
	case err == nil:
		return text(value), nil
	case !errors.Is(err, cache.ErrKeyNotFound) && !errors.Is(err, cache.ErrItemExpired):
		return "", err
	}
	fmt.Println("asking for the weather in", city)
	weather := "sunny"
	// No time of its own: it is kept for as long as the cache was told.
	return weather, c.Put(ctx, key, weather, cache.DefaultExpiration)
}

// text returns a value as text, which Redis returns as bytes.
func text(value any) string {
	if b, ok := value.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(value)
}
