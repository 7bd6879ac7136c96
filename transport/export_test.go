package transport

import (
	"time"

	"github.com/justcy/go-micro/v4/internal/flood"
)

// ShareForNothing sets what strangers may make a listener do for nothing, in place
// of what depends on the machine.
func ShareForNothing(l Listener, share time.Duration) {
	l.(*httpListener).floods = flood.NewAccount(share)
}
