package api_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/server"
)

func TestWithEndpointAttachesTheEncodedEndpoint(t *testing.T) {
	e := &api.Endpoint{Name: "Greeter.Hello", Path: []string{"/hello"}, Method: []string{"GET"}, Handler: "rpc"}
	options := server.HandlerOptions{Metadata: map[string]map[string]string{}}
	api.WithEndpoint(e)(&options)
	if got := options.Metadata["Greeter.Hello"]; got["path"] != "/hello" || got["handler"] != "rpc" {
		t.Errorf("metadata is %v", options.Metadata)
	}
	api.WithEndpoint(nil)(&options)
}

func TestEncodeAndDecodeOfNilAreNil(t *testing.T) {
	if api.Encode(nil) != nil || api.Decode(nil) != nil {
		t.Error("nil did not give nil")
	}
	if err := api.Validate(nil); err == nil || err.Error() != "endpoint is nil" {
		t.Errorf("Validate(nil) = %v", err)
	}
}

func TestOptionsDefaultToPort8080(t *testing.T) {
	if o := api.NewOptions(); o.Address != ":8080" || o.Router != nil {
		t.Errorf("options are %+v", o)
	}
}

func TestErrorsOfOptionsAreReportedByInit(t *testing.T) {
	broken := errors.New("broken")
	fail := func(*api.Options) error { return broken }
	if err := api.NewApi().Init(fail); !errors.Is(err, broken) {
		t.Errorf("Init returned %v", err)
	}
	a := api.NewApi(fail)
	if err := a.Init(); !errors.Is(err, broken) {
		t.Errorf("Init after NewApi with a failing option returned %v", err)
	}
	if err := a.Run(context.Background()); !errors.Is(err, broken) {
		t.Errorf("Run returned %v", err)
	}
}

func TestTheOpenAPIDocumentNeedsAPathOfItsOwn(t *testing.T) {
	for _, path := range []string{"/", "openapi.json", "/{x}", "/a b"} {
		if err := api.NewApi().Init(api.WithOpenAPI(path)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestConcurrentInitsLoseNothing(t *testing.T) {
	for range 200 {
		a := api.NewApi()
		pause := func(*api.Options) error { runtime.Gosched(); return nil }
		var wg sync.WaitGroup
		wg.Go(func() { _ = a.Init(api.WithAddress(":1"), pause) })
		wg.Go(func() { _ = a.Init(api.WithOpenAPI("/docs"), pause) })
		wg.Wait()
		if o := a.Options(); o.Address != ":1" || o.OpenAPI != "/docs" {
			t.Fatalf("options are %+v", o)
		}
	}
}

func TestAFailedInitChangesNothing(t *testing.T) {
	a := api.NewApi()
	_ = a.Init(api.WithAddress(":1"), func(*api.Options) error { return errors.New("broken") })
	if got := a.Options().Address; got != ":8080" {
		t.Errorf("address is %s", got)
	}
}

func ExampleEncode() {
	e := &api.Endpoint{
		Name:    "Greeter.Hello",
		Path:    []string{"/hello/{name}"},
		Method:  []string{"GET", "POST"},
		Handler: "rpc",
	}
	fmt.Println(api.Encode(e))
	// Output: map[endpoint:Greeter.Hello handler:rpc method:GET,POST path:/hello/{name}]
}
