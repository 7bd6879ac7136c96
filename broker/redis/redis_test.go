package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/redis"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheBrokerIsKnownAsRedis(t *testing.T) {
	if cmd.DefaultBrokers["redis"] == nil || redis.NewBroker().String() != "redis" {
		t.Error("--broker redis is not known")
	}
}

func TestTheAddressIsAURLWithoutItsPassword(t *testing.T) {
	for given, want := range map[string]string{
		"": "redis://127.0.0.1:6379", "10.0.0.1:7000": "redis://10.0.0.1:7000",
		"redis://ada:secret@10.0.0.1:7000/2": "redis://10.0.0.1:7000", "rediss://:secret@example.org": "rediss://example.org:6379",
	} {
		var opts []broker.Option
		if given != "" {
			opts = append(opts, broker.Addrs(given, "10.9.9.9:1"))
		}
		if got := redis.NewBroker(opts...).Address(); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

func TestABrokerThatIsNotConnectedSaysSo(t *testing.T) {
	b := redis.NewBroker(redis.MaxActive(1), redis.MaxIdle(1), redis.IdleTimeout(time.Minute))
	if err := b.Publish("t", new(broker.Message)); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := b.Subscribe("t", func(broker.Event) error { return nil }); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Subscribe: %v", err)
	}
	if err := b.Disconnect(); err != nil {
		t.Errorf("Disconnect: %v", err)
	}
}

func TestAServerThatIsNotThereIsToldByConnect(t *testing.T) {
	for _, addr := range []string{fmt.Sprintf("redis://:secret@127.0.0.1:%d", testkit.FreePort(t)), "http://127.0.0.1"} {
		b := redis.NewBroker(broker.Addrs(addr), redis.ConnectTimeout(time.Second), redis.ReadTimeout(time.Second), redis.WriteTimeout(time.Second))
		err := b.Connect()
		if err == nil || !strings.Contains(err.Error(), "redis") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func ExampleNewBroker() {
	b := redis.NewBroker(broker.Addrs("redis://:secret@10.0.0.1:6379"), redis.ConnectTimeout(time.Second))
	fmt.Println(b, b.Address())
	// Output: redis redis://10.0.0.1:6379
}
