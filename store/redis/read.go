package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

const (
	scanCount = 1000 // keys that one SCAN looks at
	readCount = 250  // records that are fetched at once
)

// readAll returns the records that are there, in the order of their keys.
func (s *redisStore) readAll(table string, keys []string) ([]*store.Record, error) {
	records := make([]*store.Record, 0, len(keys))
	for chunk := range slices.Chunk(keys, readCount) {
		err := s.do("reading", chunk[0], func(ctx context.Context, c redis.UniversalClient) error {
			read, err := readChunk(ctx, c, table, chunk)
			records = append(records, read...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

// readChunk fetches records in one round trip. Each comes with the lifetime that
// its value has left, and not that of a value written in between: they are read
// in a transaction.
func readChunk(ctx context.Context, c redis.UniversalClient, table string, keys []string) ([]*store.Record, error) {
	values := make([]*redis.StringCmd, len(keys))
	lifetimes := make([]*redis.DurationCmd, len(keys))
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			values[i], lifetimes[i] = p.Get(ctx, table+key), p.PTTL(ctx, table+key)
		}
		return nil
	})
	if err != nil && !noRecord(err) {
		return nil, err
	}
	records := make([]*store.Record, 0, len(keys))
	for i, key := range keys {
		value, err := values[i].Bytes()
		if noRecord(err) {
			continue // gone since it was listed, or never there
		}
		left, ttlErr := lifetimes[i].Result()
		if err := errors.Join(err, ttlErr); err != nil {
			return nil, err
		}
		records = append(records, &store.Record{Key: key, Value: value, Expiry: max(left, 0)})
	}
	return records, nil
}

// noRecord reports whether there is nothing under a key, or something else than a
// string.
func noRecord(err error) bool {
	return errors.Is(err, redis.Nil) || err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE ")
}

// keys returns the keys of the table that q selects.
func (s *redisStore) keys(table string, q query.Query) ([]string, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	found := []string{}
	add := func(keys []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, key := range keys {
			if key, ok := strings.CutPrefix(key, table); ok && q.Match(key) {
				found = append(found, key)
			}
		}
	}
	pattern := escape(table+q.Prefix) + "*"
	if cluster, ok := c.(*redis.ClusterClient); ok {
		ctx := s.options.Get().Context
		if ctx == nil {
			ctx = context.Background()
		}
		err = cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
			return s.scan(node, pattern, add)
		})
	} else {
		err = s.scan(c, pattern, add)
	}
	if err != nil {
		return nil, err
	}
	return q.Page(found), nil
}

// scan finds all keys of one server that match the pattern.
func (s *redisStore) scan(c redis.Cmdable, pattern string, add func([]string)) error {
	for cursor := uint64(0); ; {
		var keys []string
		err := s.do("listing", pattern, func(ctx context.Context, _ redis.UniversalClient) (err error) {
			keys, cursor, err = c.Scan(ctx, cursor, pattern, scanCount).Result()
			return err
		})
		if err != nil {
			return err
		}
		add(keys)
		if cursor == 0 {
			return nil
		}
	}
}

var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// escape makes a text match itself alone in a pattern.
func escape(text string) string { return globs.Replace(text) }
