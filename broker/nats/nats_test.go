package nats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gonats "github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/nats"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheBrokerIsKnownByItsName(t *testing.T) {
	if b := cmd.DefaultBrokers["nats"](); b.String() != "nats" || b.Address() != "nats://127.0.0.1:4222" {
		t.Errorf("%s at %s", b, b.Address())
	}
}

func TestAddressesKeepTheirSchemes(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:4222": "nats://10.0.0.1:4222", "tls://a:1": "tls://a:1", "ws://a:2": "ws://a:2", "nats://a:3, b:4": "nats://a:3",
	} {
		if got := nats.NewBroker(broker.Addrs(addr)).Address(); got != want {
			t.Errorf("%s is at %s, want %s", addr, got, want)
		}
	}
	own := nats.Options(gonats.Options{Servers: []string{"nats://theirs:1"}})
	if got := nats.NewBroker(own).Address(); got != "nats://theirs:1" {
		t.Errorf("the library's options are at %s", got)
	}
	if got := nats.NewBroker(own, broker.Addrs("ours:1")).Address(); got != "nats://ours:1" {
		t.Errorf("the broker's options come second: %s", got)
	}
}

func TestConnectSaysWhichServerIsNotThere(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	b := nats.NewBroker(broker.Addrs("nats://anna:secret@" + addr))
	began := time.Now()
	err := b.Connect()
	if err == nil || !strings.Contains(err.Error(), addr) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWithoutAConnectionCallsSaySo(t *testing.T) {
	b := nats.NewBroker()
	if err := b.Publish("topic", new(broker.Message)); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := b.Subscribe("topic", func(broker.Event) error { return nil }); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Subscribe: %v", err)
	}
	if err := b.Disconnect(); err != nil {
		t.Errorf("Disconnect: %v", err)
	}
}
