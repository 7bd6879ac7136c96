// Package cache is the interface to a key-value cache with expiry.
//
// A Cache holds values that can be had again from elsewhere, each for a limited
// time. NewCache makes one in memory; drivers for shared caches implement the
// same interface.
//
//	c := cache.NewCache(cache.Expiration(time.Minute))
//	err := c.Put(ctx, "user/1", user, 0) // for a minute
//	v, expires, err := c.Get(ctx, "user/1")
package cache

import (
	"context"
	"errors"
	"time"
)

var (
	// DefaultCache is a memory cache whose items never expire by themselves.
	DefaultCache Cache = NewCache()
	// DefaultExpiration stands, as the duration given to Put, for the cache's
	// own Expiration option. It is also that option's default, and read when a
	// cache is made.
	DefaultExpiration time.Duration = 0

	// ErrItemExpired is returned by Get for an item whose time is over. An item
	// expired for long is forgotten, and the answer becomes ErrKeyNotFound.
	ErrItemExpired = errors.New("item has expired")
	// ErrKeyNotFound is returned by Get and Delete for a key that is not there.
	ErrKeyNotFound = errors.New("key not found in cache")
)

// Cache holds values under keys. All methods may be called concurrently, and
// return the context's error when it is already done.
type Cache interface {
	// Get returns the value stored under key and when it expires; the time is
	// the Unix epoch for a value that never does. It fails with ErrKeyNotFound
	// or ErrItemExpired.
	Get(ctx context.Context, key string) (any, time.Time, error)
	// Put stores the value under key, replacing what was there. A positive
	// duration is its lifetime, DefaultExpiration stands for the lifetime set
	// by the Expiration option, and anything else means for ever.
	Put(ctx context.Context, key string, val any, d time.Duration) error
	// Delete removes the value stored under key, or fails with ErrKeyNotFound.
	// Deleting an expired item is not an error.
	Delete(ctx context.Context, key string) error
	// String names the implementation.
	String() string
}

// Item is a value in a cache.
type Item struct {
	// Value as it was put.
	Value any
	// Expiration in nanoseconds since the Unix epoch; 0 never expires.
	Expiration int64
}

// Expired reports whether the item's time is over.
func (i *Item) Expired() bool {
	return i.Expiration != 0 && time.Now().UnixNano() > i.Expiration
}
