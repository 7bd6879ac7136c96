// Package openapi_test has a validator of OpenAPI judge what the gateway says about
// its endpoints, and what these answer.
package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	apiserver "github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var quiet = logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel))

// Item has fields of the types that a schema tells apart.
type Item struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Count  int64             `json:"count"`
	Size   uint32            `json:"size"`
	Price  float64           `json:"price"`
	On     bool              `json:"on"`
	Tags   []string          `json:"tags"`
	Data   []byte            `json:"data"`
	Labels map[string]string `json:"labels"`
	Inner  struct {
		A int `json:"a"`
	} `json:"inner"`
	Parent *Item `json:"parent"`
}

// Items is a service of plain structs, of protobuf messages and of a stream.
type Items struct{}

func (*Items) Echo(_ context.Context, req *Item, rsp *Item) error { *rsp = *req; return nil }

func (*Items) Pair(_ context.Context, req *pb.Pair, rsp *pb.Pair) error {
	rsp.Key, rsp.Values = req.GetKey(), req.GetValues()
	return nil
}

func (*Items) Watch(_ context.Context, s server.Stream) error { return s.Send(&Item{}) }

func (*Items) Page(_ context.Context, _ *pb.Request, rsp *pb.Response) error {
	rsp.Body = "page"
	return nil
}

func endpoint(name, kind string, methods []string, paths ...string) server.HandlerOption {
	return api.WithEndpoint(&api.Endpoint{Name: name, Description: "Does " + name, Method: methods, Path: paths, Handler: kind})
}

// gateway runs the service and a gateway to it, and returns the URL.
func gateway(t *testing.T) string {
	t.Helper()
	reg, net := registry.NewMemoryRegistry(), transport.NewMemoryTransport()
	s := server.NewServer(server.Name("go.micro.items"), server.Address("127.0.0.1:0"), server.Registry(reg), server.Transport(net), server.WithLogger(quiet))
	all := []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT", "ODD"}
	err := s.Handle(s.NewHandler(new(Items),
		endpoint("Items.Echo", "rpc", all, "/items/{id}", "/items/{inner.a}/parts/{id=shelves/**}:open", "/**", "/*/{arg1}/*", "/{id}/x/{id}", "^/r/[0-9]+$"),
		endpoint("Items.Pair", "rpc", []string{"POST", "GET"}, "/items/{other}", "/pair"),
		endpoint("Items.Page", "api", all, "/pages/{page}", "//"),
		endpoint("Items.Watch", "rpc", []string{"GET", "POST"}, "/watch"),
	))
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	err = reg.Register(&registry.Service{Name: "go.micro.plain", Version: "1", Nodes: []*registry.Node{{Id: "1", Address: "127.0.0.1:1"}},
		Endpoints: []*registry.Endpoint{{Name: "Plain.Get"}, {Name: "Plain.{Odd}"}, {Name: ""}, nil}})
	if err != nil {
		t.Fatal(err)
	}
	sel := selector.NewSelector(selector.Registry(reg))
	c := client.NewClient(client.Registry(reg), client.Selector(sel), client.Transport(net), client.WithLogger(quiet))
	t.Cleanup(func() { _ = sel.Close() })
	t.Cleanup(func() { _ = c.(io.Closer).Close() })

	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() {
		ran <- api.NewApi(api.WithAddress(address), api.WithHandler(handler.WithClient(c)),
			api.WithRouter(routes.NewRouter(router.WithRegistry(reg), router.WithLogger(quiet))),
			api.WithServer(apiserver.AccessLog(nil), apiserver.Logger(quiet))).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	testkit.Listens(t, address)
	return "http://" + address
}

func fetch(t *testing.T, method, url, body string) []byte {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	data, err := io.ReadAll(rsp.Body)
	if err != nil || rsp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s, %v", method, url, rsp.StatusCode, data, err)
	}
	return data
}

func value(t *testing.T, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func load(t *testing.T, url string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(fetch(t, "GET", url+"/openapi.json", ""))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	doc := load(t, gateway(t))
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("the version is %s", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/items/{id}", "/pair", "/pages/{page}", "/watch", "/plain/Plain/Get"} {
		if doc.Paths.Value(path) == nil {
			t.Errorf("%s is not there", path)
		}
	}
}

func TestTheValidatorRefusesWhatIsNotValid(t *testing.T) {
	doc := load(t, gateway(t))
	doc.Paths.Value("/items/{id}").Put.Parameters = nil
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err == nil {
		t.Error("a path without its parameter is valid")
	}
}

func TestRepliesAreAsTheDocumentSays(t *testing.T) {
	url := gateway(t)
	doc := load(t, url)
	for _, tc := range []struct{ path, at, body string }{
		{"/items/{id}", "/items/7", `{"name":"lamp","count":9007199254740993,"size":1,"price":1.5,"on":true,"tags":["a"],"data":"AQI=","labels":{"a":"b"},"inner":{"a":1}}`},
		{"/pair", "/pair", `{"key":"k","values":["v"]}`},
	} {
		operation := doc.Paths.Value(tc.path).Post
		sent, got := value(t, []byte(tc.body)), value(t, fetch(t, "POST", url+tc.at, tc.body))
		for what, check := range map[string]struct {
			schema *openapi3.Schema
			value  any
		}{
			"the request": {operation.RequestBody.Value.Content.Get("application/json").Schema.Value, sent},
			"the reply":   {operation.Responses.Value("200").Value.Content.Get("application/json").Schema.Value, got},
		} {
			if len(check.schema.Properties) == 0 {
				t.Errorf("%s: the schema of %s says nothing", tc.path, what)
			}
			if err := check.schema.VisitJSON(check.value, openapi3.EnableJSONSchema2020()); err != nil {
				t.Errorf("%s: %s: %v", tc.path, what, err)
			}
		}
	}
}
