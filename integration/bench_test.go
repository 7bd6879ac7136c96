package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	bolt "go.etcd.io/bbolt"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/file"
)

const (
	callers   = 16
	benchKeys = 1000
)

var benchValue = bytes.Repeat([]byte("v"), 128)

func benchKey(i int) string { return fmt.Sprintf("key-%04d", i%benchKeys) }

// operation does something with the i-th key.
type operation func(i int) error

// compare runs both operations by 16 callers, by turns, and reports how many
// operations a second the driver does for each of the library: the median of many
// turns, because something else always runs on the machine.
func compare(b *testing.B, driver, library operation) {
	b.Helper()
	const rounds = 50
	each := max(b.N/rounds, 4*callers)
	ratios := make([]float64, rounds)
	var spent [2]time.Duration
	b.ResetTimer()
	for round := range rounds {
		var took [2]time.Duration
		for turn := range 2 {
			who := (round + turn) % 2 // who comes first comes second in the next round
			took[who] = together(b, callers, each, []operation{driver, library}[who])
			spent[who] += took[who]
		}
		ratios[round] = took[1].Seconds() / took[0].Seconds()
	}
	slices.Sort(ratios)
	ops := float64(rounds * each)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ops/spent[0].Seconds(), "driver-ops/s")
	b.ReportMetric(ops/spent[1].Seconds(), "library-ops/s")
	b.ReportMetric(ratios[rounds/2], "ratio")
}

