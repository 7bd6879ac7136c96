package runtime

import (
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
)

// DefaultBackoff is how long the local runtime waits unless it is told otherwise.
func DefaultBackoff(failures int) time.Duration {
	return (&local{options: options.New(Options{})}).backoff(failures)
}
