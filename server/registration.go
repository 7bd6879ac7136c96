package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/addr"
	"github.com/justcy/go-micro/v4/util/backoff"
	mnet "github.com/justcy/go-micro/v4/util/net"
)

const (
	// registerTries is how often one registration is tried.
	registerTries = 3
	// deregisterLimit is how long a registry may take to deregister a service.
	deregisterLimit = 10 * time.Second
)

// registrar keeps a running server in the registry and its subscribers at the
// broker. Its state belongs to one goroutine at a time: that of Start, then
// its own, then that of Stop.
type registrar struct {
	server *rpcServer
	run    *run

	ctx    context.Context // ends with stop
	cancel context.CancelFunc
	ended  chan struct{} // closed when the loop has ended

	stale   atomic.Bool       // the cached service is out of date
	renew   chan struct{}     // holds a token when the service is to be registered anew
	pending chan chan<- error // callers of subscribeNow
	cached  *registry.Service // nil when it must be built
	current *registry.Service // what is registered, nil when nothing is
	in      registry.Registry // where it is
	subs    map[int]brokerSub // by subscription.id
}

type brokerSub struct {
	topic string
	broker.Subscriber
}

// routerSub is the id of the subscription that belongs to Options.Router.
const routerSub = -1

func newRegistrar(s *rpcServer, r *run) *registrar {
	g := &registrar{
		server:  s,
		run:     r,
		ended:   make(chan struct{}),
		renew:   make(chan struct{}, 1),
		pending: make(chan chan<- error),
		subs:    map[int]brokerSub{},
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// begin registers for the first time. It fails when that can never succeed; what
// else goes wrong is logged, and tried again by the loop.
func (g *registrar) begin() error {
	err := g.update()
	if errors.Is(err, registry.ErrInvalidService) {
		return err
	}
	g.report(err)
	return nil
}

// loop registers again and again until stop.
func (g *registrar) loop() {
	defer close(g.ended)
	timer := time.NewTimer(g.interval())
	defer timer.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-timer.C:
			if g.server.snapshot().RegisterInterval > 0 {
				g.report(g.update())
			}
		case <-g.renew:
			g.report(g.update())
		case reply := <-g.pending:
			reply <- g.subscribeRunning()
		}
		timer.Reset(g.interval())
	}
}

// interval is the time to the next registration; without one it is a time
// after which to look at the options again.
func (g *registrar) interval() time.Duration {
	return cmp.Or(max(0, g.server.snapshot().RegisterInterval), time.Hour)
}

// stop makes the registrar end what it does. It may be called at any time.
func (g *registrar) stop() { g.cancel() }

// end waits for the loop, deregisters and unsubscribes.
func (g *registrar) end() {
	g.stop()
	<-g.ended
	g.sayDraining()
	g.deregister()
}

// sayDraining marks the node in the registry, so that selectors leave it alone
// from then on, whatever becomes of the deregistration.
func (g *registrar) sayDraining() {
	if g.current == nil {
		return
	}
	service := g.current.Clone()
	for _, node := range service.Nodes {
		if node.Metadata == nil {
			node.Metadata = map[string]string{}
		}
		node.Metadata[registry.StateKey] = registry.StateDraining
	}
	ctx, cancel := context.WithTimeout(context.Background(), deregisterLimit)
	defer cancel()
	ttl := g.server.snapshot().RegisterTTL
	if err := g.in.Register(service, registry.RegisterTTL(ttl), registry.RegisterContext(ctx)); err != nil {
		logError(g.run.logger(), "server: mark service %s as draining in registry %s: %v", service.Name, g.in, err)
	}
}

// refresh has the service registered anew, soon.
func (g *registrar) refresh() {
	g.stale.Store(true)
	signalOnce(g.renew)
}

// subscribeNow makes the subscriptions that are missing.
func (g *registrar) subscribeNow() error {
	reply := make(chan error, 1)
	select {
	case g.pending <- reply:
		return <-reply
	case <-g.ctx.Done():
		return nil // the next Start subscribes
	}
}

// subscribeRunning subscribes and has the registry told, if the service is
// registered. Otherwise both happen with the registration.
func (g *registrar) subscribeRunning() error {
	if g.current == nil {
		return nil
	}
	g.refresh()
	opts := g.server.snapshot()
	return g.subscribe(&opts)
}

