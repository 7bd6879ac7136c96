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
	"github.com/justcy/go-micro/v4/api/router"
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

func TestConcurrentInitsLoseNothing(t *testing.T) {
	for range 200 {
		a := api.NewApi()
		pause := func(*api.Options) error { runtime.Gosched(); return nil }
		var wg sync.WaitGroup
		wg.Go(func() { _ = a.Init(api.WithAddress(":1"), pause) })
		wg.Go(func() {
			_ = a.Init(api.WithGateway(func(api.Options) (api.Gateway, error) { return nil, nil }), pause)
		})
		wg.Wait()
		if o := a.Options(); o.Address != ":1" || o.Gateway == nil {
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

// gateway records what an Api does with it.
type gateway struct {
	address  string
	startErr error
	started  chan struct{}
	stopped  int
}

func (g *gateway) Start() error {
	if g.started != nil {
		close(g.started)
	}
	return g.startErr
}

func (g *gateway) Stop() error { g.stopped++; return nil }

func (g *gateway) make(o api.Options) (api.Gateway, error) {
	g.address = o.Address
	return g, nil
}

func TestOptionsGivenToInitBeforeRunTakeEffect(t *testing.T) {
	g := &gateway{started: make(chan struct{})}
	a := api.NewApi(api.WithGateway(g.make))
	if err := a.Init(api.WithAddress("127.0.0.1:1234")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- a.Run(ctx) }()
	<-g.started
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if g.address != "127.0.0.1:1234" {
		t.Errorf("the gateway was made for %s", g.address)
	}
	if g.stopped != 1 {
		t.Errorf("the gateway was stopped %d times", g.stopped)
	}
}

func TestAGatewayThatFailsToStartIsStoppedAndReported(t *testing.T) {
	g := &gateway{startErr: errors.New("port in use")}
	err := api.NewApi(api.WithGateway(g.make)).Run(context.Background())
	if !errors.Is(err, g.startErr) || g.stopped != 1 {
		t.Errorf("Run returned %v, stopped %d times", err, g.stopped)
	}
}

// stoppable is a router that counts its stops.
type stoppable struct {
	router.Router
	stopped int
}

func (s *stoppable) Stop() error { s.stopped++; return nil }

// The goroutines of the router used to outlive Run.
func TestRunStopsTheRouter(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, g := range map[string]*gateway{"served": {}, "failed": {startErr: errors.New("port in use")}} {
		r := new(stoppable)
		_ = api.NewApi(api.WithGateway(g.make), api.WithRouter(r)).Run(ctx)
		if r.stopped != 1 {
			t.Errorf("%s: the router was stopped %d times", name, r.stopped)
		}
	}
}

func TestRunWithoutAGatewaySaysWhatToDo(t *testing.T) {
	err := api.NewApi().Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "WithGateway") {
		t.Errorf("Run returned %v", err)
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
