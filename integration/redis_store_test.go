package integration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	redisstore "github.com/justcy/go-micro/v4/store/redis"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func newRedisStore(t testing.TB, opts ...store.Option) store.Store {
	s := redisstore.NewStore(append([]store.Option{store.Nodes(servers.Redis(t))}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

// redisClient is the library beside the drivers.
func redisClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	must(t, err)
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRedisStore(t *testing.T) {
	servers.Redis(t)
	storetest.Run(t, storetest.Harness{
		New:         func(t testing.TB) store.Store { return newRedisStore(t) },
		NoDatabases: true, NoMetadata: true, NoTablePrefixes: true,
	})
}

func TestRedisRecordsAreInTheLayoutOfGoMicroV4(t *testing.T) {
	ctx, table := context.Background(), unique("layout:")
	s, c := newRedisStore(t, store.Table(table)), redisClient(t, servers.Redis(t))
	must(t, s.Write(&store.Record{Key: "mine", Value: []byte("lamp")}, store.WriteTTL(90*time.Second+500*time.Microsecond)))
	if got, err := c.Get(ctx, table+"mine").Result(); got != "lamp" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left := c.PTTL(ctx, table+"mine").Val(); left > 90*time.Second+time.Millisecond || left < time.Minute {
		t.Errorf("%v left", left)
	}
	must(t, c.Set(ctx, table+"theirs", "shelf", 0).Err())
	records, err := s.Read("", store.ReadPrefix())
	must(t, err)
	if len(records) != 2 || records[1].Key != "theirs" || string(records[1].Value) != "shelf" || records[1].Expiry != 0 {
		t.Errorf("records are %v", records)
	}
}

func TestRedisRecordWithoutExpiryIsWrittenWithoutExpiry(t *testing.T) {
	ctx, table := context.Background(), unique("forever:")
	s, c := newRedisStore(t, store.Table(table)), redisClient(t, servers.Redis(t))
	must(t, s.Write(&store.Record{Key: "key", Value: []byte("a")}, store.WriteTTL(time.Hour)))
	must(t, s.Write(&store.Record{Key: "other", Value: []byte("b")}))
	records, err := s.Read("other")
	must(t, err)
	records[0].Key = "key"
	must(t, s.Write(records[0])) // as read, over one that expires
	if left := c.PTTL(ctx, table+"key").Val(); left != -1 {
		t.Errorf("%v left", left)
	}
}

func TestRedisLifetimesAreOfMilliseconds(t *testing.T) {
	ctx, table := context.Background(), unique("short:")
	s, c := newRedisStore(t, store.Table(table)), redisClient(t, servers.Redis(t))
	must(t, s.Write(&store.Record{Key: "key", Value: []byte("a")}, store.WriteTTL(123456*time.Millisecond)))
	if left := c.PTTL(ctx, table+"key").Val(); left <= 0 || left > 123456*time.Millisecond {
		t.Errorf("%v left", left)
	}
	must(t, s.Write(&store.Record{Key: "key", Value: []byte("a")}, store.WriteTTL(time.Nanosecond)))
	eventuallyNotFound(t, s, "key")
}

func TestRedisOffsetIsNoCursorAndKeysComeOnce(t *testing.T) {
	s := newRedisStore(t, store.Table(unique("pages:")))
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := w; i < 3000; i += 8 {
				if err := s.Write(&store.Record{Key: fmt.Sprintf("%04d", i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	// The table of keys is rehashed while it grows, which has SCAN name keys twice.
	for offset := uint(0); offset < 3000; offset += 500 {
		keys, err := s.List(store.ListOffset(offset), store.ListLimit(2))
		must(t, err)
		if want := []string{fmt.Sprintf("%04d", offset), fmt.Sprintf("%04d", offset+1)}; !slices.Equal(keys, want) {
			t.Errorf("at %d: %q", offset, keys)
		}
	}
	if keys, err := s.List(); err != nil || len(keys) != 3000 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestRedisKeyOfAnotherTypeIsNoRecord(t *testing.T) {
	ctx, table := context.Background(), unique("types:")
	s, c := newRedisStore(t, store.Table(table)), redisClient(t, servers.Redis(t))
	must(t, c.LPush(ctx, table+"list", "a").Err())
	must(t, s.Write(&store.Record{Key: "record"}))
	records, err := s.Read("", store.ReadPrefix())
	if err != nil || len(records) != 1 || records[0].Key != "record" {
		t.Errorf("records are %v, %v", records, err)
	}
	if _, err := s.Read("list"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestRedisValueComesWithItsOwnExpiry(t *testing.T) {
	s := newRedisStore(t, store.Table(unique("pairs:")))
	must(t, s.Write(&store.Record{Key: "key", Value: []byte("stays")}))
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := errors.Join(
				s.Write(&store.Record{Key: "key", Value: []byte("expires")}, store.WriteTTL(time.Hour)),
				s.Write(&store.Record{Key: "key", Value: []byte("stays")}),
			); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 500 {
		records, err := s.Read("key")
		if err != nil {
			t.Error(err)
			break
		}
		if r := records[0]; (string(r.Value) == "stays") != (r.Expiry == 0) {
			t.Errorf("%s with %v left", r.Value, r.Expiry)
			break
		}
	}
	close(stop)
	writer.Wait()
}

func TestRedisStoreOnACluster(t *testing.T) {
	addrs := servers.NewRedisCluster(t)
	storetest.Run(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			s := redisstore.NewStore(store.Nodes(addrs...))
			t.Cleanup(func() { s.Close() })
			return s
		},
		NoDatabases: true, NoMetadata: true, NoTablePrefixes: true,
	})
}
