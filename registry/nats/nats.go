// Package nats is a registry on NATS, without JetStream and without storage: who
// looks for a service asks everybody, and the processes that have registered it
// answer.
//
//	r := nats.NewRegistry(registry.Addrs("nats://10.0.0.1:4222"))
//	service := micro.NewService(micro.Name("greeter"), micro.Registry(r))
//
// A lookup collects answers for the Timeout of the registry, 100 milliseconds by
// default, or until Quorum says that there are enough; package registry/cache, which
// clients use, makes it rare. A process that died answers no more: its nodes are gone
// at the next lookup. Watchers are told of registrations and deregistrations alone.
// Processes of go-micro v4 ask and answer in the same way.
//
// A server that was away is connected to again, for as long as it takes, and what is
// registered is answered for and announced again. A watcher that may have missed
// something meanwhile ends with an error, so that its user looks anew.
package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultRegistries["nats"] = NewRegistry }

var errClosed = errors.New("nats registry: it is closed")

// natsRegistry answers for what is registered with it.
type natsRegistry struct {
	options *options.Current[registry.Options]

	connecting sync.Mutex // held while connecting
	mu         sync.Mutex
	conn       *nats.Conn // nil until it is used
	closed     bool
	made       registry.Options
	own        table
	watchers   map[*watcher]struct{}
}

var _ io.Closer = (*natsRegistry)(nil)

// NewRegistry returns a registry that connects when it is first used, to the
// addresses or nats://127.0.0.1:4222. It implements io.Closer: Close deregisters
// what is registered, ends the watchers and closes the connection, for good.
func NewRegistry(opts ...registry.Option) registry.Registry {
	r := &natsRegistry{options: options.New(withDefaults(*registry.NewOptions(opts...))), watchers: map[*watcher]struct{}{}}
	r.own.expired = r.announceEnd
	return r
}

func withDefaults(o registry.Options) registry.Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return o
}

func (r *natsRegistry) String() string { return "nats" }

// Init applies options. What is registered stays registered, over a new connection
// if the options ask for one.
func (r *natsRegistry) Init(opts ...registry.Option) error {
	_ = r.options.Change(func(o *registry.Options) error { // fails never
		options.To(o, opts)
		*o = withDefaults(*o)
		return nil
	})
	o := r.options.Get()
	r.mu.Lock()
	old := r.conn
	if old == nil || sameConnection(&r.made, &o) {
		r.mu.Unlock()
		return nil
	}
	r.conn = nil
	r.mu.Unlock()
	old.Close()
	if len(r.own.all("")) == 0 {
		return nil
	}
	if _, err := r.connect(); err != nil {
		return err
	}
	r.announce()
	return nil
}

func sameConnection(a, b *registry.Options) bool {
	sa, sb := settingsOf(a), settingsOf(b)
	return slices.Equal(a.Addrs, b.Addrs) && a.Secure == b.Secure && a.TLSConfig == b.TLSConfig &&
		sa.queryTopic == sb.queryTopic && sa.watchTopic == sb.watchTopic && reflect.DeepEqual(sa.nats, sb.nats)
}

func (r *natsRegistry) Options() registry.Options {
	o := r.options.Get()
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Close deregisters everything and closes the connection.
func (r *natsRegistry) Close() error {
	var errs []error
	for _, s := range r.own.all("") {
		errs = append(errs, r.Deregister(s))
	}
	r.mu.Lock()
	c, watchers := r.conn, r.watchers
	r.conn, r.watchers, r.closed = nil, map[*watcher]struct{}{}, true
	r.mu.Unlock()
	for w := range watchers {
		w.Stop()
	}
	if c != nil {
		if c.IsConnected() {
			errs = append(errs, c.FlushTimeout(flushTimeout))
		}
		c.Close()
	}
	return errors.Join(errs...)
}

// connect returns the connection, which may be about to be restored.
func (r *natsRegistry) connect() (*nats.Conn, error) {
	if c := r.connected(); c != nil {
		return c, nil
	}
	r.connecting.Lock()
	defer r.connecting.Unlock()
	if c := r.connected(); c != nil {
		return c, nil
	}
	if r.isClosed() {
		return nil, errClosed
	}
	o := r.options.Get()
	s := connection(&o)
	s.Changed = r.changed
	c, err := s.Connect()
	if err != nil {
		return nil, fmt.Errorf("nats registry: %w", err)
	}
	if _, err := c.Subscribe(settingsOf(&o).queryTopic, func(m *nats.Msg) { r.answer(c, m) }); err != nil {
		c.Close()
		return nil, fmt.Errorf("nats registry: listening to %s: %w", settingsOf(&o).queryTopic, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return nil, errClosed
	}
	r.conn, r.made = c, o
	return c, nil
}

func (r *natsRegistry) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *natsRegistry) connected() *nats.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil || r.conn.IsClosed() {
		return nil
	}
	return r.conn
}

