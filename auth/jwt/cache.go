package jwt

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/auth"
)

// maxSeen is how many verified tokens are remembered in each of two halves.
const maxSeen = 4096

// cache remembers tokens that were verified, by their hash: what it holds opens
// nothing. When the newer half is full it takes the place of the older one.
type cache struct {
	mu           sync.Mutex
	newer, older map[[sha256.Size]byte]verified
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
			c.add(key, v)
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
	c.add(key, verified{acc, expiry})
}

// add adds to the newer half. The caller holds mu.
func (c *cache) add(key [sha256.Size]byte, v verified) {
	if c.newer == nil || len(c.newer) >= maxSeen {
		c.older, c.newer = c.newer, make(map[[sha256.Size]byte]verified)
	}
	c.newer[key] = v
}
