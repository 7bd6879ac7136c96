// Package servers gives the integration tests the servers they run on, and says
// which of them were real.
//
// NATS is started in the process, Redis as a process of redis-server, or in the
// process by an imitation where there is no redis-server. PostgreSQL is the one
// that listens on 127.0.0.1:5432. MICRO_TEST_NATS_URL, MICRO_TEST_REDIS_URL and
// MICRO_TEST_POSTGRES_URL (which may be that of a CockroachDB) name others.
//
// A test of a backend that is not there is skipped, or fails when
// MICRO_TEST_REQUIRE, a list such as "nats,redis,postgres", has its name.
//
// Every test package uses Main:
//
//	func TestMain(m *testing.M) { servers.Main(m) }
package servers

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// Kind says what stands behind a URL.
type Kind string

const (
	Real     Kind = "real"     // a process of the real server
	Embedded Kind = "embedded" // the real server, or an imitation, in this process
	Absent   Kind = "skipped"  // nothing
)

// Backend is a server that all tests of a process share. It is found or started
// by the first test that wants it.
type Backend struct {
	Name   string
	Kind   Kind
	Detail string // what it is, or why there is none
	URL    string

	imitation bool // does not count where the backend is required
	find      func(*Backend) (stop func())
	once      sync.Once
	stop      func()
}

var (
	nats     = &Backend{Name: "nats", find: findNATS}
	redis    = &Backend{Name: "redis", find: findRedis}
	postgres = &Backend{Name: "postgres", find: findPostgres}
	all      = []*Backend{nats, redis, postgres}
)

// NATS returns the URL of a NATS server with JetStream.
func NATS(t testing.TB) string { t.Helper(); return nats.need(t) }

// Redis returns the URL of a Redis server.
func Redis(t testing.TB) string { t.Helper(); return redis.need(t) }

// RealRedis is Redis for tests of what the imitation does differently, streams above
// all: without a real server they are skipped.
func RealRedis(t testing.TB) string {
	t.Helper()
	url := redis.need(t)
	if redis.imitation {
		t.Skipf("no real redis: %s", redis.Detail)
	}
	return url
}

// Postgres returns the URL of an empty database, of PostgreSQL or CockroachDB,
// that is dropped when the process ends.
func Postgres(t testing.TB) string { t.Helper(); return postgres.need(t) }

// Main runs a package's tests, stops the servers, and fails when goroutines are
// left running.
func Main(m *testing.M) {
	testkit.Main(m, func() {
		for _, b := range all {
			if b.Kind != "" {
				fmt.Fprintln(os.Stderr, b)
			}
			b.close()
		}
	})
}

// All finds every backend, for as long as f runs.
func All(f func([]*Backend)) {
	for _, b := range all {
		b.open()
		defer b.close()
	}
	f(all)
}

// String is the line that tells what the backend is.
func (b *Backend) String() string { return fmt.Sprintf("%s: %s: %s", b.Name, b.Kind, b.Detail) }

// Missing reports whether the backend is required but not there.
func (b *Backend) Missing() bool {
	required := strings.Split(os.Getenv("MICRO_TEST_REQUIRE"), ",")
	return slices.Contains(required, b.Name) && (b.Kind == Absent || b.imitation)
}

func (b *Backend) open() { b.once.Do(func() { b.stop = b.find(b) }) }

func (b *Backend) close() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

func (b *Backend) need(t testing.TB) string {
	t.Helper()
	b.open()
	switch {
	case b.Missing():
		t.Fatalf("%s is required and not here: %s", b.Name, b.Detail)
	case b.Kind == Absent:
		t.Skipf("no %s: %s", b.Name, b.Detail)
	}
	return b.URL
}

func (b *Backend) is(kind Kind, url, detail string) {
	b.Kind, b.URL, b.Detail = kind, url, detail
}
