package micro_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
)

type (
	EchoRequest  struct{ Text string }
	EchoResponse struct{ Text string }
)

// Echo is the handler of these tests.
type Echo struct{}

func (Echo) Call(_ context.Context, req *EchoRequest, rsp *EchoResponse) error {
	rsp.Text = req.Text
	return nil
}

// running runs a service until the test ends.
func running(t *testing.T, opts ...micro.Option) micro.Service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	opts = append(opts, micro.Context(ctx), micro.AfterStart(func() error { close(started); return nil }))
	service := micro.NewService(opts...)
	if err := micro.RegisterHandler(service.Server(), Echo{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Run() }()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("service ended: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return service
}

func TestServiceIsFoundAndCalled(t *testing.T) {
	opts := inMemory(micro.Name("echo"))
	running(t, opts...)
	caller := micro.NewService(opts...)
	t.Cleanup(func() { _ = caller.Client().Options().Selector.Close() })

	rsp := new(EchoResponse)
	c := caller.Client()
	if err := c.Call(t.Context(), c.NewRequest("echo", "Echo.Call", &EchoRequest{"hello"}), rsp); err != nil {
		t.Fatal(err)
	}
	if rsp.Text != "hello" {
		t.Errorf("answered %q", rsp.Text)
	}
}

func TestFirstServiceAdoptsThePackageDefaults(t *testing.T) {
	micro.ForgetAdoption()
	first, second := micro.NewService(), micro.NewService()
	if first.Server() != server.DefaultServer {
		t.Error("the first service does not use server.DefaultServer")
	}
	if first.Options().Registry != registry.DefaultRegistry || first.Options().Broker != broker.DefaultBroker {
		t.Error("the first service does not use the default registry and broker")
	}
	if second.Server() == server.DefaultServer {
		t.Error("the second service uses server.DefaultServer too")
	}
}

func TestTwoServicesDoNotDisturbEachOther(t *testing.T) { // name and version of the first were those of the last
	a := micro.NewService(micro.Name("a"), micro.Version("1"), micro.Metadata(map[string]string{"k": "a"}))
	b := micro.NewService(micro.Name("b"), micro.Version("2"), micro.Metadata(map[string]string{"k": "b"}))
	for service, want := range map[micro.Service]string{a: "a 1 a", b: "b 2 b"} {
		o := service.Server().Options()
		if got := fmt.Sprint(service.Name(), o.Version, o.Metadata["k"]); strings.ReplaceAll(want, " ", "") != got {
			t.Errorf("service is %s, want %s", got, want)
		}
	}
	if a.Options().Broker == b.Options().Broker || a.Options().Registry == b.Options().Registry {
		t.Error("two services share a broker or a registry")
	}
	if a.Server().Options().Id == b.Server().Options().Id {
		t.Error("two services share a node id")
	}
}

func TestADefaultOfAnotherKindIsMeantForEveryService(t *testing.T) {
	old := registry.DefaultRegistry
	registry.DefaultRegistry = registry.NewMemoryRegistry()
	t.Cleanup(func() { registry.DefaultRegistry = old })
	if got := micro.NewService().Options().Registry; got != registry.DefaultRegistry {
		t.Errorf("service uses registry %s, want the replaced default", got)
	}
}

func TestOrderOfOptionsMakesNoDifference(t *testing.T) { // Registry before Client left the client with another registry
	r, tr, b := registry.NewMemoryRegistry(), transport.NewMemoryTransport(), broker.NewMemoryBroker()
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 0, 4, 1, 5, 3}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			c, s, sel := client.NewClient(), server.NewServer(), selector.NewSelector()
			options := []micro.Option{
				micro.Client(c), micro.Server(s), micro.Registry(r), micro.Transport(tr), micro.Broker(b), micro.Selector(sel),
			}
			var list []micro.Option
			for _, i := range order {
				list = append(list, options[i])
			}
			micro.NewService(list...)
			for part, got := range map[string]bool{
				"client registry":   c.Options().Registry == r,
				"client transport":  c.Options().Transport == tr,
				"client broker":     c.Options().Broker == b,
				"client selector":   c.Options().Selector == sel,
				"selector registry": sel.Options().Registry == r,
				"server registry":   s.Options().Registry == r,
				"server transport":  s.Options().Transport == tr,
				"server broker":     s.Options().Broker == b,
				"broker registry":   b.Options().Registry == r,
			} {
				if !got {
					t.Errorf("%s is not the service's", part)
				}
			}
		})
	}
}

