package broker_test

import (
	"flag"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/brokertest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8") // they wait, for what must not be delivered above all
	testkit.Main(m)
}

func TestMemoryConformance(t *testing.T) {
	brokertest.Run(t, brokertest.Harness{
		New:       func(_ testing.TB, opts ...broker.Option) broker.Broker { return broker.NewMemoryBroker(opts...) },
		NoSharing: true,
		NoBacklog: true, // Publish returns when the handlers have
	})
}

func TestHTTPConformance(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string][]broker.Option{"plain": nil, "secure": {broker.Secure(true)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := registry.NewMemoryRegistry()
			brokertest.Run(t, brokertest.Harness{
				New: func(_ testing.TB, opts ...broker.Option) broker.Broker {
					opts = append([]broker.Option{broker.Registry(r)}, opts...)
					return broker.NewBroker(append(opts, extra...)...)
				},
				Settle:    20 * time.Millisecond,
				NoBacklog: true, // 64 messages wait for a receiver
			})
		})
	}
}
