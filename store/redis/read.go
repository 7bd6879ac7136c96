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

// reply is what the server will say about one record.
type reply struct {
	value *redis.StringCmd
	left  *redis.DurationCmd
}

func ask(ctx context.Context, p redis.Pipeliner, name string) reply {
	return reply{p.Get(ctx, name), p.PTTL(ctx, name)}
}

// record returns the record, or nil when there is none.
func (r reply) record(key string) (*store.Record, error) {
	value, err := r.value.Bytes()
	if noRecord(err) {
		return nil, nil
	}
	if err := errors.Join(err, r.left.Err()); err != nil {
		return nil, err
	}
	return &store.Record{Key: key, Value: value, Expiry: max(r.left.Val(), 0)}, nil
}

// readOne returns the record under a key, or nil. It comes with the lifetime that
// its value has left, and not that of a value written in between: both are read in
// a transaction.
func readOne(ctx context.Context, c redis.UniversalClient, table, key string) (*store.Record, error) {
	p := c.TxPipeline()
	r := ask(ctx, p, table+key)
	if _, err := p.Exec(ctx); err != nil && !noRecord(err) {
		return nil, err
	}
	return r.record(key)
}

// readChunk returns the records under keys in one round trip, each as readOne does.
func readChunk(ctx context.Context, c redis.UniversalClient, table string, keys []string) ([]*store.Record, error) {
	p := c.TxPipeline()
	replies := make([]reply, len(keys))
	for i, key := range keys {
		replies[i] = ask(ctx, p, table+key)
	}
	if _, err := p.Exec(ctx); err != nil && !noRecord(err) {
		return nil, err
	}
	records := make([]*store.Record, 0, len(keys))
	for i, key := range keys {
		r, err := replies[i].record(key)
		if err != nil {
			return nil, err
		}
		if r != nil { // nil: gone since it was listed
			records = append(records, r)
		}
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
