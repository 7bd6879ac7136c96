// Package redis implements locks and leader election on Redis.
//
//	s := redis.NewSync(sync.Nodes("redis://127.0.0.1:6379"))
//	if err := s.Init(); err != nil {
//		return err // Redis is not there
//	}
//
// # Guarantees
//
// A lock is a key with a time to live, which one script takes, renews or deletes
// after a look at its owner; times are measured by the server's clock. While one
// Redis server runs, a lock has one holder at most. Whoever waits is woken when a
// lock is released.
//
// Pauses and partitions: a holder that is stopped, or cut off, for longer than
// its lock lasts has lost it and is told when it runs again or when the time is
// over, whichever comes last. Until then it may believe that it holds what
// somebody else holds already. Fencing tokens tell the two apart.
//
// Lost data: Redis acknowledges before it writes to disk or to a replica. After a
// crash, or a failover to a replica, a lock that was held may be taken by
// somebody else while its holder, who learns of it at the next renewal, goes on.
// Tokens grow even then: a token is the server's time in microseconds, as it is
// known since the connection was made, or one more than the last if that is greater.
// Only a clock that was set back while data was lost makes them smaller. Where that
// is not enough, use sync/nats on three servers, or sync/cockroach. Redis must not
// be configured to evict any of these keys.
//
// # Layout
//
// The key is `micro:sync:{<shard>}:lock:<prefix><id>`, its value the owner. There are
// 64 shards, each with a key `micro:sync:{<shard>}:token` that has the last token;
// the braces keep both in one slot of a Redis Cluster.
package redis

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	stdsync "sync"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/redisclient"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

const (
	// shards is part of the layout.
	shards = 64
	// lookAgain is how often those who wait look whether they missed something.
	lookAgain = time.Second
)

// NewSync returns a Sync on Redis. It implements [sync.Leaser]; its leaders
// implement [sync.Fenced]; it has a Close() error method.
//
// A node is a `redis://` or `rediss://` URL, or a host and port; without any it is
// 127.0.0.1:6379. Several nodes are those of a Redis Cluster.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{Name: "redis", Connect: connect}, opts...)
}

func connect(ctx context.Context, o sync.Options) (lease.Backend, error) {
	client, err := redisclient.New(o.Nodes, redisOptions(o))
	if err != nil {
		return nil, err
	}
	b := &backend{client: client, waiting: map[string]chan struct{}{}}
	if b.clock, err = readClock(ctx, client); err != nil {
		b.Close()
		return nil, fmt.Errorf("connecting: %w; is the server running?", err)
	}
	return b, nil
}

type backend struct {
	client   redis.UniversalClient
	clock    clock
	dispatch stdsync.WaitGroup

	mu      stdsync.Mutex
	pubsub  *redis.PubSub // nil until somebody waits
	waiting map[string]chan struct{}
}

// names are the keys of one lock. Its shard is that of its name.
type names struct{ lock, token, freed string }

func namesOf(key string) names {
	h := fnv.New32a()
	h.Write([]byte(key))
	base := "micro:sync:{" + strconv.Itoa(int(h.Sum32()%shards)) + "}:"
	return names{lock: base + "lock:" + key, token: base + "token", freed: base + "freed:" + key}
}

// take returns the token of the lock, a string, or the milliseconds that are left
// to its holder. What the owner has already gets a new token, and its time anew.
var take = redis.NewScript(`
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.call('PTTL', KEYS[1])
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local token = ARGV[3]
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(token) then
  token = string.format('%.0f', last + 1)
end
redis.call('SET', KEYS[2], token)
return token
`)

var keep = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
`)

var free = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[2], '')
return 1
`)

// milliseconds is a duration as Redis takes it, rounded up.
func milliseconds(d time.Duration) int64 {
	return int64((d-1)/time.Millisecond) + 1
}

func (b *backend) Take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	n := namesOf(h.Key)
	reply, err := take.Run(ctx, b.client, []string{n.lock, n.token}, h.Owner, milliseconds(h.Time), b.clock.now()).Result()
	if err != nil {
		return false, 0, err
	}
	switch reply := reply.(type) {
	case int64:
		return false, min(lookAgain, time.Duration(max(reply, 1))*time.Millisecond), nil
	case string:
		h.Token, err = strconv.ParseUint(reply, 10, 64)
		return err == nil, 0, err
	}
	return false, 0, fmt.Errorf("unexpected reply %v", reply)
}

func (b *backend) Keep(ctx context.Context, h *lease.Hold) error {
	extend := int64(0)
	if h.Renew {
		extend = milliseconds(h.Time)
	}
	return done(keep.Run(ctx, b.client, []string{namesOf(h.Key).lock}, h.Owner, extend))
}

func (b *backend) Free(ctx context.Context, h *lease.Hold) error {
	n := namesOf(h.Key)
	return done(free.Run(ctx, b.client, []string{n.lock, n.freed}, h.Owner))
}

func done(reply *redis.Cmd) error {
	n, err := reply.Int64()
	if err == nil && n == 0 {
		return lease.ErrGone
	}
	return err
}

func (b *backend) Close() {
	b.mu.Lock()
	pubsub := b.pubsub
	b.mu.Unlock()
	if pubsub != nil {
		_ = pubsub.Close()
	}
	_ = b.client.Close()
	b.dispatch.Wait()
}
