package static_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/static"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func start(t *testing.T, services ...*registry.Service) *static.Router {
	t.Helper()
	r := registry.NewMemoryRegistry()
	for _, s := range services {
		s.Nodes = []*registry.Node{{Id: s.Name, Address: "127.0.0.1:1"}}
		if err := r.Register(s); err != nil {
			t.Fatal(err)
		}
	}
	rtr := static.NewRouter(router.WithRegistry(r))
	t.Cleanup(func() { _ = rtr.Stop() })
	return rtr
}

func route(service, endpoint, path string) *router.Route {
	return &router.Route{Service: service, Endpoint: &router.Endpoint{Name: endpoint, Path: []string{path}, Method: []string{"GET"}, Handler: "api"}}
}

func TestTheServiceIsTheRoutesOrBeforeTheFirstDot(t *testing.T) {
	rtr := start(t, &registry.Service{Name: "greeter"}, &registry.Service{Name: "go.micro.srv"})
	for _, tc := range []struct {
		route           *router.Route
		service, method string
	}{
		{route("", "greeter.Greeter.Hello", "/a"), "greeter", "Greeter.Hello"},
		{route("go.micro.srv", "Greeter.Hello", "/b"), "go.micro.srv", "Greeter.Hello"},
		{route("go.micro.srv", "go.micro.srv.Greeter.Bye", "/c"), "go.micro.srv", "Greeter.Bye"},
	} {
		if err := rtr.Register(tc.route); err != nil {
			t.Fatal(err)
		}
		got, err := rtr.Route(httptest.NewRequest("GET", tc.route.Endpoint.Path[0], nil))
		if err != nil || got.Service != tc.service || got.Endpoint.Name != tc.method || got.Endpoint.Handler != "rpc" || len(got.Versions) != 1 {
			t.Errorf("%+v: got %+v, %v", tc.route.Endpoint, got, err)
		}
	}
}

func TestRoutesAreReplacedAndRemovedByName(t *testing.T) {
	rtr := start(t, &registry.Service{Name: "greeter"})
	miss := func(path string) {
		t.Helper()
		_, err := rtr.Route(httptest.NewRequest("GET", path, nil))
		if !errors.Is(err, router.ErrNotFound) || err.Error() != "endpoint not found for "+path {
			t.Errorf("%s: %v", path, err)
		}
	}
	_ = rtr.Register(route("", "greeter.Hello", "/a"))
	if _, err := rtr.Route(httptest.NewRequest("GET", "/a", nil)); err != nil {
		t.Error(err)
	}
	_ = rtr.Register(route("", "greeter.Hello", "/b"))
	miss("/a")
	if err := rtr.Deregister(route("", "greeter.Hello", "/b")); err != nil {
		t.Error(err)
	}
	miss("/b")
}

func TestRoutesThatCannotMatchAreRefused(t *testing.T) {
	rtr := start(t)
	for name, r := range map[string]*router.Route{
		"nil":         nil,
		"no endpoint": {},
		"no handler":  {Endpoint: &router.Endpoint{Name: "a.B", Path: []string{"/a"}}},
		"template":    route("", "a.B", "/{a"),
		"deep twice":  route("", "a.B", "/**/x/**"),
	} {
		if err := rtr.Register(r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := rtr.Deregister(nil); err == nil {
		t.Error("Deregister(nil): no error")
	}
}

func TestAStreamingRouteMakesItsEndpointsStream(t *testing.T) {
	rtr := start(t,
		&registry.Service{Name: "chat", Endpoints: []*registry.Endpoint{{Name: "Other", Metadata: map[string]string{"kept": "yes"}}}},
		&registry.Service{Name: "bare"})
	for _, name := range []string{"chat", "bare"} {
		r := route(name, "Chat.Talk", "/"+name)
		r.Endpoint.Stream = true
		if err := rtr.Register(r); err != nil {
			t.Fatal(err)
		}
		got, err := rtr.Route(httptest.NewRequest("GET", "/"+name, nil))
		if err != nil {
			t.Fatal(err)
		}
		e := got.Versions[0].Endpoints
		if len(e) != 1 || e[0].Name != "Chat.Talk" || e[0].Metadata["stream"] != "true" || name == "chat" && e[0].Metadata["kept"] != "yes" {
			t.Errorf("%s: %+v", name, e)
		}
		_ = rtr.Deregister(r)
	}
}

func TestAStoppedRouterRoutesNothing(t *testing.T) {
	rtr := start(t)
	for range 2 {
		if err := rtr.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := rtr.Route(httptest.NewRequest("GET", "/a", nil)); !errors.Is(err, router.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := rtr.Register(route("", "a.B", "/a")); !errors.Is(err, router.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