// update registers the service if its check passes, and else removes it.
func (g *registrar) update() error {
	opts := g.server.snapshot()
	if err := opts.RegisterCheck(g.ctx); err != nil {
		g.deregister()
		return fmt.Errorf("Server %s-%s register check error: %w", opts.Name, opts.Id, err)
	}
	if err := g.register(&opts); err != nil && g.ctx.Err() == nil {
		return fmt.Errorf("Server %s-%s register error: %w", opts.Name, opts.Id, err)
	}
	return nil
}

func (g *registrar) report(err error) {
	if err != nil {
		logError(g.run.logger(), "%v", err)
	}
}

// register announces the service and makes the subscriptions that are missing.
func (g *registrar) register(opts *Options) error {
	service, err := g.service(opts)
	if err != nil {
		return err
	}
	if err := g.announce(opts, service); err != nil {
		return fmt.Errorf("register service %s in registry %s: %w", service.Name, opts.Registry, err)
	}
	if g.current == nil {
		logInfo(opts.Logger, "Registry [%s] Registering node: %s", opts.Registry, service.Nodes[0].Id)
	}
	g.replace(opts.Registry, service)
	return g.subscribe(opts)
}

// announce registers, with a few tries.
func (g *registrar) announce(opts *Options, service *registry.Service) error {
	var err error
	for try := 1; ; try++ {
		if err = g.ctx.Err(); err != nil {
			return err
		}
		err = opts.Registry.Register(service, registry.RegisterTTL(opts.RegisterTTL), registry.RegisterContext(g.ctx))
		if err == nil || try == registerTries || errors.Is(err, registry.ErrInvalidService) {
			return err
		}
		select {
		case <-g.ctx.Done():
			return err
		case <-time.After(backoff.Do(try)):
		}
	}
}

// replace notes what is registered, and removes what is registered no longer:
// options may have renamed the service or changed the registry.
func (g *registrar) replace(in registry.Registry, service *registry.Service) {
	old, oldIn := g.current, g.in
	g.current, g.in = service, in
	if old == nil || oldIn == in && sameNode(old, service) {
		return
	}
	if err := deregisterFrom(oldIn, old); err != nil {
		logError(g.run.logger(), "server: deregister the former service %s from registry %s: %v", old.Name, oldIn, err)
	}
}

// deregisterFrom gives a registry that does not answer a limited time.
func deregisterFrom(r registry.Registry, s *registry.Service) error {
	ctx, cancel := context.WithTimeout(context.Background(), deregisterLimit)
	defer cancel()
	return r.Deregister(s, registry.DeregisterContext(ctx))
}

func sameNode(a, b *registry.Service) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Nodes[0].Id == b.Nodes[0].Id
}

// deregister removes the service and its subscriptions.
func (g *registrar) deregister() {
	if g.current != nil {
		logInfo(g.run.logger(), "Registry [%s] Deregistering node: %s", g.in, g.current.Nodes[0].Id)
		if err := deregisterFrom(g.in, g.current); err != nil {
			logError(g.run.logger(), "server: deregister service %s from registry %s: %v", g.current.Name, g.in, err)
		}
		g.current, g.in = nil, nil
	}
	for id, sub := range g.subs {
		if err := sub.Unsubscribe(); err != nil {
			logError(g.run.logger(), "server: unsubscribe from topic %s: %v", sub.topic, err)
		}
		delete(g.subs, id)
	}
}

// subscribe makes the broker subscriptions that are missing.
func (g *registrar) subscribe(opts *Options) error {
	var errs []error
	for _, sub := range g.server.subscriptions() {
		errs = append(errs, g.subscribeOne(sub.id, sub.sub.Topic(), g.server.subscribed(g.run, sub), subscribeOptions(sub.sub)))
	}
	if opts.Router != nil {
		errs = append(errs, g.subscribeOne(routerSub, opts.Name, g.server.subscribed(g.run, nil), nil))
	}
	return errors.Join(errs...)
}

func (g *registrar) subscribeOne(id int, topic string, h broker.Handler, opts []broker.SubscribeOption) error {
	if _, ok := g.subs[id]; ok {
		return nil
	}
	sub, err := g.run.broker.Subscribe(topic, h, opts...)
	if err != nil {
		return fmt.Errorf("subscribe to topic %s at broker %s: %w", topic, g.run.broker, err)
	}
	g.subs[id] = brokerSub{topic, sub}
	logInfo(g.run.logger(), "Subscribing to topic: %s", topic)
	return nil
}

