package jwt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
)

func TestRememberedTokensAreBoundedInBytes(t *testing.T) {
	expiry := time.Now().Add(time.Hour)
	for _, size := range []int{10, 16 << 10} {
		c, often := new(cache), strings.Repeat("o", size)
		c.put(often, &auth.Account{ID: "often"}, expiry)
		for i := range 3 * maxSeen / (size + entrySize) {
			token := fmt.Sprintf("%0*d", size, i)
			c.put(token, &auth.Account{ID: token}, expiry)
			for want, token := range map[string]string{token: token, "often": often} {
				if acc, ok := c.get(token); !ok || acc.ID != want {
					t.Fatalf("of %d bytes: %d is forgotten", size, i)
				}
			}
		}
		if held := (len(c.newer) + len(c.older)) * (size + entrySize); held > 2*maxSeen {
			t.Errorf("%d tokens of %d bytes are held", len(c.newer)+len(c.older), size)
		}
	}
}
