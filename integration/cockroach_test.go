package integration_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/cockroach"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func newCockroach(t testing.TB, opts ...store.Option) store.Store {
	s := cockroach.NewStore(append([]store.Option{store.Nodes(servers.Postgres(t))}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestCockroachStore(t *testing.T) {
	servers.Postgres(t)
	storetest.Run(t, storetest.Harness{New: func(t testing.TB) store.Store { return newCockroach(t) }})
}
