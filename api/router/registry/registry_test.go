package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// quiet logs nothing that tests would show.
var quiet = logger.NewLogger(logger.WithLevel(logger.FatalLevel))

func endpoint(name, path string) *registry.Endpoint {
	return &registry.Endpoint{Name: name, Metadata: router.Encode(&router.Endpoint{Name: name, Path: []string{path}, Method: []string{"GET"}, Handler: "rpc"})}
}

func service(name, version string, endpoints ...*registry.Endpoint) *registry.Service {
	return &registry.Service{Name: name, Version: version, Endpoints: endpoints, Nodes: []*registry.Node{{Id: name + version, Address: "127.0.0.1:1"}}}
}

func register(t *testing.T, r registry.Registry, s *registry.Service) {
	t.Helper()
	if err := r.Register(s); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, r registry.Registry, opts ...router.Option) router.Router {
	t.Helper()
	rtr := routes.NewRouter(append([]router.Option{router.WithRegistry(r), router.WithLogger(quiet)}, opts...)...)
	t.Cleanup(func() { _ = rtr.Stop() })
	return rtr
}

func request(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }

func TestEndpointsOfTheRegistryAreRouted(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, service("users", "1", endpoint("Users.Get", "/users/{userId}"), endpoint("Users.Old", "/old"), &registry.Endpoint{Name: "Users.Plain"}))
	register(t, r, service("users", "2", endpoint("Users.Get", "/users/{userId}/profile")))
	rtr := start(t, r)

	req := request("/users/7/profile") // at once: the first request waits for the routes
	route, err := rtr.Route(req)
	if err != nil || route.Service != "users" || route.Endpoint.Name != "Users.Get" || len(route.Versions) != 2 {
		t.Fatalf("got %+v, %v", route, err)
	}
	if id, _ := metadata.Get(req.Context(), "x-api-field-userId"); id != "7" {
		t.Errorf("the field is %q", id)
	}
	if route, err := rtr.Route(request("/old")); err != nil || len(route.Versions) != 1 {
		t.Errorf("an endpoint of one version: %+v, %v", route, err)
	}
	if route, err := rtr.Route(request("/users/7")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the path of an older version: %+v, %v", route, err)
	}
}

func TestRoutesFollowTheRegistry(t *testing.T) {
	r := registry.NewMemoryRegistry()
	rtr := start(t, r)
	found := func(path string) func() bool {
		return func() bool { _, err := rtr.Route(request(path)); return err == nil }
	}
	s := service("users", "1", endpoint("Users.Get", "/users/{id}"))
	register(t, r, s)
	testkit.Eventually(t, "a new service is routed to", found("/users/7"))
	s.Endpoints = []*registry.Endpoint{endpoint("Users.Get", "/people/{id}")}
	register(t, r, s)
	testkit.Eventually(t, "a changed service is routed to", found("/people/7"))
	if found("/users/7")() {
		t.Error("the former path is still routed")
	}
	if err := r.Deregister(s); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "a service that is gone has no routes", func() bool { return !found("/people/7")() })
}

func TestRequestsThatNoEndpointDescribesAreResolved(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, service("go.micro.greeter", "1"))
	register(t, r, service("go.micro.v1.greeter", "1"))
	for _, tc := range []struct{ handler, path, service, endpoint, kind string }{
		{"meta", "/greeter/Hello", "go.micro.greeter", "greeter.Hello", "rpc"},
		{"meta", "/greeter/Greeter/Hello", "go.micro.greeter", "Greeter.Hello", "rpc"},
		{"api", "/greeter", "go.micro.greeter", "GET", "api"},
		{"rpc", "/v1/greeter/Hello", "go.micro.v1.greeter", "greeter.Hello", "rpc"},
		{"web", "/greeter/a/b/c?d=e", "go.micro.greeter", "/greeter/a/b/c?d=e", "web"},
		{"http", "/greeter", "go.micro.greeter", "/greeter", "http"},
	} {
		rtr := start(t, r, router.WithHandler(tc.handler))
		route, err := rtr.Route(request(tc.path))
		if err != nil || route.Service != tc.service || route.Endpoint.Name != tc.endpoint || route.Endpoint.Handler != tc.kind {
			t.Errorf("%s %s: got %+v, %v", tc.handler, tc.path, route, err)
		}
	}
	if _, err := start(t, r, router.WithHandler("nonsense")).Route(request("/greeter")); err == nil || err.Error() != "unknown handler" {
		t.Errorf("got %v", err)
	}
}

