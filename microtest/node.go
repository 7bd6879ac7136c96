package microtest

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
)

// node is one participant of a network: what its service sees of it.
type node struct {
	net       *Network
	name      string
	down      atomic.Bool
	transport *nodeTransport
	registry  *nodeRegistry
	broker    *nodeBroker
}

func newNode(n *Network, name string) *node {
	p := &node{net: n, name: name}
	p.transport = &nodeTransport{Transport: n.transport, node: p}
	p.registry = &nodeRegistry{Registry: n.registry, node: p}
	p.broker = &nodeBroker{Broker: n.broker, node: p}
	return p
}

func (p *node) newClient(opts ...client.Option) client.Client {
	return client.NewClient(append([]client.Option{
		client.Registry(p.registry),
		client.Selector(selector.NewSelector(selector.Registry(p.registry))),
		client.Transport(p.transport),
		client.Broker(p.broker),
		client.WithLogger(p.net.log),
	}, opts...)...)
}

// running is a service and what is known of its Run.
type running struct {
	node    *node
	service micro.Service
	client  client.Client

	quit    context.CancelFunc
	started chan struct{} // closed by the AfterStart hook
	begin   sync.Once
	ended   chan struct{} // closed when Run has returned; nil before start
	err     error         // of Run
}

func (n *Network) newRunning(name string, opts []micro.Option) *running {
	p := newNode(n, name)
	ctx, quit := context.WithCancel(context.Background())
	r := &running{node: p, client: p.newClient(), quit: quit, started: make(chan struct{}), ended: make(chan struct{})}
	var once sync.Once
	r.service = micro.NewService(append([]micro.Option{
		micro.Client(r.client),
		micro.Server(server.NewServer(
			server.Id(uuid.NewString()),
			server.Address("127.0.0.1:0"),
			server.Registry(p.registry),
			server.Transport(p.transport),
			server.Broker(p.broker),
			server.WithLogger(n.log),
		)),
		micro.Registry(p.registry),
		micro.Transport(p.transport),
		micro.Broker(p.broker),
		micro.Logger(n.log),
		micro.Name(name),
		micro.HandleSignal(false),
		micro.Context(ctx),
		micro.AfterStart(func() error { once.Do(func() { close(r.started) }); return nil }),
	}, opts...)...)
	return r
}

// start runs the service and returns when it has started, or has failed to.
func (r *running) start() error {
	r.begin.Do(func() {
		go func() {
			defer close(r.ended)
			r.err = r.service.Run()
		}()
	})
	select {
	case <-r.started:
		return nil
	case <-r.ended:
		if r.err == nil {
			return errors.New("it has ended")
		}
		return r.err
	}
}

// stop ends the service and waits for it. Another start does nothing.
func (r *running) stop() error {
	r.begin.Do(func() { close(r.ended) })
	r.quit()
	<-r.ended
	return errors.Join(r.err, closeClient(r.client))
}

// closeClient ends what a client has running.
func closeClient(c client.Client) error {
	err := c.Options().Selector.Close()
	if closer, ok := c.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}
