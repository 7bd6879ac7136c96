package client

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/util/backoff"
)

// BackoffFunc returns how long to wait before an attempt, of which the first is
// number 0. An error ends the call.
type BackoffFunc func(ctx context.Context, req Request, attempts int) (time.Duration, error)

func exponentialBackoff(_ context.Context, _ Request, attempts int) (time.Duration, error) {
	return backoff.Do(attempts), nil
}