func TestWhatEveryServerAnswersByItselfIsNotRouted(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, service("go.micro.greeter", "1", &registry.Endpoint{Name: "Debug.Health"}))
	for _, handler := range []string{"rpc", "api"} {
		rtr := start(t, r, router.WithHandler(handler))
		if route, err := rtr.Route(request("/greeter/Debug/Log")); !errors.Is(err, router.ErrNotFound) {
			t.Errorf("%s: got %+v, %v", handler, route, err)
		}
		if _, err := rtr.Route(request("/greeter/Debug/Health")); err != nil {
			t.Errorf("%s: what the program has registered: %v", handler, err)
		}
	}
}

func TestAMethodThatNoEndpointHasIsReported(t *testing.T) {
	r := registry.NewMemoryRegistry()
	register(t, r, service("users", "1", endpoint("Users.Get", "/users")))
	_, err := start(t, r).Route(httptest.NewRequest("PUT", "/users", nil))
	var method *router.MethodError
	if !errors.As(err, &method) {
		t.Errorf("got %v", err)
	}
}

func TestAStoppedRouterRoutesNothing(t *testing.T) {
	rtr := start(t, registry.NewMemoryRegistry())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _ = rtr.Stop() })
	}
	wg.Wait()
	if _, err := rtr.Route(request("/users/1")); !errors.Is(err, router.ErrClosed) || err.Error() != "router closed" {
		t.Errorf("got %v", err)
	}
}

// broken is a registry that fails, and counts how often it is asked.
type broken struct {
	registry.Registry
	watches, lists atomic.Int32
}

func (b *broken) Watch(...registry.WatchOption) (registry.Watcher, error) {
	b.watches.Add(1)
	return nil, errors.New("broken")
}

func (b *broken) ListServices(...registry.ListOption) ([]*registry.Service, error) {
	b.lists.Add(1)
	return nil, errors.New("broken")
}

func TestARegistryThatFailsIsAskedAgainAfterAPause(t *testing.T) {
	b := &broken{Registry: registry.NewMemoryRegistry()}
	rtr := start(t, b)
	if _, err := rtr.Route(request("/users/1")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := rtr.Stop(); err != nil { // does not wait for the pauses
		t.Error(err)
	}
	if w, l := b.watches.Load(), b.lists.Load(); w > 3 || l > 3 {
		t.Errorf("watched %d times, listed %d times", w, l)
	}
}

func TestALookupEndsWithItsRequest(t *testing.T) {
	rtr := start(t, registry.NewMemoryRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rtr.Route(request("/users/1").WithContext(ctx)); err == nil {
		t.Error("no error")
	}
}

func BenchmarkRouteAmongAThousandEndpoints(b *testing.B) {
	r := registry.NewMemoryRegistry()
	for i := range 100 {
		s := service(fmt.Sprintf("s%d", i), "1")
		for j := range 10 {
			s.Endpoints = append(s.Endpoints, endpoint(fmt.Sprintf("S.M%d", j), fmt.Sprintf("/v1/s%d/m%d/{id}", i, j)))
		}
		if err := r.Register(s); err != nil {
			b.Fatal(err)
		}
	}
	rtr := routes.NewRouter(router.WithRegistry(r), router.WithLogger(quiet))
	defer rtr.Stop()
	base := request("/v1/s99/m9/7")
	b.ReportAllocs()
	for b.Loop() {
		req := *base
		if _, err := rtr.Route(&req); err != nil {
			b.Fatal(err)
		}
	}
}
