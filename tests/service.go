// Package tests benchmarks services as a whole, so that the authors of a
// transport, a registry, a broker, a client or a server see whether it works with
// the rest, and how fast. A benchmark is a [ServiceTestConfig] that makes the
// service:
//
//	func BenchmarkService(b *testing.B) {
//		config := tests.ServiceTestConfig{
//			Name:       "test-service",
//			NewService: newService, // with the parts to be looked at
//			Parallel:   []int{1, 8, 16},
//			Sequential: []int{0, 1, 10},
//			Streams:    []int{0, 1, 10},
//			PubSub:     []int{0, 1, 10},
//		}
//		config.Run(b)
//	}
//
// Package microtest is for testing what a service does.
package tests

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/handler"
	debug "github.com/justcy/go-micro/v4/debug/proto"
)

const (
	// topic is where messages are counted.
	topic = "Test-Topic"
	// errorTopic is where each message is an error.
	errorTopic = "Error-Topic"
	// warmUp is how many calls are made before anything is measured.
	warmUp = 10
	// patience is how long a service may take to start and to be registered.
	patience = time.Minute
	// look is how often a registry is asked whether it is.
	look = 10 * time.Millisecond
)

// ErrNoTests says that a configuration asks for nothing.
var ErrNoTests = errors.New("No tests to run, all values set to 0") //nolint:staticcheck // the text of go-micro v4

// errHandled is what the handler of the error topic returns.
var errHandled = errors.New("this is what the error topic is for")

// ServiceTestConfig says which service is benchmarked, and how. Each kind of work
// is done in each number of routines: an empty list, or one that begins with 0,
// leaves a kind out.
type ServiceTestConfig struct {
	// Name of the benchmarks and the services.
	Name string
	// NewService makes a service with this name and these options. It is called for
	// each benchmark. The broker has to deliver before Publish returns, as the one
	// in memory does, if messages are to be published.
	NewService func(name string, opts ...micro.Option) (micro.Service, error)
	// Parallel are numbers of routines that work at the same time.
	Parallel []int
	// Sequential are numbers of calls that each routine makes.
	Sequential []int
	// Streams are numbers of messages that each routine sends and receives on a
	// stream.
	Streams []int
	// PubSub are numbers of messages that each routine publishes to each of two
	// topics.
	PubSub []int

	mu       sync.Mutex
	received int
}

// Run runs a benchmark for each kind, number of routines p and number of things n,
// named <Name>.<p>p-<n>req, …streams and …pubsub. A benchmark that fails ends its
// kind. The whole fails with ErrNoTests if there is none.
func (c *ServiceTestConfig) Run(b *testing.B) {
	if len(c.Parallel) == 0 || !asked(c.Sequential) && !asked(c.Streams) && !asked(c.PubSub) {
		b.Fatal(ErrNoTests)
	}
	c.runKind(b, "req", c.Sequential, c.request)
	c.runKind(b, "streams", c.Streams, c.stream)
	c.runKind(b, "pubsub", c.PubSub, c.publish)
}

// asked reports whether these numbers of a kind ask for benchmarks of it.
func asked(numbers []int) bool { return len(numbers) > 0 && numbers[0] != 0 }

// A test does n things in each of p routines.
type test func(ctx context.Context, name string, c client.Client, p, n int) error

func (c *ServiceTestConfig) runKind(b *testing.B, kind string, numbers []int, t test) {
	if !asked(numbers) {
		return
	}
	for _, p := range c.Parallel {
		for _, n := range numbers {
			name := fmt.Sprintf("%s.%dp-%d%s", c.Name, p, n, kind)
			ok := b.Run(name, func(b *testing.B) {
				c.RunBenchmark(b, name, func(ctx context.Context, cl client.Client) error {
					return t(ctx, name, cl, p, n)
				})
			})
			if !ok {
				return
			}
		}
	}
}

// RunBenchmark starts a service of the configuration under a name, measures f with
// the service's client, and stops the service.
func (c *ServiceTestConfig) RunBenchmark(b *testing.B, name string, f func(context.Context, client.Client) error) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	service, err := c.newService(ctx, name)
	if err != nil {
		b.Fatal(err)
	}
	var ran error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ran = service.Run()
	}()
	defer func() {
		cancel()
		if <-ended; ran != nil {
			b.Errorf("service %s: %v", name, ran)
		}
	}()
	if err := ready(ctx, name, service, ended); err != nil {
		b.Error(err)
		return
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := f(ctx, service.Client()); err != nil {
			b.Error(err)
			return
		}
	}
}

