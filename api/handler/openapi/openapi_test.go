package openapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/openapi"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// over is a router over a registry.
type over struct {
	router.Router
	registry registry.Registry
}

func (o over) Options() router.Options { return router.NewOptions(router.WithRegistry(o.registry)) }

// document is what tests look at in a document.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string
		Parameters  []struct{ Name, In string }
		RequestBody any
		Responses   map[string]struct{ Content map[string]any }
	}
}

// describe returns the document about a service with endpoints.
func describe(t *testing.T, endpoints ...*registry.Endpoint) document {
	t.Helper()
	r := registry.NewMemoryRegistry()
	err := r.Register(&registry.Service{Name: "go.micro.users", Version: "1", Endpoints: endpoints, Nodes: []*registry.Node{{Id: "1", Address: "127.0.0.1:1"}}})
	if err != nil {
		t.Fatal(err)
	}
	rec := apitest.Do(openapi.NewHandler(handler.WithRouter(over{registry: r})), httptest.NewRequest("GET", "/openapi.json", nil))
	var d document
	if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil || rec.Code != 200 || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s: %v", rec.Code, rec.Header(), rec.Body, err)
	}
	return d
}

func endpoint(name, path string, methods ...string) *registry.Endpoint {
	return &registry.Endpoint{Name: name, Metadata: router.Encode(&router.Endpoint{Name: name, Path: []string{path}, Method: methods, Handler: "rpc"})}
}

func TestTemplatesArePathsOfOpenAPI(t *testing.T) {
	for template, want := range map[string]string{
		"/users":                     "/users",
		"/users/{id}":                "/users/{id}",
		"/users/{user.id}:close":     "/users/{user.id}:close",
		"/v1/{name=shelves/*}/books": "/v1/{name}/books",
		"/files/**":                  "/files/{arg1}",
		"/*/{arg1}/*":                "/{arg_1}/{arg1}/{arg3}",
		"/{id}/friends/{id}":         "/{id}/friends/{id2}",
	} {
		d := describe(t, endpoint("Users.X", template, "GET"))
		if got := slices.Collect(maps.Keys(d.Paths)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %v, want %s", template, got, want)
			continue
		}
		if n := len(d.Paths[want]["get"].Parameters); n != strings.Count(want, "{") {
			t.Errorf("%s has %d parameters", want, n)
		}
	}
	if d := describe(t, endpoint("Users.X", "^/users/[0-9]+$", "GET")); len(d.Paths) != 0 {
		t.Errorf("a regular expression became %v", d.Paths)
	}
}

func TestFieldsAreParametersOrTheBody(t *testing.T) {
	request := &registry.Value{Name: "Request", Type: "Request", Values: []*registry.Value{{Name: "id", Type: "string"}, {Name: "all", Type: "bool"}}}
	get, put := endpoint("Users.Get", "/users/{id}", "GET"), endpoint("Users.Put", "/users/{id}", "PUT")
	get.Request, put.Request = request, request
	paths := describe(t, get, put).Paths["/users/{id}"]
	if p := paths["get"].Parameters; len(p) != 2 || p[0].In != "path" || p[1].Name != "all" || p[1].In != "query" || paths["get"].RequestBody != nil {
		t.Errorf("GET: %+v", paths["get"])
	}
	if p := paths["put"].Parameters; len(p) != 1 || p[0].Name != "id" || paths["put"].RequestBody == nil {
		t.Errorf("PUT: %+v", paths["put"])
	}
}

func TestAnEndpointWithoutADescriptionIsWhereTheResolverFindsIt(t *testing.T) {
	stream := &registry.Endpoint{Name: "Users.Watch", Metadata: map[string]string{"stream": "true"}}
	d := describe(t, &registry.Endpoint{Name: "Users.Get"}, stream)
	if op := d.Paths["/users/Users/Get"]["post"]; op.OperationID != "go.micro.users.Users.Get" || op.Responses["default"].Content["application/json"] == nil {
		t.Errorf("got %+v", d.Paths)
	}
	if op := d.Paths["/users/Users/Watch"]["post"]; op.Responses["200"].Content["text/event-stream"] == nil {
		t.Errorf("a stream: %+v", op)
	}
}

// slow is a registry that answers when its request ends.
type slow struct {
	registry.Registry
	asked chan struct{}
}

func (s slow) ListServices(opts ...registry.ListOption) ([]*registry.Service, error) {
	var o registry.ListOptions
	for _, opt := range opts {
		opt(&o)
	}
	s.asked <- struct{}{}
	<-o.Context.Done()
	return nil, o.Context.Err()
}

func TestARequestDoesNotOutliveItsClientForADocument(t *testing.T) {
	s := slow{registry.NewMemoryRegistry(), make(chan struct{}, 2)}
	h := openapi.NewHandler(handler.WithRouter(over{registry: s}))
	get := func(ctx context.Context) <-chan struct{} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			apitest.Do(h, httptest.NewRequest("GET", "/openapi.json", nil).WithContext(ctx))
		}()
		return done
	}
	first, cancelFirst := context.WithCancel(t.Context())
	making := get(first)
	<-s.asked
	second, cancelSecond := context.WithCancel(t.Context())
	waiting := get(second) // for the first, which makes the document
	cancelSecond()
	<-waiting
	select {
	case <-making:
		t.Error("the first ended with the second")
	default:
	}
	cancelFirst()
	<-making
}

func TestADocumentIsReadAndNothingElse(t *testing.T) {
	h := openapi.NewHandler(handler.WithRouter(over{registry: registry.NewMemoryRegistry()}))
	if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("POST", "/openapi.json", nil))); e.GetCode() != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v", e)
	}
	if rec := apitest.Do(h, httptest.NewRequest("HEAD", "/openapi.json", nil)); rec.Code != 200 || rec.Body.Len() != 0 || rec.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}
