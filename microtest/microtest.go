// Package microtest runs services in a test, without a network: their transport,
// registry and broker are in memory, so that fifty of them start in a moment, and
// the links between them can be slow, silent or cut.
//
//	func TestOrdersAreKeptWhileTheMailerIsGone(t *testing.T) {
//		net := microtest.New(t)
//		net.Run("mailer", new(Mailer))
//		net.Run("orders", new(Orders))
//
//		net.Link("orders", "mailer").Cut()
//		c := net.Client("shop")
//		err := c.Call(t.Context(), c.NewRequest("orders", "Orders.Place", &Order{}), &Receipt{})
//		…
//	}
//
// Services are whole services of package micro: they register, are found, balance,
// retry and drain as they do elsewhere. What a test starts is stopped at its end,
// the last first, and a service that does not start or stop fails the test.
//
// Everything works in a bubble of testing/synctest. There seconds of latency, of
// timeouts and of registrations that expire pass at once:
//
//	synctest.Test(t, func(t *testing.T) {
//		net := microtest.New(t)
//		net.Link("shop", "orders").Delay(10 * time.Second)
//		…
//	})
package microtest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// The ends of links that are no service.
const (
	// Registry is the registry of the network. A service that is cut off from it
	// finds nobody new, and its registration expires.
	Registry = "registry"
	// Broker is the broker of the network. A service that is cut off from it cannot
	// publish and receives nothing; what it misses is lost.
	Broker = "broker"
)

// Network is services and the links between them. Its methods may be called
// concurrently.
type Network struct {
	t         testing.TB
	log       logger.Logger
	transport transport.Transport
	registry  registry.Registry
	broker    broker.Broker

	mu       sync.Mutex
	links    map[[2]string]*Link
	nodes    map[string]*node // by the address that they listen on
	services map[micro.Service]*running
	clients  []client.Client
	order    [][]micro.Service // those that were started together, in the order of that
}

// Option configures a Network.
type Option func(*Network)

// Logger sets the logger of the services. Without it, warnings and errors are part
// of the test's output.
func Logger(l logger.Logger) Option {
	return func(n *Network) { n.log = l }
}

// New returns a network without services. It is closed at the end of the test.
func New(t testing.TB, opts ...Option) *Network {
	t.Helper()
	out := &output{to: t.Output()}
	n := &Network{
		t:         t,
		log:       logger.NewLogger(logger.WithOutput(out), logger.WithLevel(logger.WarnLevel)),
		links:     map[[2]string]*Link{},
		nodes:     map[string]*node{},
		services:  map[micro.Service]*running{},
		transport: transport.NewMemoryTransport(),
		registry:  registry.NewMemoryRegistry(),
	}
	options.To(n, opts)
	n.broker = broker.NewMemoryBroker(broker.Logger(n.log))
	if err := n.broker.Connect(); err != nil {
		t.Fatalf("microtest: connect the broker: %v", err)
	}
	t.Cleanup(func() {
		n.close()
		out.close()
	})
	return n
}

// close heals the links, so that nothing waits for them, and stops what runs, the
// last first. Services that were started together are stopped together.
func (n *Network) close() {
	n.mu.Lock()
	for _, l := range n.links {
		l.Heal()
	}
	order, clients := n.order, n.clients
	n.mu.Unlock()
	for _, together := range slices.Backward(order) {
		var stopping sync.WaitGroup
		for _, s := range together {
			stopping.Go(func() { n.Stop(s) })
		}
		stopping.Wait()
	}
	for _, c := range clients {
		if err := closeClient(c); err != nil {
			n.t.Errorf("microtest: close a client: %v", err)
		}
	}
	if err := n.broker.Disconnect(); err != nil {
		n.t.Errorf("microtest: disconnect the broker: %v", err)
	}
}