// newService makes a service with its handler and subscribers.
func (c *ServiceTestConfig) newService(ctx context.Context, name string) (micro.Service, error) {
	service, err := c.NewService(name, micro.Context(ctx))
	if err != nil {
		return nil, fmt.Errorf("make service %s: %w", name, err)
	}
	if err := debug.RegisterDebugHandler(service.Server(), handler.NewHandler(service.Client())); err != nil {
		return nil, fmt.Errorf("service %s: register the debug handler: %w", name, err)
	}
	if err := service.Options().Broker.Connect(); err != nil {
		return nil, fmt.Errorf("service %s: connect the broker: %w", name, err)
	}
	if err := micro.RegisterSubscriber(topic, service.Server(), c.Handle); err != nil {
		return nil, fmt.Errorf("service %s: subscribe to %s: %w", name, topic, err)
	}
	if err := micro.RegisterSubscriber(errorTopic, service.Server(), c.HandleError); err != nil {
		return nil, fmt.Errorf("service %s: subscribe to %s: %w", name, errorTopic, err)
	}
	return service, nil
}

// ready waits until a service is registered, and calls it a few times.
func ready(ctx context.Context, name string, service micro.Service, ended <-chan struct{}) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		services, err := service.Options().Registry.GetService(name)
		if err == nil && len(services) > 0 {
			break
		}
		select {
		case <-ended:
			return fmt.Errorf("service %s has ended before it was registered", name)
		case <-limit.C:
			return fmt.Errorf("service %s is not registered after %v: %v", name, patience, err)
		case <-time.After(look):
		}
	}
	for range warmUp {
		if err := health(ctx, name, service.Client()); err != nil {
			return err
		}
	}
	return nil
}

func health(ctx context.Context, name string, c client.Client) error {
	rsp, err := debug.NewDebugService(name, c).Health(ctx, new(debug.HealthRequest))
	if err != nil {
		return fmt.Errorf("call service %s: %w", name, err)
	}
	if rsp.GetStatus() != "ok" {
		return fmt.Errorf("call service %s: its health is %q", name, rsp.GetStatus())
	}
	return nil
}

// parallel runs f in p routines, and returns all their errors.
func parallel(p int, f func() error) error {
	errs := make([]error, p)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// request makes calls.
func (c *ServiceTestConfig) request(ctx context.Context, name string, cl client.Client, p, n int) error {
	return parallel(p, func() error {
		for range n {
			if err := health(ctx, name, cl); err != nil {
				return err
			}
		}
		return nil
	})
}

// stream sends and receives on a stream.
func (c *ServiceTestConfig) stream(ctx context.Context, name string, cl client.Client, p, n int) error {
	return parallel(p, func() (err error) {
		s, err := debug.NewDebugService(name, cl).MessageBus(ctx)
		if err != nil {
			return fmt.Errorf("open a stream to service %s: %w", name, err)
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		for range n {
			if err := s.Send(&debug.BusMsg{Msg: "Hello World!"}); err != nil {
				return fmt.Errorf("send to service %s: %w", name, err)
			}
			if _, err := s.Recv(); err != nil {
				return fmt.Errorf("receive from service %s: %w", name, err)
			}
		}
		return nil
	})
}

// publish publishes to both topics, and counts what has arrived.
func (c *ServiceTestConfig) publish(ctx context.Context, _ string, cl client.Client, p, n int) error {
	c.mu.Lock()
	c.received = 0
	c.mu.Unlock()
	err := parallel(p, func() error {
		for range n {
			msg := &debug.BusMsg{Msg: "Hello World!"}
			if err := cl.Publish(ctx, cl.NewMessage(topic, msg)); err != nil {
				return fmt.Errorf("publish to %s: %w", topic, err)
			}
			if err := cl.Publish(ctx, cl.NewMessage(errorTopic, msg)); err == nil {
				return fmt.Errorf("publish to %s: the error of the subscriber did not come back", errorTopic)
			}
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.received != p*n {
		err = fmt.Errorf("%d messages were published to %s and %d received", p*n, topic, c.received)
	}
	return err
}

// Handle counts a message.
func (c *ServiceTestConfig) Handle(context.Context, *debug.BusMsg) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received++
	return nil
}

// HandleError returns an error for every message.
func (c *ServiceTestConfig) HandleError(context.Context, *debug.BusMsg) error {
	return errHandled
}
