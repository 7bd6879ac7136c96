package cache

import (
	"container/heap"
	"context"
	"math"
	"sync"
	"time"
)

// retention is how long an expired item is kept, so that Get can tell expired
// from unknown. It is also the pause between two sweeps.
const retention = time.Minute

// NewCache returns a cache in memory. It needs no closing: it owns no goroutine,
// and sweeps expired items with a timer that runs only while there are items
// that can expire.
func NewCache(opts ...Option) Cache {
	options := NewOptions(opts...)
	c := &memory{
		expiration:        options.Expiration,
		defaultExpiration: DefaultExpiration,
		items:             make(map[string]*entry, len(options.Items)),
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
	items    map[string]*entry
	expiring expiryHeap // the entries with an expiration
	sweeping bool       // a timer will call sweep
}

func (c *memory) String() string { return "memory" }

func (c *memory) Get(ctx context.Context, key string) (any, time.Time, error) {
	if err := done(ctx); err != nil {
		return nil, time.Time{}, err
	}
	c.mu.RLock()
	e, ok := c.items[key]
	var item Item
	if ok {
		item = e.item
	}
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
	e, ok := c.items[key]
	if !ok {
		return ErrKeyNotFound
	}
	c.remove(e)
	return nil
}

// set stores the item; c.mu must be held.
func (c *memory) set(key string, item Item) {
	if old, ok := c.items[key]; ok {
		c.remove(old)
	}
	e := &entry{key: key, item: item, index: -1}
	c.items[key] = e
	if item.Expiration == 0 {
		return
	}
	heap.Push(&c.expiring, e)
	if !c.sweeping {
		c.sweeping = true
		time.AfterFunc(retention, c.sweep)
	}
}

// remove forgets the entry; c.mu must be held.
func (c *memory) remove(e *entry) {
	delete(c.items, e.key)
	if e.index >= 0 {
		heap.Remove(&c.expiring, e.index)
	}
}

// sweep forgets what expired longer than the retention ago, and comes again for
// as long as there is something left that can expire.
func (c *memory) sweep() {
	oldest := time.Now().Add(-retention).UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.expiring) > 0 && c.expiring[0].item.Expiration <= oldest {
		c.remove(c.expiring[0])
	}
	if c.sweeping = len(c.expiring) > 0; c.sweeping {
		time.AfterFunc(retention, c.sweep)
	}
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

// entry is an item with its place in the heap, -1 when it is not in there.
type entry struct {
	key   string
	item  Item
	index int
}

// expiryHeap orders entries by expiration, the earliest first.
type expiryHeap []*entry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].item.Expiration < h[j].item.Expiration }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *expiryHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *expiryHeap) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*h = old[:last]
	e.index = -1
	return e
}
