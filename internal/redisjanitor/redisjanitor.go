// Package redisjanitor cleans up behind event streams on Redis.
package redisjanitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/logger"
)

// scanCount is how many keys one step of a search looks at.
const scanCount = 1000

// Janitor removes old entries from all streams of a server whose keys begin with a
// prefix, and what consumers that are gone have left behind. Several may do that on
// one server.
type Janitor struct {
	Client redis.UniversalClient
	Log    logger.Logger
	// Prefix of the keys.
	Prefix string
	// Anonymous begins the names of groups that nobody comes back to.
	Anonymous string
	// Retention is how long entries are kept; 0 or less for ever.
	Retention time.Duration
	// GoneAfter is for how long consumers have not been heard of that are gone.
	GoneAfter time.Duration
}

// Run cleans up after each interval, until ctx is done.
func (j *Janitor) Run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := j.Clean(ctx); err != nil && ctx.Err() == nil {
			j.Log.Logf(logger.WarnLevel, "redis stream: cleaning up: %v", err)
		}
	}
}

// Clean cleans up once.
func (j *Janitor) Clean(ctx context.Context) error {
	if cluster, ok := j.Client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return j.cleanServer(ctx, c) })
	}
	return j.cleanServer(ctx, j.Client)
}

// globEscaper makes a pattern of a text.
var globEscaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)

// cleanServer goes through the streams that one server has.
func (j *Janitor) cleanServer(ctx context.Context, server redis.Cmdable) error {
	keys := server.Scan(ctx, 0, globEscaper.Replace(j.Prefix)+"*", scanCount).Iterator()
	for keys.Next(ctx) {
		if err := j.cleanStream(ctx, server, keys.Val()); err != nil && !isForeign(err) {
			return fmt.Errorf("%.80q: %w", keys.Val(), err)
		}
	}
	return keys.Err()
}

// isForeign tells that a key is no stream, or not there any more.
func isForeign(err error) bool {
	return strings.HasPrefix(err.Error(), "WRONGTYPE") || strings.Contains(err.Error(), "no such key")
}

// removeGone removes consumers that have not been heard of for long and have
// nothing that is not acknowledged, and groups of consumers without one that have
// not been heard of: nobody can come back to those.
var removeGone = redis.NewScript(`
local function map(list)
  local m = {}
  for i = 1, #list, 2 do m[list[i]] = list[i + 1] end
  return m
end
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = map(reply)['name']
  local own = string.sub(group, 1, #ARGV[2]) == ARGV[2]
  local gone, all = 0, redis.call('XINFO', 'CONSUMERS', KEYS[1], group)
  for _, reply in ipairs(all) do
    local consumer = map(reply)
    if consumer['idle'] >= tonumber(ARGV[1]) and (own or consumer['pending'] == 0) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer['name'])
      gone = gone + 1
    end
  end
  if own and gone > 0 and gone == #all then
    redis.call('XGROUP', 'DESTROY', KEYS[1], group)
  end
end
`)

func (j *Janitor) cleanStream(ctx context.Context, server redis.Cmdable, key string) error {
	if j.Retention > 0 {
		now, err := server.Time(ctx).Result()
		if err != nil {
			return err
		}
		if err := server.XTrimMinID(ctx, key, fmt.Sprint(now.Add(-j.Retention).UnixMilli())).Err(); err != nil {
			return err
		}
	}
	err := removeGone.Run(ctx, server, []string{key}, j.GoneAfter.Milliseconds(), j.Anonymous).Err()
	if err == redis.Nil {
		return nil
	}
	return err
}
