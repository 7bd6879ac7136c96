package broker_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
)

// An option that is made under a condition is nil when it does not hold.
func TestNilOptionsAreSkipped(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]broker.Broker{
		"http":   broker.NewBroker(nil, broker.Registry(registry.NewMemoryRegistry())),
		"memory": broker.NewMemoryBroker(nil),
	} {
		t.Run(name, func(t *testing.T) {
			if err := b.Init(nil); err != nil {
				t.Fatal(err)
			}
			connect(t, b)
			var got log
			if _, err := b.Subscribe("topic", got.handle, nil); err != nil {
				t.Fatal(err)
			}
			if err := b.Publish("topic", &broker.Message{Body: []byte("1")}, nil); err != nil {
				t.Fatal(err)
			}
			eventuallyEqual(t, got.got, []string{"1"})
		})
	}
}