func TestInitWorksUnderGoTest(t *testing.T) { // the flags of go test were refused, which ended the process
	service := micro.NewService(inMemory(micro.Name("tested"))...)
	service.Init()
	service.Init(micro.Version("2"))
	if got := service.Server().Options().Version; got != "2" {
		t.Errorf("version is %q, want that of the second Init", got)
	}
}

func TestStoreTableIsNamedAfterTheService(t *testing.T) {
	s := store.NewMemoryStore(store.Table(""))
	micro.NewService(inMemory(micro.Name("tabled"), micro.Store(s))...).Init()
	if got := s.Options().Table; got != "tabled" {
		t.Errorf("table is %q, want tabled", got)
	}
}

func TestFirstClientWrapperIsOutermost(t *testing.T) {
	var seen []string
	wrap := func(name string) client.Wrapper {
		return func(c client.Client) client.Client { return &notingClient{c, func() { seen = append(seen, name) }} }
	}
	service := micro.NewService(inMemory(micro.WrapClient(wrap("first"), wrap("second")))...)
	service.Init(micro.WrapClient(wrap("later")))
	_ = service.Client().Call(t.Context(), service.Client().NewRequest("nobody", "No.One", nil), nil, client.WithRetries(0))
	if want := []string{"later", "first", "second"}; !slices.Equal(seen, want) {
		t.Errorf("wrappers ran in the order %q, want %q", seen, want)
	}
	_ = service.Client().Options().Selector.Close()
}

type notingClient struct {
	client.Client
	note func()
}

func (c *notingClient) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	c.note()
	return c.Client.Call(ctx, req, rsp, opts...)
}

func TestTracerTracesBothSides(t *testing.T) {
	tracer := trace.NewTracer()
	opts := inMemory(micro.Name("traced"), micro.Tracer(tracer))
	running(t, opts...)
	caller := micro.NewService(opts...)
	t.Cleanup(func() { _ = caller.Client().Options().Selector.Close() })
	c := caller.Client()
	if err := c.Call(t.Context(), c.NewRequest("traced", "Echo.Call", &EchoRequest{}), new(EchoResponse)); err != nil {
		t.Fatal(err)
	}
	spans, err := tracer.Read()
	if err != nil || len(spans) != 2 || spans[0].Trace != spans[1].Trace {
		t.Errorf("got %d spans, %v; want the inbound and the outbound one of one trace", len(spans), err)
	}
}

func TestAServiceTravelsInAContext(t *testing.T) {
	service := micro.NewService(inMemory()...)
	if got, ok := micro.FromContext(micro.NewContext(t.Context(), service)); !ok || got != service {
		t.Error("the service did not come back from its context")
	}
	if _, ok := micro.FromContext(t.Context()); ok {
		t.Error("a bare context has a service")
	}
}

func TestEventIsPublishedToItsTopic(t *testing.T) {
	b := broker.NewMemoryBroker()
	if err := b.Connect(); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	if _, err := b.Subscribe("news", func(e broker.Event) error { got <- string(e.Message().Body); return nil }); err != nil {
		t.Fatal(err)
	}
	event := micro.NewEvent("news", client.NewClient(client.Broker(b)))
	if err := event.Publish(t.Context(), &EchoRequest{"hello"}); err != nil {
		t.Fatal(err)
	}
	if body := <-got; body != `{"Text":"hello"}`+"\n" {
		t.Errorf("message is %q", body)
	}
}

