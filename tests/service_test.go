package tests_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/tests"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/test"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // benchmarks within tests are short
		if err := flag.Set("test.benchtime", "3x"); err != nil {
			panic(err)
		}
	}
	testkit.Main(m)
}

// newService makes a service of the built-in parts: the registry and the broker in
// memory, and the http transport.
func newService(name string, opts ...micro.Option) (micro.Service, error) {
	reg := registry.NewMemoryRegistry(registry.Services(test.Data))
	b := broker.NewMemoryBroker(broker.Registry(reg))
	tr := transport.NewHTTPTransport()
	sel := selector.NewSelector(selector.Registry(reg))
	log := logger.NewLogger(logger.WithOutput(io.Discard))
	return micro.NewService(append([]micro.Option{
		micro.Name(name),
		micro.Server(server.NewServer(server.Name(name), server.Address("127.0.0.1:0"), server.Registry(reg),
			server.Broker(b), server.Transport(tr), server.WithLogger(log))),
		micro.Client(client.NewClient(client.Registry(reg), client.Selector(sel), client.Broker(b), client.Transport(tr))),
		micro.Registry(reg),
		micro.Broker(b),
		micro.Transport(tr),
		micro.Selector(sel),
		micro.Logger(log),
		micro.HandleSignal(false),
		micro.AfterStop(sel.Close),
	}, opts...)...), nil
}

// called remembers the services that were made.
type called struct {
	mu    sync.Mutex
	names []string
}

func (c *called) newService(name string, opts ...micro.Option) (micro.Service, error) {
	c.mu.Lock()
	c.names = append(c.names, name)
	c.mu.Unlock()
	return newService(name, opts...)
}

func TestEachKindRunsInEachNumberOfRoutines(t *testing.T) {
	var made called
	config := &tests.ServiceTestConfig{
		Name: "svc", NewService: made.newService,
		Parallel: []int{1, 3}, Sequential: []int{1, 2}, Streams: []int{2}, PubSub: []int{2},
	}
	testing.Benchmark(config.Run)
	want := []string{
		"svc.1p-1req", "svc.1p-2req", "svc.3p-1req", "svc.3p-2req", "svc.1p-2streams", "svc.3p-2streams", "svc.1p-2pubsub", "svc.3p-2pubsub",
	}
	slices.Sort(want)
	got := slices.Clone(made.names)
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), want) {
		t.Errorf("services %v, want %v", got, want)
	}
}

func TestPublishingAloneIsATest(t *testing.T) {
	var made called
	config := &tests.ServiceTestConfig{Name: "svc", NewService: made.newService, Parallel: []int{2}, PubSub: []int{1}, Sequential: []int{0, 5}}
	testing.Benchmark(config.Run)
	if names := slices.Compact(made.names); len(names) != 1 || names[0] != "svc.2p-1pubsub" {
		t.Errorf("services %v", names)
	}
}

func TestNothingToRunIsAnError(t *testing.T) {
	for name, config := range map[string]*tests.ServiceTestConfig{
		"nothing":     {Name: "svc"},
		"no routines": {Name: "svc", Sequential: []int{1}},
		"no work":     {Name: "svc", Parallel: []int{1}},
		"all 0":       {Name: "svc", Parallel: []int{1}, Sequential: []int{0}, Streams: []int{0, 1}, PubSub: []int{0}},
	} {
		config.NewService = func(string, ...micro.Option) (micro.Service, error) {
			t.Errorf("%s: a service was made", name)
			return nil, errors.New("not wanted")
		}
		ran := false
		testing.Benchmark(func(b *testing.B) {
			defer func() { ran = b.Failed() }()
			config.Run(b)
		})
		if !ran {
			t.Errorf("%s: the benchmark did not fail", name)
		}
	}
}

func TestAFailingBenchmarkEndsItsKind(t *testing.T) {
	var made called
	config := &tests.ServiceTestConfig{
		Name: "svc", Parallel: []int{1, 2}, Sequential: []int{1}, Streams: []int{1},
		NewService: func(name string, opts ...micro.Option) (micro.Service, error) {
			_, _ = made.newService(name, opts...)
			return nil, errors.New("no service today")
		},
	}
	testing.Benchmark(config.Run)
	if len(made.names) != 2 || !strings.HasSuffix(made.names[0], "req") || !strings.HasSuffix(made.names[1], "streams") {
		t.Errorf("services %v", made.names)
	}
}

func TestSeveralErrorsAreReported(t *testing.T) {
	var failed bool
	config := &tests.ServiceTestConfig{
		Name: "svc", Parallel: []int{8}, PubSub: []int{4},
		NewService: func(name string, opts ...micro.Option) (micro.Service, error) {
			return newService(name, append(opts, micro.WrapClient(func(c client.Client) client.Client { return dead{c} }))...)
		},
	}
	testing.Benchmark(func(b *testing.B) {
		config.Run(b)
		failed = b.Failed()
	})
	if !failed {
		t.Error("the benchmark did not fail")
	}
}

func TestAServiceThatDoesNotStartFailsAtOnce(t *testing.T) {
	var failed bool
	config := &tests.ServiceTestConfig{
		Name: "svc", Parallel: []int{1}, Sequential: []int{1},
		NewService: func(name string, opts ...micro.Option) (micro.Service, error) {
			return newService(name, append(opts, micro.BeforeStart(func() error { return errors.New("no disk today") }))...)
		},
	}
	testing.Benchmark(func(b *testing.B) {
		config.Run(b)
		failed = b.Failed()
	})
	if !failed {
		t.Error("the benchmark did not fail")
	}
}

// dead is a client whose messages fail, all of them.
type dead struct{ client.Client }

func (dead) Publish(context.Context, client.Message, ...client.PublishOption) error {
	return errors.New("no broker today")
}

func TestHandlersTakeTheMessagesThatArePublished(t *testing.T) {
	config := new(tests.ServiceTestConfig)
	if err := config.Handle(t.Context(), &debug.BusMsg{Msg: "x"}); err != nil {
		t.Error(err)
	}
	if err := config.HandleError(t.Context(), &debug.BusMsg{Msg: "x"}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkService(b *testing.B) {
	config := &tests.ServiceTestConfig{
		Name: "test-service", NewService: newService,
		Parallel: []int{1, 8}, Sequential: []int{1, 10}, Streams: []int{1, 10}, PubSub: []int{1, 10},
	}
	config.Run(b)
}