// changed is called when the connection was lost, and when it is back.
func (r *natsRegistry) changed() {
	r.mu.Lock()
	c := r.conn
	watchers := make([]*watcher, 0, len(r.watchers))
	for w := range r.watchers {
		watchers = append(watchers, w)
	}
	r.mu.Unlock()
	if c != nil && c.IsConnected() {
		r.announce()
		return
	}
	for _, w := range watchers {
		w.end(errMissed)
	}
}

// ready returns the connection once it can be used.
func (r *natsRegistry) ready(ctx context.Context) (*nats.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := r.connectWithin(ctx)
	if err != nil {
		return nil, err
	}
	o := r.options.Get()
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if err := natsclient.Await(ctx, c); err != nil {
		return nil, fmt.Errorf("nats registry: %w", err)
	}
	return c, nil
}

// connectWithin is connect for as long as the context says. The connecting ends by
// its own limit.
func (r *natsRegistry) connectWithin(ctx context.Context) (*nats.Conn, error) {
	if c := r.connected(); c != nil {
		return c, nil
	}
	type result struct {
		conn *nats.Conn
		err  error
	}
	connected := make(chan result, 1)
	go func() {
		c, err := r.connect()
		connected <- result{c, err}
	}()
	select {
	case made := <-connected:
		return made.conn, made.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func contextOf(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// Register answers for the service's nodes from now on, and tells watchers. Nodes
// with a TTL are deregistered when it has passed.
func (r *natsRegistry) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	var o registry.RegisterOptions
	options.To(&o, opts)
	if _, err := r.ready(contextOf(o.Context)); err != nil {
		return fmt.Errorf("registering %s: %w", s.Name, err)
	}
	r.own.add(s, o.TTL)
	current := r.options.Get()
	return r.tell(settingsOf(&current).registerAction, s)
}

// Deregister stops answering for the service's nodes, and tells watchers.
func (r *natsRegistry) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	var o registry.DeregisterOptions
	options.To(&o, opts)
	if err := contextOf(o.Context).Err(); err != nil {
		return err
	}
	r.own.remove(s)
	if _, err := r.ready(contextOf(o.Context)); err != nil {
		return fmt.Errorf("deregistering %s: %w", s.Name, err)
	}
	return r.tell("delete", s)
}

// tell publishes a change to the watchers.
func (r *natsRegistry) tell(action string, s *registry.Service) error {
	c := r.connected()
	if c == nil {
		return fmt.Errorf("nats registry: telling of %s: %w", s.Name, nats.ErrConnectionClosed)
	}
	data, err := json.Marshal(registry.Result{Action: action, Service: s})
	if err != nil {
		return fmt.Errorf("nats registry: encoding %s: %w", s.Name, err)
	}
	o := r.options.Get()
	if err := c.Publish(settingsOf(&o).watchTopic, data); err != nil {
		return fmt.Errorf("nats registry: telling of %s: %w", s.Name, err)
	}
	return nil
}

// announce tells watchers of everything that is registered here, which may have
// missed it.
func (r *natsRegistry) announce() {
	o := r.options.Get()
	for _, s := range r.own.all("") {
		if err := r.tell(settingsOf(&o).registerAction, s); err != nil {
			r.logf(logger.WarnLevel, "%v", err)
		}
	}
}

// announceEnd tells watchers of nodes whose TTL has passed.
func (r *natsRegistry) announceEnd(s *registry.Service) {
	if err := r.tell("delete", s); err != nil {
		r.logf(logger.WarnLevel, "%v", err)
	}
}

func (r *natsRegistry) logf(level logger.Level, format string, args ...any) {
	logger.LoggerOrDefault(r.options.Get().Logger).Logf(level, format, args...)
}
