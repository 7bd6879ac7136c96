// Package cachetest checks that a cache.Cache keeps the rules of its interface.
// A driver runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		cachetest.Run(t, cachetest.Harness{
//			New: func(t testing.TB, opts ...cache.Option) cache.Cache {
//				return redis.NewRedisCache(append(opts, cache.WithAddress(url))...)
//			},
//		})
//	}
package cachetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Harness makes the caches to test, and says what they cannot do. The zero
// value of every field but New suits a cache in memory.
type Harness struct {
	// New returns a cache with the options, ready for use. It registers with t
	// whatever must be cleaned up. Caches may share a backend: keys are unique.
	New func(t testing.TB, opts ...cache.Option) cache.Cache
	// Lifetime is the shortest lifetime the backend can tell from none, and how
	// long it may take to see that one is over; a second when zero.
	Lifetime time.Duration
	// NoAnyValue: values come back as bytes or strings; values of other types
	// cannot be kept.
	NoAnyValue bool
	// NoExpiredError: an expired item is answered with ErrKeyNotFound.
	NoExpiredError bool
	// NoMissingDelete: deleting a key that is not there is no error.
	NoMissingDelete bool
	// NoItems: the Items option is not supported.
	NoItems bool
	// NoExpiration: the Expiration option is not supported.
	NoExpiration bool
}

// Run checks every rule, each in a subtest named after it.
func Run(t *testing.T, h Harness) {
	conformance.Run(t, h, rules)
}

func (h Harness) lifetime() time.Duration {
	if h.Lifetime <= 0 {
		return time.Second
	}
	return h.Lifetime
}

var keys atomic.Uint64

// newKey returns a key no other test of any process uses.
func newKey(t testing.TB) string {
	return fmt.Sprintf("%s/%d/%d", t.Name(), time.Now().UnixNano(), keys.Add(1))
}
