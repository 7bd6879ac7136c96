package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// mdnsDomain is the DNS domain of services, unless mdnsDomainKey names another.
	mdnsDomain = "micro"

	// mdnsDomainKey is the key of the domain in Options.Context.
	mdnsDomainKey = "mdns.domain"

	// mdnsTimeout is how long answers are collected by default.
	mdnsTimeout = mdns.DefaultWindow
)

// DefaultRegistry is what services use that are given no registry: multicast DNS.
// It opens no socket before it is first used.
var DefaultRegistry Registry = NewRegistry()

// mdnsRegistry finds services on the local network with multicast DNS.
type mdnsRegistry struct {
	engine *mdns.Engine

	mu      sync.RWMutex
	options Options
}

// NewRegistry returns a registry that needs no server: services announce
// themselves on the local network with multicast DNS, in the domain "micro" or
// the one under the key "mdns.domain" in Options.Context, a string.
//
// The first GetService of a name asks the network and returns when the answers
// are in, at the latest after the Timeout, 100ms by default; later ones are
// answered from memory, which announcements and goodbyes keep up to date. The
// Timeout begins when the question has been sent, and as long as other questions
// are still being answered, or this machine is too busy to be in time itself, it
// goes on, for up to three seconds and ten milliseconds for each of them.
// Whoever vanishes without a goodbye is forgotten after the TTL it was
// registered with, at most two minutes. An unknown name gives an empty list and
// no error. ListServices returns names alone, and takes the Timeout at least.
// Names of services and ids of nodes become labels of DNS: a part of them between
// dots has at most 63 bytes, all of it less than 255. Others fail Register with
// [ErrInvalidService].
// Service.Metadata is not published; Node.Metadata is.
//
// The registry opens its sockets with the first use and closes them when there
// has been none for a few seconds, nothing is registered and nobody watches. It
// also implements io.Closer, which deregisters everything, stops all watchers and
// closes the sockets at once; a closed registry opens again when it is used.
func NewRegistry(opts ...Option) Registry {
	r := &mdnsRegistry{options: *NewOptions(opts...)}
	if r.options.Timeout == 0 {
		r.options.Timeout = mdnsTimeout
	}
	domain := mdnsDomain
	if ctx := r.options.Context; ctx != nil {
		if d, ok := ctx.Value(mdnsDomainKey).(string); ok && d != "" {
			domain = d
		}
	}
	r.engine = mdns.New(mdns.Config{
		Domain: domain,
		Decode: decodeMDNSRecord,
		Debugf: func(format string, args ...any) { r.logf(logger.DebugLevel, format, args...) },
		Warnf:  func(format string, args ...any) { r.logf(logger.WarnLevel, format, args...) },
	})
	return r
}

func (r *mdnsRegistry) logf(level logger.Level, format string, args ...any) {
	logger.LoggerOrDefault(r.Options().Logger).Logf(level, format, args...)
}

// Init applies options; the domain stays what it was at construction.
func (r *mdnsRegistry) Init(opts ...Option) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	options.To(&r.options, opts)
	return nil
}

func (r *mdnsRegistry) Options() Options {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.options
}

// String returns "mdns".
func (r *mdnsRegistry) String() string { return "mdns" }

// Close deregisters everything, stops all watchers and closes the sockets.
func (r *mdnsRegistry) Close() error { return r.engine.Close() }

// Register announces the nodes of a service. A node that cannot be announced is
// left out, and the last such error returned after the others are announced.
func (r *mdnsRegistry) Register(s *Service, opts ...RegisterOption) error {
	options := options.Of(opts)
	ctx := orBackground(options.Context)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("register with mdns: %w", err)
	}
	if s == nil {
		return errors.New("register with mdns: service is nil")
	}
	record := newMDNSRecord(s)
	var last error
	for _, node := range s.Nodes {
		if err := r.registerNode(ctx, s, node, record, options.TTL); err != nil {
			last = err
		}
	}
	return last
}

