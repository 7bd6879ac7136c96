package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/justcy/go-micro/plugins/v4/integration/internal/etcdserver"
	"github.com/justcy/go-micro/plugins/v4/registry/etcd"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/registrytest"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func newRegistry(t testing.TB, addr string, opts ...registry.Option) registry.Registry {
	r := etcd.NewRegistry(append([]registry.Option{registry.Addrs(addr)}, opts...)...)
	t.Cleanup(func() { must(t, r.(io.Closer).Close()) })
	return r
}

// client is the library beside the drivers.
func client(t testing.TB, addr string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop()})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	registrytest.Run(t, registrytest.Harness{
		New: func(t testing.TB) (a, b registry.Registry) { return newRegistry(t, s.Addr), newRegistry(t, s.Addr) },
		Outage: func(t testing.TB) (a, b registry.Registry, begin, end func()) {
			s := etcdserver.New(t)
			soon := registry.Timeout(5 * time.Second)
			return newRegistry(t, s.Addr, soon), newRegistry(t, s.Addr, soon), s.Stop, s.Start
		},
		TTL: 3 * time.Second,
	})
}

func TestTheRegistryIsKnownAsEtcd(t *testing.T) {
	if cmd.DefaultRegistries["etcd"] == nil || etcd.NewRegistry().String() != "etcd" {
		t.Error("--registry etcd is not known")
	}
}

// greeter is a service with one node.
func greeter(id string) *registry.Service {
	return &registry.Service{Name: "a/greeter", Version: "1", Metadata: map[string]string{"k": "v"}, Nodes: []*registry.Node{{Id: id, Address: "127.0.0.1:1"}}}
}

func TestRegistrationsAreInTheLayoutOfGoMicroV4(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	r, c := newRegistry(t, s.Addr), client(t, s.Addr)
	must(t, r.Register(greeter("node/1"), registry.RegisterTTL(2500*time.Millisecond)))
	reply, err := c.Get(ctx, "/micro/registry/a-greeter/node-1")
	must(t, err)
	if len(reply.Kvs) != 1 {
		t.Fatal("the key is not there")
	}
	var got registry.Service
	must(t, json.Unmarshal(reply.Kvs[0].Value, &got))
	if got.Name != "a/greeter" || len(got.Nodes) != 1 || got.Nodes[0].Id != "node/1" || got.Metadata["k"] != "v" {
		t.Errorf("the value is %s", reply.Kvs[0].Value)
	}
	ttl, err := c.TimeToLive(ctx, clientv3.LeaseID(reply.Kvs[0].Lease))
	if err != nil || ttl.GrantedTTL != 3 {
		t.Errorf("the lease is for %d seconds, %v", ttl.GrantedTTL, err)
	}
	theirs := `{"name":"a/greeter","version":"2","metadata":null,"endpoints":null,"nodes":[{"id":"x","address":"127.0.0.1:2","metadata":null}]}`
	_, err = c.Put(ctx, "/micro/registry/a-greeter/x", theirs)
	must(t, err)
	_, err = c.Put(ctx, "/micro/registry/a-greeter/y", "no service")
	must(t, err)
	services, err := r.GetService("a/greeter")
	if err != nil || len(services) != 2 || services[1].Version != "2" {
		t.Errorf("services are %v, %v", services, err)
	}
	if _, err := r.GetService("a-greeter"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a service whose key is alike is found: %v", err)
	}
}

func TestRegisteringWhatIsThereWritesNothing(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	r, c := newRegistry(t, s.Addr), client(t, s.Addr)
	revision := func() int64 {
		reply, err := c.Get(ctx, "/")
		must(t, err)
		return reply.Header.Revision
	}
	for _, ttl := range []time.Duration{0, time.Hour} {
		must(t, r.Register(greeter("1"), registry.RegisterTTL(ttl)))
		before := revision()
		must(t, r.Register(greeter("1"), registry.RegisterTTL(ttl)))
		if after := revision(); after != before {
			t.Errorf("TTL %v: revision %d became %d", ttl, before, after)
		}
	}
	changed := greeter("1")
	changed.Endpoints = []*registry.Endpoint{{Name: "Say.Hello"}}
	must(t, r.Register(changed, registry.RegisterTTL(time.Hour)))
	services, err := r.GetService("a/greeter")
	if err != nil || len(services[0].Endpoints) != 1 {
		t.Errorf("a changed endpoint is not published: %v, %v", services, err)
	}
	_, err = c.Delete(ctx, "/micro/registry/", clientv3.WithPrefix())
	must(t, err)
	must(t, r.Register(changed, registry.RegisterTTL(time.Hour)))
	if _, err := r.GetService("a/greeter"); err != nil {
		t.Errorf("what somebody deleted does not come back: %v", err)
	}
}

