package jwt

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/auth"
)

const (
	// maxSeen is how much is remembered in each of two halves, in bytes of tokens.
	maxSeen = 4 << 20
	// entrySize is what remembering a token costs that says next to nothing.
	entrySize = 256
)

// cache remembers tokens that were verified, by their hash: what it holds opens
// nothing. When the newer half is full it takes the place of the older one.
type cache struct {
	mu           sync.Mutex
	newer, older map[[sha256.Size]byte]verified
	size         int // of newer
}

// verified is the account of a token, which nobody changes.
type verified struct {
	account *auth.Account
	expiry  time.Time
}

// get returns the account of a token that was verified and has not expired.
func (c *cache) get(token string) (*auth.Account, bool) {
	key := sha256.Sum256([]byte(token))
	c.mu.Lock()
	v, ok := c.newer[key]
	if !ok {
		if v, ok = c.older[key]; ok {
			c.add(key, v, len(token))
		}
	}
	c.mu.Unlock()
	if !ok || !time.Now().Before(v.expiry) {
		return nil, false
	}
	return v.account, true
}

func (c *cache) put(token string, acc *auth.Account, expiry time.Time) {
	key := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, verified{acc, expiry}, len(token))
}

// add adds to the newer half. The caller holds mu.
func (c *cache) add(key [sha256.Size]byte, v verified, size int) {
	size += entrySize
	if c.newer == nil || c.size+size > maxSeen {
		c.older, c.newer, c.size = c.newer, make(map[[sha256.Size]byte]verified), 0
	}
	c.newer[key] = v
	c.size += size
}
