package http_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	mhttp "github.com/justcy/go-micro/v4/util/http"
)

func TestMain(m *testing.M) {
	testkit.Main(m)
}

func ExampleWriteBadRequestError() {
	w := httptest.NewRecorder()
	mhttp.WriteBadRequestError(w, errors.New("name is missing"))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Content-Length"), w.Body)
	// Output: 400 application/json 27 {"error":"name is missing"}
}

func TestAnInternalServerErrorIsWrittenAsJSON(t *testing.T) {
	w := httptest.NewRecorder()
	mhttp.WriteInternalServerError(w, errors.New(`"quoted"`))
	if w.Code != 500 || w.Body.String() != `{"error":"\"quoted\""}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRequestToContextDerivesFromTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Add("X-A", "1")
	r.Header.Add("X-A", "2")
	got := mhttp.RequestToContext(r)
	if v, _ := metadata.Get(got, "X-A"); v != "1,2" {
		t.Errorf("X-A is %q", v)
	}
	cancel()
	if got.Err() == nil {
		t.Error("cancelling the request does not cancel the context")
	}
}

// backend is a server that fails, by dropping the connection, so many times.
func backend(t *testing.T, failures int32) (addr string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if calls.Add(1) <= failures {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return strings.TrimPrefix(srv.URL, "http://"), calls
}

// client sends requests to services, of which greeter:80 has a node at addr.
func client(t *testing.T, addr string) *http.Client {
	t.Helper()
	r := registry.NewMemoryRegistry()
	s := &registry.Service{Name: "greeter:80", Version: "1", Nodes: []*registry.Node{{Id: "1", Address: addr}}}
	if err := r.Register(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Deregister(s) })
	return &http.Client{Transport: mhttp.NewRoundTripper(mhttp.WithRegistry(r))}
}

func TestRoundTripperSendsToANodeAndLeavesTheRequestAlone(t *testing.T) {
	addr, _ := backend(t, 0)
	r, _ := http.NewRequest("POST", "http://greeter:80/hello", strings.NewReader("body"))
	rsp, err := client(t, addr).Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "/hello body" {
		t.Errorf("the response is %q", body)
	}
	if r.URL.Host != "greeter:80" {
		t.Errorf("the request now goes to %s", r.URL.Host)
	}
}

func TestRoundTripperReplaysTheBodyOrDoesNotTryAgain(t *testing.T) {
	addr, calls := backend(t, 2)
	rsp, err := client(t, addr).Post("http://greeter:80/", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "/ body" || calls.Load() != 3 {
		t.Errorf("the response after %d calls is %q", calls.Load(), body)
	}

	addr, calls = backend(t, 2)
	once := io.MultiReader(strings.NewReader("body"))
	if _, err := client(t, addr).Post("http://greeter:80/", "text/plain", once); err == nil || calls.Load() != 1 {
		t.Errorf("a body that is gone is sent %d times, the error is %v", calls.Load(), err)
	}
}

func TestRoundTripperReturnsTheLastCause(t *testing.T) {
	addr, calls := backend(t, 99)
	_, err := client(t, addr).Post("http://greeter:80/", "text/plain", strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "failed request") || !errors.Is(err, io.EOF) || calls.Load() != 3 {
		t.Errorf("after %d calls the error is %v", calls.Load(), err)
	}
	_, err = client(t, addr).Get("http://nobody/")
	if err == nil || !strings.Contains(err.Error(), "service nobody") {
		t.Errorf("the error is %v", err)
	}
}

func TestRoundTripperStopsWhenTheContextIsDone(t *testing.T) {
	addr, calls := backend(t, 99)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://greeter:80/", nil)
	if _, err := client(t, addr).Transport.RoundTrip(r); !errors.Is(err, context.Canceled) || calls.Load() != 0 {
		t.Errorf("after %d calls the error is %v", calls.Load(), err)
	}
}

func TestRoundTripperLooksUpUnderTheContextOfTheRequest(t *testing.T) {
	asked := contextRegistry{contexts: make(chan context.Context, 1)}
	c := &http.Client{Transport: mhttp.NewRoundTripper(mhttp.WithRegistry(asked))}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://greeter/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if rsp, err := c.Do(r); err == nil {
		rsp.Body.Close()
		t.Fatal("a service that is not there answered")
	}
	lookup := <-asked.contexts
	cancel()
	if lookup == nil || lookup.Err() == nil {
		t.Errorf("the context of the lookup is %v after the end of the request's", lookup)
	}
}

// contextRegistry has no service, and tells with which context it was asked.
type contextRegistry struct {
	registry.Registry
	contexts chan context.Context
}

func (r contextRegistry) GetService(_ string, opts ...registry.GetOption) ([]*registry.Service, error) {
	var o registry.GetOptions
	for _, opt := range opts {
		opt(&o)
	}
	r.contexts <- o.Context
	return nil, registry.ErrNotFound
}
