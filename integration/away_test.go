package integration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/cache"
	rediscache "github.com/justcy/go-micro/v4/cache/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/cockroach"
	natsjskv "github.com/justcy/go-micro/v4/store/nats-js-kv"
	redisstore "github.com/justcy/go-micro/v4/store/redis"
)

const (
	// absent is how long a server is not to be reached.
	absent = 5 * time.Second
	// allowed is what operations are given.
	allowed = time.Second
	// slack is what they may take beyond it on a machine that stalls.
	slack = 15 * time.Second
)

// absence is a way in which a server can be away.
type absence struct {
	name       string
	url        func(t *testing.T) string
	begin, end func()
}

// unreachable returns absences of a server behind a proxy.
func unreachable(find func(testing.TB) string) []*absence {
	refused, silent := &absence{name: "refused"}, &absence{name: "silent"}
	refused.url = func(t *testing.T) string {
		p := servers.NewProxy(t, find(t))
		refused.begin, refused.end = p.Cut, p.Restore
		return p.URL
	}
	silent.url = func(t *testing.T) string {
		p := servers.NewProxy(t, find(t))
		silent.begin, silent.end = p.Freeze, p.Restore
		return p.URL
	}
	return []*absence{refused, silent}
}

// restarted returns the absence of a server that is stopped and started.
func restarted(start func(testing.TB) *servers.Server) *absence {
	o := &absence{name: "restarted"}
	o.url = func(t *testing.T) string {
		s := start(t)
		o.begin, o.end = s.Stop, s.Start
		return s.URL
	}
	return o
}

// endures checks that operations fail in time while the server is away, and
// succeed by themselves when it is back.
func endures(t *testing.T, o *absence, operations map[string]func() error) {
	t.Helper()
	for name, operation := range operations {
		if err := operation(); err != nil {
			t.Fatalf("before: %s: %v", name, err)
		}
	}
	o.begin()
	back := time.Now().Add(absent)
	for time.Now().Before(back) {
		for name, operation := range operations {
			start := time.Now()
			err := operation()
			if took := time.Since(start); took > allowed+slack {
				t.Errorf("%s took %v", name, took)
			}
			if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, cache.ErrKeyNotFound) {
				t.Errorf("%s returned %v without a server", name, err)
			}
		}
	}
	o.end()
	for name, operation := range operations {
		testkit.Eventually(t, name+" succeeds again", func() bool { return operation() == nil })
	}
}

func storeOperations(s store.Store) map[string]func() error {
	return map[string]func() error{
		"Write":  func() error { return s.Write(&store.Record{Key: "key", Value: []byte("value")}) },
		"Delete": func() error { return s.Delete("other") },
		"List": func() error {
			_, err := s.List()
			return err
		},
	}
}

func TestStoresEndureAServerThatIsAway(t *testing.T) {
	for _, driver := range []struct {
		name     string
		absences []*absence
		open     func(...store.Option) store.Store
	}{
		{"cockroach", unreachable(servers.Postgres), cockroach.NewStore},
		{"redis", append(unreachable(servers.Redis), restarted(servers.NewRedis)), redisstore.NewStore},
		{"natsjskv", append(unreachable(servers.NATS), restarted(servers.NewNATS)), natsjskv.NewStore},
	} {
		for _, o := range driver.absences {
			t.Run(driver.name+" "+o.name, func(t *testing.T) {
				t.Parallel()
				s := driver.open(store.Nodes(o.url(t)), store.Timeout(allowed), store.Database(unique("away_")), store.Table(unique("t")))
				t.Cleanup(func() { s.Close() })
				must(t, s.Write(&store.Record{Key: "early", Value: []byte("lamp")}))
				endures(t, o, storeOperations(s))
				testkit.Eventually(t, "the record is read", func() bool {
					records, err := s.Read("early")
					return err == nil && string(records[0].Value) == "lamp"
				})
			})
		}
	}
}

func TestTheRedisCacheEnduresAServerThatIsAway(t *testing.T) {
	for _, o := range append(unreachable(servers.Redis), restarted(servers.NewRedis)) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			key := unique("away:")
			c := rediscache.NewCache(cache.WithAddress(o.url(t)))
			t.Cleanup(func() { c.(interface{ Close() error }).Close() })
			within := func(call func(context.Context) error) func() error {
				return func() error {
					ctx, cancel := context.WithTimeout(context.Background(), allowed)
					defer cancel()
					return call(ctx)
				}
			}
			must(t, c.Put(context.Background(), key+"early", "lamp", 0))
			endures(t, o, map[string]func() error{
				"Put": within(func(ctx context.Context) error { return c.Put(ctx, key, "v", time.Hour) }),
				"Get": within(func(ctx context.Context) error {
					_, _, err := c.Get(ctx, key+"early")
					return err
				}),
			})
		})
	}
}

func TestNATSWritesThatFailedAreNotSentLater(t *testing.T) {
	server := servers.NewNATS(t)
	p := servers.NewProxy(t, server.URL)
	bucket := unique("late_")
	s := natsjskv.NewStore(store.Nodes(p.URL), store.Timeout(allowed), store.Database(bucket))
	other := natsjskv.NewStore(store.Nodes(server.URL), store.Database(bucket))
	t.Cleanup(func() { s.Close(); other.Close() })
	must(t, s.Write(&store.Record{Key: "key", Value: []byte("old")}))
	p.Cut()
	if err := s.Write(&store.Record{Key: "key", Value: []byte("late")}); err == nil {
		t.Fatal("written without a server")
	}
	must(t, other.Write(&store.Record{Key: "key", Value: []byte("new")}))
	p.Restore()
	testkit.Eventually(t, "the store writes again", func() bool { return s.Write(&store.Record{Key: "done"}) == nil })
	records, err := s.Read("key")
	if err != nil || string(records[0].Value) != "new" {
		t.Errorf("got %s, %v", records[0].Value, err)
	}
}
