package integration_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/go-redis/redis/v8"
	"github.com/jackc/pgx/v5/pgxpool"
	gonats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	benchLockers = 16
	benchRounds  = 10
	benchRound   = 200 * time.Millisecond
)

// lockCycle takes and releases a lock of the given name once.
type lockCycle func(ctx context.Context, name string) error

// BenchmarkLockBesideRawClient has 16 goroutines lock and unlock, each a lock of
// its own: with the driver, and with what one would write with the client library
// alone, in turns. Run it with -benchtime=1x.
func BenchmarkLockBesideRawClient(b *testing.B) {
	raw := map[string]func(testing.TB, string) lockCycle{"redis": rawRedis, "nats": rawNATS, "cockroach": rawPostgres}
	for _, d := range lockDrivers {
		b.Run(d.name, func(b *testing.B) {
			url := d.url(b)
			s := d.connect(b, url)
			cycles := []lockCycle{raw[d.name](b, url), func(_ context.Context, name string) error {
				if err := s.Lock(name); err != nil {
					return err
				}
				return s.Unlock(name)
			}}
			var done [2]int64
			for range b.N {
				for i := range benchRounds * len(cycles) {
					which := i % len(cycles)
					done[which] += lockFor(b, benchRound, cycles[which])
				}
			}
			seconds := float64(b.N) * benchRounds * benchRound.Seconds()
			b.ReportMetric(float64(done[0])/seconds, "raw/s")
			b.ReportMetric(float64(done[1])/seconds, "driver/s")
			b.ReportMetric(float64(done[1])/float64(done[0]), "driver/raw")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// lockFor has the lockers work for a time, and returns how often they locked.
func lockFor(b *testing.B, d time.Duration, cycle lockCycle) int64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var n atomic.Int64
	var work stdsync.WaitGroup
	end := time.Now().Add(d)
	for i := range benchLockers {
		work.Go(func() {
			for time.Now().Before(end) {
				if err := cycle(ctx, fmt.Sprintf("bench-%d", i)); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	work.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return n.Load()
}

// rawRedis draws a fencing token with each lock, as the others do without asking.
func rawRedis(t testing.TB, url string) lockCycle {
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	release := goredis.NewScript(`if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`)
	return func(ctx context.Context, name string) error {
		var taken *goredis.BoolCmd
		_, err := c.TxPipelined(ctx, func(tx goredis.Pipeliner) error {
			tx.Incr(ctx, "raw:token")
			taken = tx.SetNX(ctx, "raw:"+name, "owner", 5*time.Second)
			return nil
		})
		if err != nil || !taken.Val() {
			return fmt.Errorf("taken: %v, %w", taken.Val(), err)
		}
		return release.Run(ctx, c, []string{"raw:" + name}, "owner").Err()
	}
}

// rawNATS writes over what it wrote last, as if it were alone: creating a key that
// was deleted takes the client three requests.
func rawNATS(t testing.TB, url string) lockCycle {
	conn, err := gonats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "raw", Storage: jetstream.FileStorage})
	if err != nil {
		t.Fatal(err)
	}
	var revisions stdsync.Map
	unused := rand.Text()
	return func(ctx context.Context, name string) error {
		name += unused
		last, _ := revisions.LoadOrStore(name, uint64(0))
		taken, err := kv.Update(ctx, name, []byte("owner"), last.(uint64))
		if err != nil {
			return err
		}
		free, err := kv.Update(ctx, name, nil, taken)
		revisions.Store(name, free)
		return err
	}
}

func rawPostgres(t testing.TB, url string) lockCycle {
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	pool, err := pgxpool.New(t.Context(), url+separator+"pool_max_conns=16")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE IF NOT EXISTS raw_locks (name TEXT PRIMARY KEY, owner TEXT, expires TIMESTAMPTZ)`); err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, name string) error {
		_, err := pool.Exec(ctx, `INSERT INTO raw_locks VALUES ($1, 'owner', now() + INTERVAL '5 seconds')
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires = excluded.expires WHERE raw_locks.expires <= now()`, name)
		if err == nil {
			_, err = pool.Exec(ctx, `UPDATE raw_locks SET expires = now() WHERE name = $1 AND owner = 'owner'`, name)
		}
		return err
	}
}
