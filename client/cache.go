package client

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// sweepInterval is how often expired answers are removed.
const sweepInterval = 30 * time.Second

// Cache remembers answers by request, for wrappers that save calls. The key of
// an answer is made of the namespace in the context and of the service, the
// endpoint and the JSON form of the body; what has no such form is not kept. A
// Cache is safe for concurrent use and needs no closing.
type Cache struct {
	mu      sync.Mutex
	answers map[string]answer
	sweeper *time.Timer // set while an answer can expire
}

type answer struct {
	value   any
	expires time.Time // zero: never
}

func (a answer) expired(now time.Time) bool {
	return !a.expires.IsZero() && !now.Before(a.expires)
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{answers: make(map[string]answer)}
}

// Get returns the answer kept for req, if it has not expired.
func (c *Cache) Get(ctx context.Context, req *Request) (any, bool) {
	k, ok := cacheKey(ctx, req)
	if !ok {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[k]
	if !ok || a.expired(time.Now()) {
		return nil, false
	}
	return a.value, true
}

// Set keeps rsp as the answer to req until expiry is over. An expiry of 0 or
// less keeps it for ever.
func (c *Cache) Set(ctx context.Context, req *Request, rsp any, expiry time.Duration) {
	k, ok := cacheKey(ctx, req)
	if !ok {
		return
	}
	a := answer{value: rsp}
	if expiry > 0 {
		a.expires = time.Now().Add(expiry)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[k] = a
	if expiry > 0 && c.sweeper == nil {
		c.sweeper = time.AfterFunc(sweepInterval, c.sweep)
	}
}

// List returns the JSON form of each answer by its key.
func (c *Cache) List() map[string]string {
	list := make(map[string]string)
	for k, v := range c.values() {
		if b, err := json.Marshal(v); err == nil {
			list[k] = string(b)
		} else {
			list[k] = ""
		}
	}
	return list
}

func (c *Cache) values() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	values := make(map[string]any, len(c.answers))
	for k, a := range c.answers {
		if !a.expired(now) {
			values[k] = a.value
		}
	}
	return values
}

// sweep removes what has expired. It comes back as long as anything can.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, pending := time.Now(), false
	for k, a := range c.answers {
		switch {
		case a.expired(now):
			delete(c.answers, k)
		case !a.expires.IsZero():
			pending = true
		}
	}
	if !pending {
		c.sweeper = nil
		return
	}
	c.sweeper.Reset(sweepInterval)
}

// cacheKey is the hexadecimal FNV-1 hash of the JSON form of what an answer
// depends on. It is not ok for a body that has no JSON form.
func cacheKey(ctx context.Context, req *Request) (key string, ok bool) {
	if req == nil || *req == nil {
		return "", false
	}
	namespace, _ := metadata.Get(ctx, headers.Namespace)
	r := *req
	b, err := json.Marshal(map[string]any{
		"namespace": namespace,
		"request": map[string]any{
			"service":  r.Service(),
			"endpoint": r.Endpoint(),
			"method":   r.Method(),
			"body":     r.Body(),
		},
	})
	if err != nil {
		return "", false
	}
	h := fnv.New64()
	h.Write(b)
	return fmt.Sprintf("%x", h.Sum(nil)), true
}
