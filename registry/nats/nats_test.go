package nats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/nats"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheRegistryIsKnownByItsName(t *testing.T) {
	if r := cmd.DefaultRegistries["nats"](); r.String() != "nats" || r.Options().Timeout != 100*time.Millisecond {
		t.Errorf("%s with %+v", r, r.Options())
	}
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	r := nats.NewRegistry(registry.Addrs(addr))
	s := &registry.Service{Name: "greeter", Nodes: []*registry.Node{{Id: "1", Address: "127.0.0.1:1"}}}
	_, getErr := r.GetService("greeter")
	_, listErr := r.ListServices()
	_, watchErr := r.Watch()
	for call, err := range map[string]error{
		"Register": r.Register(s), "Deregister": r.Deregister(s), "GetService": getErr, "ListServices": listErr, "Watch": watchErr,
	} {
		if err == nil || errors.Is(err, registry.ErrNotFound) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", call, err)
		}
	}
}
