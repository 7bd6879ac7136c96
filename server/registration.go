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
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
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
// broker. Its state belongs to the goroutine of loop alone. Checks, registries and
// brokers may take long, or use the server; nothing waits for them but the loop.
type registrar struct {
	server *rpcServer
	run    *run

	ctx        context.Context // ends when Stop begins
	cancel     context.CancelFunc
	patient    context.Context // ends when what runs at that time is given up
	giveUp     func()
	last       context.Context // ends when everything is given up; set before ctx ends
	first      chan struct{}   // closed after the first registration
	impossible error           // why registering can never succeed; set before first is closed
	ended      chan struct{}   // closed when the loop has ended

	stale   atomic.Bool       // the cached service is out of date
	renew   chan struct{}     // holds a token when the service is to be registered anew
	cached  *registry.Service // nil when it must be built
	current *registry.Service // what is registered, nil when nothing is
	in      registry.Registry // where it is
	subs    *brokerSubs
}

// routerSub is the id of the subscription that belongs to Options.Router.
const routerSub = -1

func newRegistrar(s *rpcServer, r *run) *registrar {
	g := &registrar{
		server: s,
		run:    r,
		first:  make(chan struct{}),
		ended:  make(chan struct{}),
		renew:  make(chan struct{}, 1),
		subs:   newBrokerSubs(r),
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	patient, giveUp := context.WithCancelCause(context.Background())
	g.patient, g.giveUp = patient, func() { giveUp(errTimeOver) }
	return g
}

// loop registers again and again until the end, and then deregisters.
func (g *registrar) loop() {
	defer close(g.ended)
	if err := g.update(); errors.Is(err, registry.ErrInvalidService) {
		g.impossible = err
	} else {
		g.report(err)
	}
	close(g.first)
	timer := time.NewTimer(g.interval())
	defer timer.Stop()
	for g.ctx.Err() == nil {
		select {
		case <-g.ctx.Done():
		case <-timer.C:
			if g.options().RegisterInterval > 0 {
				g.report(g.update())
			}
		case <-g.renew:
			g.report(g.update())
		}
		timer.Reset(g.interval())
	}
	g.sayDraining(g.last)
	g.deregister(g.last)
}

func (g *registrar) options() *Options { return &g.server.settings.Load().options }

// interval is the time to the next registration; without one it is a time
// after which to look at the options again.
func (g *registrar) interval() time.Duration {
	return cmp.Or(max(0, g.options().RegisterInterval), time.Hour)
}

// awaitFirst waits until the first registration has been tried. It fails when
// none can ever succeed.
func (g *registrar) awaitFirst() error {
	select {
	case <-g.first:
		return g.impossible
	case <-g.ctx.Done():
		return nil
	}
}

// end deregisters and unsubscribes, as far as that is possible until ctx is
// done. What a check or a registry is doing is given up after a while.
func (g *registrar) end(ctx context.Context, while time.Duration) {
	g.last = ctx
	g.cancel()
	timer := time.AfterFunc(while, g.giveUp)
	defer timer.Stop()
	defer context.AfterFunc(ctx, g.giveUp)()
	<-g.ended
}

// sayDraining marks the node in the registry, so that selectors leave it alone
// from then on, whatever becomes of the deregistration.
func (g *registrar) sayDraining(ctx context.Context) {
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
	err := g.registerIn(ctx, ctx, g.in, service, g.options().RegisterTTL)
	if err != nil && err != errGivenUp {
		logger.LoggerOrDefault(g.run.logger()).Logf(logger.ErrorLevel, "server: mark service %s as draining in registry %s: %v", service.Name, g.in, err)
	}
}

// refresh has the service registered anew, soon.
func (g *registrar) refresh() {
	g.stale.Store(true)
	signalOnce(g.renew)
}

// subscribeNow makes a subscription and has the registry told, if the service is
// registered. Otherwise both happen with the registration.
func (g *registrar) subscribeNow(sub *subscription) error {
	g.refresh()
	return g.subscribeOne(sub)
}

func (g *registrar) subscribeOne(sub *subscription) error {
	return g.subs.add(g.patient, sub.id, sub.sub.Topic(), g.server.subscribed(g.run, sub), subscribeOptions(sub.sub))
}

// update registers the service if its check passes, and else removes it.
func (g *registrar) update() error {
	opts := g.options()
	err := g.run.foreign(g.patient, "the check of RegisterCheck", func() error { return opts.RegisterCheck(g.ctx) })
	if g.ctx.Err() != nil {
		return nil // the loop is about to deregister
	}
	select {
	case <-g.renew: // what the check itself has changed is registered now
	default:
	}
	if err != nil {
		g.deregister(g.patient)
		return fmt.Errorf("Server %s-%s register check error: %w", opts.Name, opts.Id, err)
	}
	if err := g.register(g.options()); err != nil && g.ctx.Err() == nil {
		return fmt.Errorf("Server %s-%s register error: %w", opts.Name, opts.Id, err)
	}
	return nil
}

func (g *registrar) report(err error) {
	if err != nil {
		logger.LoggerOrDefault(g.run.logger()).Logf(logger.ErrorLevel, "%v", err)
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
		logger.LoggerOrDefault(opts.Logger).Logf(logger.InfoLevel, "Registry [%s] Registering node: %s", opts.Registry, service.Nodes[0].Id)
	}
	g.replace(opts.Registry, service)
	return g.subscribe(opts)
}

// announce registers, with a few tries.
func (g *registrar) announce(opts *Options, service *registry.Service) error {
	for try := 1; ; try++ {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		err := g.registerIn(g.ctx, g.patient, opts.Registry, service, opts.RegisterTTL)
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

// registerIn registers a copy of a service. The registry may use ctx, and is
// waited for until patient is done. A service that is registered although it was
// not waited for is one that the registry forgets by itself.
func (g *registrar) registerIn(ctx, patient context.Context, in registry.Registry, s *registry.Service, ttl time.Duration) error {
	return g.run.foreign(patient, "Register of registry "+in.String(), func() error {
		return in.Register(s.Clone(), registry.RegisterTTL(ttl), registry.RegisterContext(ctx))
	})
}

// replace notes what is registered, and removes what is registered no longer:
// options may have renamed the service or changed the registry.
func (g *registrar) replace(in registry.Registry, service *registry.Service) {
	old, oldIn := g.current, g.in
	g.current, g.in = service, in
	if old == nil || sameRegistry(oldIn, in) && sameNode(old, service) {
		return
	}
	g.deregisterFrom(g.patient, oldIn, old)
}

// deregisterFrom gives a registry that does not answer a limited time.
func (g *registrar) deregisterFrom(ctx context.Context, in registry.Registry, s *registry.Service) {
	ctx, cancel := context.WithTimeoutCause(ctx, deregisterLimit, errTimeOver)
	defer cancel()
	err := g.run.foreign(ctx, "Deregister of registry "+in.String(), func() error {
		return in.Deregister(s.Clone(), registry.DeregisterContext(ctx))
	})
	if err != nil && err != errGivenUp {
		logger.LoggerOrDefault(g.run.logger()).Logf(logger.ErrorLevel, "server: deregister service %s from registry %s: %v", s.Name, in, err)
	}
}

// sameRegistry reports whether two registries are one. Those of a type that has
// no == are taken for one: removing the service would be worse.
func sameRegistry(a, b registry.Registry) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if va.Type() != vb.Type() {
		return false
	}
	return !va.Comparable() || !vb.Comparable() || a == b
}

func sameNode(a, b *registry.Service) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Nodes[0].Id == b.Nodes[0].Id
}

// deregister removes the service and its subscriptions.
func (g *registrar) deregister(ctx context.Context) {
	if g.current != nil {
		logger.LoggerOrDefault(g.run.logger()).Logf(logger.InfoLevel, "Registry [%s] Deregistering node: %s", g.in, g.current.Nodes[0].Id)
		g.deregisterFrom(ctx, g.in, g.current)
		g.current, g.in = nil, nil
	}
	g.subs.close(ctx)
}

// subscribe makes the broker subscriptions that are missing.
func (g *registrar) subscribe(opts *Options) error {
	g.subs.open()
	var errs []error
	for _, sub := range g.server.settings.Load().routes.subs {
		errs = append(errs, g.subscribeOne(sub))
	}
	if opts.Router != nil {
		errs = append(errs, g.subs.add(g.patient, routerSub, opts.Name, g.server.subscribed(g.run, nil), nil))
	}
	return errors.Join(errs...)
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
		Endpoints: g.server.settings.Load().routes.described(),
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

// described lists what is not internal: handlers by name, then subscribers by
// topic, the last first.
func (t *routes) described() []*registry.Endpoint {
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