func subscribeOptions(s Subscriber) []broker.SubscribeOption {
	var opts []broker.SubscribeOption
	o := s.Options()
	if o.Queue != "" {
		opts = append(opts, broker.Queue(o.Queue))
	}
	if o.Context != nil {
		opts = append(opts, broker.SubscribeContext(o.Context))
	}
	if !o.AutoAck {
		opts = append(opts, broker.DisableAutoAck())
	}
	return opts
}

// service describes the server for the registry. The description is kept while
// nothing of it can change.
func (g *registrar) service(opts *Options) (*registry.Service, error) {
	if g.stale.Swap(false) {
		g.cached = nil
	}
	if g.cached != nil {
		return g.cached, nil
	}
	address, literal, err := advertised(opts, g.run.listener.Addr())
	if err != nil {
		return nil, err
	}
	s := &registry.Service{
		Name:      opts.Name,
		Version:   opts.Version,
		Nodes:     []*registry.Node{g.node(opts, address)},
		Endpoints: g.server.endpoints(),
	}
	if literal {
		g.cached = s
	}
	return s, nil
}

func (g *registrar) node(opts *Options, address string) *registry.Node {
	md := map[string]string{}
	maps.Copy(md, opts.Metadata)
	md["transport"] = opts.Transport.String()
	md["broker"] = opts.Broker.String()
	md["server"] = g.server.String()
	md["registry"] = opts.Registry.String()
	md["protocol"] = wire.Protocol
	return &registry.Node{Id: nodeID(opts.Name, opts.Id), Address: address, Metadata: md}
}

const (
	// maxLabel is how many bytes a registry may allow in a part of a node's id
	// between dots: it may be a label of DNS.
	maxLabel = 63
	// namePart is what stays of a service's name that makes an id too long.
	namePart = 16
)

// nodeID is the name and the id of a server. A name that is too long for it is
// cut, and a digest of it added: others find the service by its name, which stays
// as it is. An id that is too long all by itself is left for the registry to
// refuse.
func nodeID(name, id string) string {
	full := name + "-" + id
	if fitsLabels(full) {
		return full
	}
	sum := sha256.Sum256([]byte(name))
	short := strings.ToValidUTF8(name[:min(namePart, len(name))], "") + "-" + hex.EncodeToString(sum[:4]) + "-" + id
	if fitsLabels(short) {
		return short
	}
	return full
}

func fitsLabels(id string) bool {
	for label := range strings.SplitSeq(id, ".") {
		if len(label) > maxLabel {
			return false
		}
	}
	return true
}

// advertised is the address for the registry. It is literal when its host is
// an IP address and not a name.
func advertised(opts *Options, listening string) (address string, literal bool, err error) {
	address = cmp.Or(opts.Advertise, listening)
	host, port, err := mnet.SplitHostPort(address)
	if err != nil {
		return "", false, fmt.Errorf("address %q of service %s: %w", address, opts.Name, err)
	}
	if port == "" { // advertised without one
		if _, port, err = mnet.SplitHostPort(listening); err != nil {
			return "", false, fmt.Errorf("address %q of service %s: %w", listening, opts.Name, err)
		}
	}
	literal = net.ParseIP(host) != nil
	if host, err = addr.Extract(host); err != nil {
		return "", false, fmt.Errorf("address %q of service %s: %w", address, opts.Name, err)
	}
	return mnet.HostPort(host, port), literal, nil
}

// endpoints lists what is not internal: handlers by name, then subscribers by
// topic, the last first.
func (s *rpcServer) endpoints() []*registry.Endpoint {
	t := s.router.table.Load()
	var list []*registry.Endpoint
	for _, name := range slices.Sorted(maps.Keys(t.handlers)) {
		if h := t.handlers[name]; !h.Options().Internal {
			list = append(list, h.Endpoints()...)
		}
	}
	subs := slices.Clone(t.subs)
	slices.SortStableFunc(subs, func(a, b *subscription) int { return strings.Compare(b.sub.Topic(), a.sub.Topic()) })
	for _, sub := range subs {
		if !sub.sub.Options().Internal {
			list = append(list, sub.sub.Endpoints()...)
		}
	}
	return list
}

func (s *rpcServer) snapshot() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.clone()
}

func (s *rpcServer) subscriptions() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.subs)
}
