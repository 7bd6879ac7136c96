package redis

import (
	"context"
	"time"

	"github.com/go-redis/redis/v8"
)

// clock is the server's, as it was read when the connection was made.
type clock struct{ server, local time.Time }

func readClock(ctx context.Context, c redis.UniversalClient) (clock, error) {
	now, err := c.Time(ctx).Result()
	return clock{server: now, local: time.Now()}, err
}

// now returns the microseconds since 1970, which are the least token to be issued:
// whatever the server has forgotten was issued earlier.
func (c clock) now() int64 {
	return c.server.Add(time.Since(c.local)).UnixMicro()
}
