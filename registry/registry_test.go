package registry_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

func TestModelHasTheKeysThatRegistriesStore(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"service":  {registry.Service{}, `{"name":"","version":"","metadata":null,"endpoints":null,"nodes":null}`},
		"node":     {registry.Node{}, `{"id":"","address":"","metadata":null}`},
		"endpoint": {registry.Endpoint{}, `{"name":"","request":null,"response":null,"metadata":null}`},
		"value":    {registry.Value{}, `{"name":"","type":"","values":null}`},
	} {
		if got := asJSON(t, c.value); got != c.want {
			t.Errorf("%s is %s, want %s", name, got, c.want)
		}
	}
}

func TestEventTypesHaveNames(t *testing.T) {
	for e, want := range map[registry.EventType]string{
		registry.Create:       "create",
		registry.Delete:       "delete",
		registry.Update:       "update",
		registry.EventType(9): "unknown",
	} {
		if e.String() != want {
			t.Errorf("event %d is %q, want %q", int(e), e, want)
		}
	}
}

func TestErrorsHaveTheTextsOfV4(t *testing.T) {
	if registry.ErrNotFound.Error() != "service not found" || registry.ErrWatcherStopped.Error() != "watcher stopped" {
		t.Errorf("texts are %q and %q", registry.ErrNotFound, registry.ErrWatcherStopped)
	}
}

func TestNewOptionsHasDefaultsAndAppliesOptions(t *testing.T) {
	o := registry.NewOptions()
	if o.Context != context.Background() || o.Logger != logger.DefaultLogger || o.Timeout != 0 {
		t.Errorf("defaults are %+v", o)
	}
	config := &tls.Config{}
	o = registry.NewOptions(
		registry.Addrs("a", "b"), registry.Timeout(time.Second), registry.Secure(true),
		registry.TLSConfig(config), registry.Logger(nil),
	)
	if len(o.Addrs) != 2 || o.Timeout != time.Second || !o.Secure || o.TLSConfig != config || o.Logger != nil {
		t.Errorf("options are %+v", o)
	}
}

func TestANodeDrainsWhenItsMetadataSaysSo(t *testing.T) {
	n := &registry.Node{}
	if n.Draining() {
		t.Error("a node without metadata drains")
	}
	n.Metadata = map[string]string{registry.StateKey: registry.StateDraining}
	if !n.Draining() {
		t.Error("a node that says so does not drain")
	}
}

func Example() {
	r := registry.NewMemoryRegistry()
	w, _ := r.Watch(registry.WatchService("greeter"))
	defer w.Stop()

	greeter := &registry.Service{
		Name:    "greeter",
		Version: "1.0.0",
		Nodes:   []*registry.Node{{Id: "greeter-1", Address: "127.0.0.1:8080"}},
	}
	if err := r.Register(greeter, registry.RegisterTTL(time.Minute)); err != nil {
		fmt.Println(err)
	}
	services, err := r.GetService("greeter")
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range services {
		fmt.Println(s.Version, s.Nodes[0].Address)
	}
	change, err := w.Next()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(change.Action, change.Service.Name)
	// Output:
	// 1.0.0 127.0.0.1:8080
	// update greeter
}