func TestBeforeStartErrorAborts(t *testing.T) {
	want := errors.New("not yet")
	after := false
	service := micro.NewService(inMemory(
		micro.BeforeStart(func() error { return want }),
		micro.AfterStart(func() error { after = true; return nil }),
	)...)
	if err := service.Run(); !errors.Is(err, want) || after {
		t.Errorf("Run returned %v, started: %v", err, after)
	}
}

func TestAfterStartFailureStopsTheServer(t *testing.T) {
	want := errors.New("no good")
	reg := registry.NewMemoryRegistry()
	service := micro.NewService(inMemory(micro.Registry(reg), micro.Name("failing"), micro.AfterStart(func() error { return want }))...)
	if err := service.Run(); !errors.Is(err, want) {
		t.Errorf("Run returned %v, want %v", err, want)
	}
	if _, err := reg.GetService("failing"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the service is still registered: %v", err)
	}
}

func TestStopRunsEverythingAndReturnsTheFirstError(t *testing.T) { // a later success hid it
	first, second := errors.New("first"), errors.New("second")
	ran := 0
	note := func(err error) func() error {
		return func() error { ran++; return err }
	}
	ctx, cancel := context.WithCancel(t.Context())
	service := micro.NewService(inMemory(
		micro.Context(ctx),
		micro.AfterStart(func() error { cancel(); return nil }),
		micro.BeforeStop(note(first)), micro.BeforeStop(note(second)), micro.AfterStop(note(nil)),
	)...)
	if err := service.Run(); !errors.Is(err, first) || errors.Is(err, second) {
		t.Errorf("Run returned %v, want %v alone", err, first)
	}
	if ran != 3 {
		t.Errorf("%d of 3 hooks ran", ran)
	}
}

func TestFailedOptionIsReturnedByRun(t *testing.T) {
	want := errors.New("cannot be used")
	service := micro.NewService(inMemory(micro.Server(&failingServer{server.NewServer(), want}), micro.Name("x"))...)
	if err := service.Run(); !errors.Is(err, want) {
		t.Errorf("Run returned %v, want %v", err, want)
	}
}

type failingServer struct {
	server.Server
	err error
}

func (s *failingServer) Init(...server.Option) error { return s.err }

// child runs the test binary as one of the programs in children.
func child(t *testing.T, name string, environment []string, args ...string) (string, error) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(append(os.Environ(), childVariable+"="+name), environment...)
	out, err := cmd.Output()
	return string(out), err
}

func TestSignalsAreReleasedAfterRun(t *testing.T) { // SIGTERM was swallowed for ever
	_, err := child(t, "signal", nil)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("program ended with %v, want the signal", err)
	}
	if status := exit.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("program ended with %v, want SIGTERM", exit)
	}
}

func TestFlagsAndEnvironmentWinOverOptions(t *testing.T) {
	out, _ := child(t, "init", []string{"MICRO_SERVER_VERSION=from-environment"}, "--server_name", "from-flag", "--help")
	if !strings.Contains(out, "coded latest memory") { // help changes nothing
		t.Errorf("with --help the program printed %q", out)
	}
	if !strings.Contains(out, "server_name") {
		t.Errorf("no help in %q", out)
	}
}

func TestAnUnknownFlagIsReturnedByRunUnderTest(t *testing.T) {
	out, err := child(t, "init", nil, "--no-such-flag")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(out, "run:") || !strings.Contains(out, "no-such-flag") {
		t.Errorf("program ended with %v and printed %q, want the error from Run", err, out)
	}
}

func TestUnknownRegistryNamesTheKnownOnes(t *testing.T) {
	out, _ := child(t, "init", nil, "--registry", "carrier-pigeon")
	if !strings.Contains(out, "Registry carrier-pigeon not found") || !strings.Contains(out, "known: mdns, memory") {
		t.Errorf("program printed %q", out)
	}
}