// together has callers do n operations in all, and returns how long it took.
func together(b *testing.B, callers, n int, do operation) time.Duration {
	b.Helper()
	var next atomic.Int64
	var work sync.WaitGroup
	start := time.Now()
	for range callers {
		work.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := do(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	return time.Since(start)
}

func writing(s store.Store) operation {
	return func(i int) error { return s.Write(&store.Record{Key: benchKey(i), Value: benchValue}) }
}

func reading(s store.Store) operation {
	return func(i int) error {
		_, err := s.Read(benchKey(i))
		return err
	}
}

// fill writes all keys.
func fill(b *testing.B, write operation) {
	b.Helper()
	together(b, callers, benchKeys+1, write)
}

// BenchmarkCockroachStore compares with pgx, which writes and reads the value of
// the same layout.
func BenchmarkCockroachStore(b *testing.B) {
	schema, ctx := unique("bench_"), context.Background()
	s := newCockroach(b, store.Database(schema))
	fill(b, writing(s))
	pool, err := pgxpool.New(ctx, servers.Postgres(b))
	must(b, err)
	defer pool.Close()
	b.Run("write", func(b *testing.B) {
		compare(b, writing(s), func(i int) error {
			_, err := pool.Exec(ctx, `INSERT INTO `+schema+`.micro (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, benchKey(i), benchValue)
			return err
		})
	})
	b.Run("read", func(b *testing.B) {
		compare(b, reading(s), func(i int) error {
			var value []byte
			return pool.QueryRow(ctx, `SELECT value FROM `+schema+`.micro WHERE key = $1`, benchKey(i)).Scan(&value)
		})
	})
}

// BenchmarkRedisStore compares with go-redis, which reads values without their
// lifetimes in one case and with them in the other.
func BenchmarkRedisStore(b *testing.B) {
	table, ctx := unique("bench:"), context.Background()
	s, c := newRedisStore(b, store.Table(table)), redisClient(b, servers.Redis(b))
	fill(b, writing(s))
	b.Run("write", func(b *testing.B) {
		compare(b, writing(s), func(i int) error { return c.Set(ctx, table+benchKey(i), benchValue, 0).Err() })
	})
	b.Run("read", func(b *testing.B) {
		compare(b, reading(s), func(i int) error {
			_, err := c.Get(ctx, table+benchKey(i)).Bytes()
			return err
		})
	})
}

func BenchmarkRedisCache(b *testing.B) {
	prefix, ctx := unique("bench:"), context.Background()
	c, raw := newRedisCache(b), redisClient(b, servers.Redis(b))
	put := func(i int) error { return c.Put(ctx, prefix+benchKey(i), benchValue, time.Hour) }
	fill(b, put)
	b.Run("put", func(b *testing.B) {
		compare(b, put, func(i int) error { return raw.Set(ctx, prefix+benchKey(i), benchValue, time.Hour).Err() })
	})
	b.Run("get", func(b *testing.B) {
		compare(b, func(i int) error {
			_, _, err := c.Get(ctx, prefix+benchKey(i))
			return err
		}, func(i int) error {
			_, err := raw.Get(ctx, prefix+benchKey(i)).Bytes()
			return err
		})
	})
}

func BenchmarkNATSStore(b *testing.B) {
	s := newNATSStore(b, store.Database(unique("bench_")))
	fill(b, writing(s))
	kv, err := jetStream(b, servers.NATS(b)).KeyValue(s.Options().Database)
	must(b, err)
	b.Run("write", func(b *testing.B) {
		compare(b, writing(s), func(i int) error {
			_, err := kv.Put("library-"+benchKey(i), benchValue)
			return err
		})
	})
	fill(b, func(i int) error {
		_, err := kv.Put("library-"+benchKey(i), benchValue)
		return err
	})
	b.Run("read", func(b *testing.B) {
		compare(b, reading(s), func(i int) error {
			_, err := kv.Get("library-" + benchKey(i))
			return err
		})
	})
}

// BenchmarkFileStore compares with bbolt, which writes each value in a transaction
// of its own, as a program does that wants it on the disk.
func BenchmarkFileStore(b *testing.B) {
	s := file.NewStore(file.DirOption(b.TempDir()))
	defer s.Close()
	fill(b, writing(s))
	db, err := bolt.Open(filepath.Join(b.TempDir(), "library.db"), 0o600, nil)
	must(b, err)
	defer db.Close()
	put := func(tx *bolt.Tx, i int) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("data"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(benchKey(i)), benchValue)
	}
	must(b, db.Update(func(tx *bolt.Tx) error {
		for i := range benchKeys {
			if err := put(tx, i); err != nil {
				return err
			}
		}
		return nil
	}))
	b.Run("write", func(b *testing.B) {
		compare(b, writing(s), func(i int) error { return db.Update(func(tx *bolt.Tx) error { return put(tx, i) }) })
	})
	b.Run("read", func(b *testing.B) {
		compare(b, reading(s), func(i int) error {
			return db.View(func(tx *bolt.Tx) error {
				_ = bytes.Clone(tx.Bucket([]byte("data")).Get([]byte(benchKey(i))))
				return nil
			})
		})
	})
	// The library reads bytes above; a program that reads the layout decodes them.
	must(b, db.Update(func(tx *bolt.Tx) error {
		for i := range benchKeys {
			record, err := json.Marshal(map[string]any{"Key": benchKey(i), "Value": benchValue, "Metadata": nil, "ExpiresAt": time.Time{}})
			if err != nil {
				return err
			}
			if err := tx.Bucket([]byte("data")).Put([]byte(benchKey(i)), record); err != nil {
				return err
			}
		}
		return nil
	}))
	b.Run("read the layout", func(b *testing.B) {
		compare(b, reading(s), func(i int) error {
			return db.View(func(tx *bolt.Tx) error {
				var record struct {
					Value     []byte
					Metadata  map[string]any
					ExpiresAt time.Time
				}
				return json.Unmarshal(tx.Bucket([]byte("data")).Get([]byte(benchKey(i))), &record)
			})
		})
	})
	b.Run("16 writers beside one", func(b *testing.B) {
		each := max(b.N/10, callers)
		var alone, all time.Duration
		for range 10 {
			alone += together(b, 1, each, writing(s))
			all += together(b, callers, each, writing(s))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(10*each)/alone.Seconds(), "alone-ops/s")
		b.ReportMetric(float64(10*each)/all.Seconds(), "16-ops/s")
		b.ReportMetric(alone.Seconds()/all.Seconds(), "ratio")
	})
}
