package cache

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/expiring"
)

const (
	// retention is how long an expired item is kept, so that Get can tell expired
	// from unknown. It is also the pause between two sweeps.
	retention = time.Minute
	// sweepStep is how many items are forgotten at a time, while nobody else can
	// use the cache.
	sweepStep = 64
)

// NewCache returns a cache in memory. It needs no closing: it owns no goroutine,
// and sweeps expired items with a timer that runs only while there are items
// that can expire.
func NewCache(opts ...Option) Cache {
	options := NewOptions(opts...)
	c := &memory{
		expiration:        options.Expiration,
		defaultExpiration: DefaultExpiration,
		items:             expiring.New(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, item := range options.Items {
		c.set(key, item)
	}
	return c
}

type memory struct {
	expiration        time.Duration // what defaultExpiration stands for in Put
	defaultExpiration time.Duration

	mu       sync.RWMutex
	items    *expiring.Map // of *Item
	sweeping bool          // a timer will call sweep
}

func (c *memory) String() string { return "memory" }

func (c *memory) Get(ctx context.Context, key string) (any, time.Time, error) {
	if err := done(ctx); err != nil {
		return nil, time.Time{}, err
	}
	c.mu.RLock()
	item, ok := c.items.Get(key).(*Item)
	c.mu.RUnlock()

	switch {
	case !ok:
		return nil, time.Time{}, ErrKeyNotFound
	case item.Expired():
		return nil, time.Time{}, ErrItemExpired
	}
	return item.Value, time.Unix(0, item.Expiration), nil
}

func (c *memory) Put(ctx context.Context, key string, val any, d time.Duration) error {
	if err := done(ctx); err != nil {
		return err
	}
	if d == c.defaultExpiration {
		d = c.expiration
	}
	item := Item{Value: val, Expiration: deadline(d)}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(key, item)
	return nil
}

func (c *memory) Delete(ctx context.Context, key string) error {
	if err := done(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.items.Delete(key) {
		return ErrKeyNotFound
	}
	return nil
}

// set stores the item; c.mu must be held.
func (c *memory) set(key string, item Item) {
	c.items.Set(key, &item, item.Expiration)
	if item.Expiration != 0 && !c.sweeping {
		c.sweeping = true
		time.AfterFunc(retention, c.sweep)
	}
}

// sweep forgets what expired longer than the retention ago, a few items at a
// time, and comes again for as long as there is something left that can expire.
func (c *memory) sweep() {
	oldest := time.Now().Add(-retention).UnixNano()
	for c.sweepSome(oldest) {
	}
}

// sweepSome reports whether there is more to forget now.
func (c *memory) sweepSome(oldest int64) (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items.RemoveEnded(oldest, sweepStep, nil) {
		return true
	}
	if _, c.sweeping = c.items.First(); c.sweeping {
		time.AfterFunc(retention, c.sweep)
	}
	return false
}

// deadline returns the expiration of an item with this lifetime from now on.
func deadline(d time.Duration) int64 {
	now := time.Now().UnixNano()
	if d <= 0 || int64(d) > math.MaxInt64-now {
		return 0
	}
	return now + int64(d)
}

// done returns the error of a context that has ended.
func done(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ctx.Err()
}