func (r *mdnsRegistry) registerNode(ctx context.Context, s *Service, node *Node, record mdnsRecord, ttl time.Duration) error {
	if node == nil {
		return fmt.Errorf("register %s with mdns: node is nil", s.Name)
	}
	ips, port, err := resolveNode(ctx, node.Address)
	if err != nil {
		return fmt.Errorf("register node %s of %s with mdns: %w", node.Id, s.Name, err)
	}
	mine := record.withNode(node)
	text, err := mine.encode()
	if err == nil {
		err = r.engine.Publish(ctx, mdns.Instance{
			Name:    mdns.EscapeName(node.Id),
			Service: mdns.EscapeName(s.Name),
			Host:    mdns.HostName(),
			Port:    port,
			IPs:     ips,
			Text:    text,
			TTL:     mdnsTTL(ttl),
		}, &mine)
	}
	switch {
	case errors.Is(err, mdns.ErrTooLarge):
		err = fmt.Errorf("%w: describe fewer endpoints or less metadata: %w", ErrInvalidService, err)
	case errors.Is(err, mdns.ErrName):
		err = fmt.Errorf("%w: names become labels of DNS, parted by dots: %w", ErrInvalidService, err)
	}
	if err != nil {
		return fmt.Errorf("register node %s of %s with mdns: %w", node.Id, s.Name, err)
	}
	return nil
}

// mdnsTTL is how long others believe in a node they no longer hear of, in
// seconds: the TTL of its registration, but never more than the 120 seconds
// that every reader of these records expects.
func mdnsTTL(ttl time.Duration) uint32 {
	if ttl <= 0 || ttl > mdns.DefaultTTL*time.Second {
		return mdns.DefaultTTL
	}
	return uint32((ttl + time.Second - 1) / time.Second)
}

// Deregister takes leave of the listed nodes, of whichever version they are.
func (r *mdnsRegistry) Deregister(s *Service, opts ...DeregisterOption) error {
	options := options.Of(opts)
	if s == nil {
		return errors.New("deregister from mdns: service is nil")
	}
	for _, node := range s.Nodes {
		if node != nil {
			r.engine.Withdraw(orBackground(options.Context), s.Name, node.Id)
		}
	}
	return nil
}

// GetService returns the versions of a service, an empty list when nobody answers.
func (r *mdnsRegistry) GetService(name string, opts ...GetOption) ([]*Service, error) {
	options := options.Of(opts)
	entries, err := r.engine.Lookup(orBackground(options.Context), name, r.Options().Timeout)
	if err != nil {
		return nil, fmt.Errorf("look up %s with mdns: %w", name, err)
	}
	services := []*Service{}
	versions := map[string]*Service{}
	for _, entry := range entries {
		record, ok := entry.Value.(*mdnsRecord)
		if !ok || record.Service != name {
			continue
		}
		s := versions[record.Version]
		if s == nil {
			s = record.service()
			versions[record.Version] = s
			services = append(services, s)
		}
		s.Nodes = append(s.Nodes, record.node(entry))
	}
	return services, nil
}

// ListServices returns the names of all services.
func (r *mdnsRegistry) ListServices(opts ...ListOption) ([]*Service, error) {
	options := options.Of(opts)
	names, err := r.engine.Services(orBackground(options.Context), r.Options().Timeout)
	if err != nil {
		return nil, fmt.Errorf("list services with mdns: %w", err)
	}
	services := make([]*Service, len(names))
	for i, name := range names {
		services[i] = &Service{Name: name}
	}
	return services, nil
}

// Watch reports nodes that announce themselves as "create", and nodes that say
// goodbye or are no longer heard of as "delete", one node at a time.
// Announcements are repeated, and so are the events.
func (r *mdnsRegistry) Watch(opts ...WatchOption) (Watcher, error) {
	options := options.Of(opts)
	ctx := orBackground(options.Context)
	watch, err := r.engine.Watch(ctx, options.Service)
	if err != nil {
		return nil, fmt.Errorf("watch with mdns: %w", err)
	}
	w := &mdnsWatcher{watch: watch}
	w.release = context.AfterFunc(ctx, watch.Stop)
	return w, nil
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
