package integration_test

import (
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/cockroach"
	"github.com/justcy/go-micro/v4/sync/locktest"
	"github.com/justcy/go-micro/v4/sync/nats"
	"github.com/justcy/go-micro/v4/sync/redis"
)

// lockDriver is a driver of locks with its server.
type lockDriver struct {
	name string
	new  func(...sync.Option) sync.Sync
	url  func(testing.TB) string
	own  func(testing.TB) *servers.Server // that the test can restart; nil for none
}

var lockDrivers = []lockDriver{
	{"redis", redis.NewSync, servers.Redis, servers.NewRedis},
	{"nats", nats.NewSync, servers.NATS, servers.NewNATS},
	{"cockroach", cockroach.NewSync, servers.Postgres, nil},
}

// connect returns a Sync on the server at url.
func (d lockDriver) connect(t testing.TB, url string, opts ...sync.Option) sync.Sync {
	t.Helper()
	s := d.new(append(opts, sync.Nodes(url))...)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLocks(t, s) })
	return s
}

func closeLocks(t testing.TB, s sync.Sync) {
	if err := s.(interface{ Close() error }).Close(); err != nil {
		t.Error(err)
	}
}

// eachLockDriver runs a test with each driver, all at the same time: these tests
// mostly wait.
func eachLockDriver(t *testing.T, test func(*testing.T, lockDriver)) {
	for _, d := range lockDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

func TestLockConformance(t *testing.T) {
	eachLockDriver(t, func(t *testing.T, d lockDriver) {
		url := d.url(t)
		locktest.Run(t, locktest.Harness{
			New: func(t testing.TB, opts ...sync.Option) sync.Sync { return d.connect(t, url, opts...) },
			TTL: time.Second,
		})
	})
}
