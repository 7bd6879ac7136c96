package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type Request struct {
	Name string `json:"name"`
}

type Response struct {
	Greeting string `json:"greeting"`
}

type Greeter struct{}

func (*Greeter) Hello(_ context.Context, req *Request, rsp *Response) error {
	rsp.Greeting = "Hello " + req.Name
	return nil
}

func (*Greeter) Page(_ context.Context, req *pb.Request, rsp *pb.Response) error {
	rsp.Body = "page " + req.GetPath()
	return nil
}

func (*Greeter) Odd(context.Context, *Request, *Response) error { return nil }

// launch runs a gateway over the services of a world until the context ends.
func launch(ctx context.Context, w *apitest.World, opts ...api.Option) (url string, ran <-chan error) {
	w.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(w))
	a := api.NewApi(append([]api.Option{
		api.WithAddress("127.0.0.1:1"), api.WithRouter(w.Router()),
		api.WithHandler(handler.WithClient(w.Client)),
		api.WithServer(server.AccessLog(nil), server.Logger(apitest.Quiet)),
	}, opts...)...)
	if err := a.Init(api.WithAddress(address)); err != nil { // takes effect: it is not Run yet
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	testkit.Listens(w, address)
	return "http://" + address, ended
}

// run is launch until the test ends.
func run(t *testing.T, w *apitest.World, opts ...api.Option) string {
	t.Helper()
	rtr := w.Router()
	ctx, cancel := context.WithCancel(context.Background())
	url, ran := launch(ctx, w, append(opts, api.WithRouter(rtr))...)
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run returned %v", err)
		}
		if _, err := rtr.Route(new(http.Request)); !errors.Is(err, router.ErrClosed) {
			t.Errorf("the router was not stopped: %v", err)
		}
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return url
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	rsp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp.StatusCode, strings.TrimSpace(string(body))
}

func greeter(w *apitest.World) {
	at := func(name, path, kind string) *api.Endpoint {
		return &api.Endpoint{Name: name, Path: []string{path}, Method: []string{"GET", "POST"}, Handler: kind}
	}
	w.Serve("go.micro.greeter", new(Greeter),
		api.WithEndpoint(at("Greeter.Hello", "/hello/{name}", "rpc")),
		api.WithEndpoint(at("Greeter.Page", "/pages/**", "api")),
		api.WithEndpoint(at("Greeter.Odd", "/odd", "odd")))
}

func TestEachEndpointIsServedByTheHandlerItNames(t *testing.T) {
	w := apitest.NewWorld(t)
	greeter(w)
	site := w.Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "site ", r.URL) }))
	err := w.Registry.Register(&registry.Service{Name: "site", Version: "1",
		Nodes:     []*registry.Node{{Id: "1", Address: strings.TrimPrefix(site, "http://")}},
		Endpoints: []*registry.Endpoint{{Name: "/", Metadata: api.Encode(&api.Endpoint{Name: "/", Path: []string{"/site/**"}, Method: []string{"GET"}, Handler: "web"})}}})
	if err != nil {
		t.Fatal(err)
	}
	url := run(t, w)
	for path, want := range map[string]string{
		"/hello/Ada":                   `200 {"greeting":"Hello Ada"}`,
		"/greeter/Greeter/Hello?name=": `200 {"greeting":"Hello "}`,
		"/pages/a/b":                   `200 page /pages/a/b`,
		"/site/x?y=z":                  `200 site /site/x?y=z`,
		"/odd":                         `500 {"id":"go.micro.api","code":500,"detail":"unknown handler \"odd\" of go.micro.greeter.Greeter.Odd","status":"Internal Server Error"}`,
		"/nowhere":                     `404 {"id":"go.micro.api","code":404,"detail":"service not found","status":"Not Found"}`,
	} {
		if code, body := get(t, url+path); fmt.Sprint(code, " ", body) != want {
			t.Errorf("%s: got %d %s, want %s", path, code, body, want)
		}
	}
}

func TestAWrapperGoesAroundEveryHandler(t *testing.T) {
	w := apitest.NewWorld(t)
	greeter(w)
	refuse := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "who are you", http.StatusUnauthorized) })
	}
	url := run(t, w, api.WithServer(server.WrapHandler(refuse)))
	for _, path := range []string{"/hello/Ada", "/pages/a", "/openapi.json"} {
		if code, _ := get(t, url+path); code != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestTheGatewayDescribesItsEndpoints(t *testing.T) {
	w := apitest.NewWorld(t)
	greeter(w)
	code, body := get(t, run(t, w)+"/openapi.json")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || code != 200 || doc.OpenAPI != "3.1.0" || doc.Paths["/hello/{name}"]["get"] == nil {
		t.Errorf("got %d %s, %v", code, body, err)
	}
	if code, _ := get(t, run(t, w, api.WithOpenAPI(""))+"/openapi.json"); code != 404 {
		t.Errorf("without a path the document is answered with %d", code)
	}
}

// stoppable is a router that counts its stops.
type stoppable struct {
	router.Router
	stopped int
}

func (s *stoppable) Stop() error { s.stopped++; return nil }

func (s *stoppable) Options() router.Options { return router.NewOptions() }

func TestRunStopsTheRouterEvenWhenTheServerDoesNotStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := new(stoppable)
	err = api.NewApi(api.WithAddress(l.Addr().String()), api.WithRouter(r)).Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || r.stopped != 1 {
		t.Errorf("Run returned %v, the router was stopped %d times", err, r.stopped)
	}
}