// Service returns a service of the network that was not started, for a test that
// has more to say about it than handlers: wrappers, subscribers or hooks. A second
// one of the same name is another node of that service. The transport, the
// registry, the broker, the client and the server are the network's; other options
// mean what they always do.
func (n *Network) Service(name string, opts ...micro.Option) micro.Service {
	n.t.Helper()
	if name == Registry || name == Broker || name == "" {
		n.t.Fatalf("microtest: a service cannot be called %q", name)
	}
	r := n.newRunning(name, opts)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.services[r.service] = r
	n.order = append(n.order, []micro.Service{r.service})
	return r.service
}

// Start starts services and returns when all can be called. One that cannot start
// fails the test.
func (n *Network) Start(services ...micro.Service) {
	n.t.Helper()
	n.mu.Lock()
	n.order = slices.DeleteFunc(n.order, func(alone []micro.Service) bool {
		return len(alone) == 1 && slices.Contains(services, alone[0])
	})
	n.order = append(n.order, slices.Clone(services))
	n.mu.Unlock()
	var starting sync.WaitGroup
	var failed atomic.Bool
	for _, s := range services {
		r := n.of(s)
		starting.Go(func() {
			if err := r.start(); err != nil {
				failed.Store(true)
				n.t.Errorf("microtest: start service %s: %v", s.Name(), err)
			}
		})
	}
	starting.Wait()
	if failed.Load() {
		n.t.FailNow()
	}
}

// Run starts a service with handlers: values with methods, as
// micro.RegisterHandler takes them.
func (n *Network) Run(name string, handlers ...any) micro.Service {
	n.t.Helper()
	s := n.Service(name)
	for _, h := range handlers {
		if err := micro.RegisterHandler(s.Server(), h); err != nil {
			n.t.Fatalf("microtest: service %s: %v", name, err)
		}
	}
	n.Start(s)
	return s
}

// Stop ends a service as a signal does: it drains. One that was not started, or has
// stopped, is left alone.
func (n *Network) Stop(s micro.Service) {
	n.t.Helper()
	if err := n.of(s).stop(); err != nil {
		n.t.Errorf("microtest: stop service %s: %v", s.Name(), err)
	}
}

// Crash has a service disappear as if its machine had lost its power: connections
// to and from it are reset, nobody reaches it, and its registration stays until it
// expires. Its code goes on running, but for nobody. Restore takes it back.
func (n *Network) Crash(s micro.Service) { n.setDown(s, true) }

// Restore ends what Crash began.
func (n *Network) Restore(s micro.Service) { n.setDown(s, false) }

func (n *Network) setDown(s micro.Service, down bool) {
	n.t.Helper()
	r := n.of(s)
	r.node.down.Store(down)
	if !down {
		return
	}
	n.mu.Lock()
	links := slices.Collect(maps.Values(n.links))
	n.mu.Unlock()
	for _, l := range links {
		l.reset(r.node)
	}
}

// of finds a service of the network.
func (n *Network) of(s micro.Service) *running {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.services[s]
	if r == nil {
		n.t.Fatalf("microtest: %v is not a service of this network", s)
	}
	return r
}

// Client returns a client for somebody who serves nothing. The name is for Link. It
// is closed at the end of the test.
func (n *Network) Client(name string, opts ...client.Option) client.Client {
	n.t.Helper()
	c := newNode(n, name).newClient(opts...)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clients = append(n.clients, c)
	return c
}

// Link returns the link between two services, or a service and [Registry] or
// [Broker], by name and in either order. It is the same for all nodes of a service.
func (n *Network) Link(a, b string) *Link {
	if strings.Compare(a, b) > 0 {
		a, b = b, a
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links[[2]string{a, b}]
	if l == nil {
		l = newLink(a, b)
		n.links[[2]string{a, b}] = l
	}
	return l
}

// pass waits for as long as a message from a node to the other end takes, and fails
// when nothing gets there.
func (n *Network) pass(ctx context.Context, from *node, to string) error {
	if from.down.Load() {
		return fmt.Errorf("microtest: %s has crashed", from.name)
	}
	return n.Link(from.name, to).pass(ctx, time.Now())
}

// output writes to a test until the test ends.
type output struct {
	mu sync.Mutex
	to io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Write(p)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = io.Discard
}