func TestAWatcherIsToldOfAllEventsOfOneTransaction(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	r, c := newRegistry(t, s.Addr), client(t, s.Addr)
	w, err := r.Watch()
	must(t, err)
	t.Cleanup(w.Stop)
	var ops []clientv3.Op
	for _, id := range []string{"1", "2", "3"} {
		encoded, err := json.Marshal(greeter(id))
		must(t, err)
		ops = append(ops, clientv3.OpPut("/micro/registry/a-greeter/"+id, string(encoded)))
	}
	_, err = c.Txn(ctx).Then(ops...).Commit()
	must(t, err)
	var ids []string
	for range ops {
		result, err := w.Next()
		must(t, err)
		if result.Action != "create" {
			t.Errorf("the action is %s", result.Action)
		}
		ids = append(ids, result.Service.Nodes[0].Id)
	}
	if !slices.Equal(ids, []string{"1", "2", "3"}) {
		t.Errorf("events are about %v", ids)
	}
}

func TestAServiceNeedsANode(t *testing.T) {
	r := newRegistry(t, "127.0.0.1:1")
	for name, err := range map[string]error{
		"Register":   r.Register(&registry.Service{Name: "a"}),
		"Deregister": r.Deregister(&registry.Service{Name: "a"}),
	} {
		if err == nil || err.Error() != "Require at least one node" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddressesOfTheEnvironmentAreAListBelowTheOptions(t *testing.T) {
	s := etcdserver.New(t)
	t.Setenv("MICRO_REGISTRY_ADDRESS", "127.0.0.1:1, "+s.Addr)
	r := etcd.NewRegistry()
	t.Cleanup(func() { must(t, r.(io.Closer).Close()) })
	must(t, r.Register(greeter("1")))
	t.Setenv("MICRO_REGISTRY_ADDRESS", "127.0.0.1:1")
	if _, err := newRegistry(t, s.Addr).GetService("a/greeter"); err != nil {
		t.Error(err)
	}
}

func TestWrongPasswordsAndServersThatAreAwayAreToldInTime(t *testing.T) {
	s, ctx := etcdserver.New(t), context.Background()
	c := client(t, s.Addr)
	_, err := c.UserAdd(ctx, "root", "secret")
	must(t, err)
	_, err = c.UserGrantRole(ctx, "root", "root")
	must(t, err)
	_, err = c.AuthEnable(ctx)
	must(t, err)
	soon := registry.Timeout(5 * time.Second)
	for name, r := range map[string]registry.Registry{
		"no password":          newRegistry(t, s.Addr, soon),
		"wrong password":       newRegistry(t, s.Addr, soon, etcd.Auth("root", "wrong")),
		"nobody there":         newRegistry(t, "127.0.0.1:1", soon),
		"a wrong one in a URL": newRegistry(t, "http://root:not-secret@"+s.Addr, soon),
		"nobody at a URL":      newRegistry(t, "http://root:secret@127.0.0.1:1", soon),
		"no URL":               newRegistry(t, "http://root:se%zzcret@"+s.Addr, soon),
		"a cut-off URL":        newRegistry(t, "http://root:1#secret@"+s.Addr, soon),
	} {
		begun := time.Now()
		err := r.Register(greeter("1"))
		if err == nil || strings.Contains(err.Error(), "cret") || time.Since(begun) > 20*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
		t.Log(err)
	}
	must(t, newRegistry(t, s.Addr, etcd.Auth("root", "secret")).Register(greeter("1")))
	must(t, newRegistry(t, "http://root:secret@"+s.Addr).Register(greeter("1")))
	t.Setenv("ETCD_USERNAME", "root")
	t.Setenv("ETCD_PASSWORD", "secret")
	must(t, newRegistry(t, s.Addr).Deregister(greeter("1")))
}
