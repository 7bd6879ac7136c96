package integration_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/store"
	natsjskv "github.com/justcy/go-micro/v4/store/nats-js-kv"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func newNATSStore(t testing.TB, opts ...store.Option) store.Store {
	s := natsjskv.NewStore(append([]store.Option{store.Nodes(servers.NATS(t))}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestNATSStore(t *testing.T) {
	servers.NATS(t)
	t.Run("encoded keys", func(t *testing.T) {
		storetest.Run(t, storetest.Harness{New: func(t testing.TB) store.Store {
			return newNATSStore(t, natsjskv.EncodeKeys(), store.Database("encoded"))
		}})
	})
	t.Run("plain keys", func(t *testing.T) {
		storetest.Run(t, storetest.Harness{
			New:       func(t testing.TB) store.Store { return newNATSStore(t, store.Database("plain")) },
			NoOddKeys: true,
		})
	})
}
