// Package etcd is a registry in etcd, of version 3.4 or later.
//
//	r := etcd.NewRegistry(registry.Addrs("10.0.0.1:2379", "10.0.0.2:2379"))
//	service := micro.NewService(micro.Name("greeter"), micro.Registry(r))
//
// A program that imports this package knows `--registry etcd`.
//
// # Guarantees
//
// A registration is in force on a majority of the servers when Register returns, and
// lasts for its TTL: etcd removes it then by itself, and tells watchers. TTLs are in
// seconds, rounded up, and no shorter than the servers allow, about two seconds by
// default. A registration that was lost with its server comes back with the next
// Register. Lookups are answered by any one server from what it has, which may be a
// moment old.
//
// A watcher gets every change, in order, and goes on by itself when a server was
// away. When etcd has forgotten the changes it missed meanwhile, Next says that it
// could not get the next one, and who watches begins anew.
//
// # Layout
//
// The key is `/micro/registry/<service>/<node id>`, with slashes in the two parts
// replaced by dashes, its value the JSON of the service with that one node. go-micro
// v4 has the same.
package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/justcy/go-micro/plugins/v4/internal/etcdclient"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/cmd"
)

const prefix = "/micro/registry/"

var errNoNode = errors.New("Require at least one node") //nolint:staticcheck // the text is known to programs

func init() { cmd.DefaultRegistries["etcd"] = NewRegistry }

type etcdRegistry struct {
	client etcdclient.Lazy

	mu      sync.Mutex
	options registry.Options
	leases  map[string]lease
}

// lease is what a registration of this registry lives by.
type lease struct {
	id  clientv3.LeaseID
	ttl int64
}

// NewRegistry returns a registry that connects when it is first used. An address is
// host and port, the latter 2379 if it is left out, or a URL, which may hold user and
// password. Without addresses they are those of MICRO_REGISTRY_ADDRESS, with commas
// between them, or else 127.0.0.1:2379. An operation may take the Timeout option, five
// seconds by default. The registry is an io.Closer.
func NewRegistry(opts ...registry.Option) registry.Registry {
	r := &etcdRegistry{options: *registry.NewOptions(opts...), leases: map[string]lease{}}
	r.options.Addrs = slices.Clone(r.options.Addrs)
	return r
}

func (r *etcdRegistry) String() string { return "etcd" }

func (r *etcdRegistry) Options() registry.Options {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.options
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Init applies options. Watchers end, as they were made with the old ones.
func (r *etcdRegistry) Init(opts ...registry.Option) error {
	r.mu.Lock()
	for _, opt := range opts {
		if opt != nil {
			opt(&r.options)
		}
	}
	r.options.Addrs = slices.Clone(r.options.Addrs)
	r.mu.Unlock()
	return r.Close()
}

// Close closes the connection. What is registered stays until its TTL is over. A
// registry that is used on makes a new connection.
func (r *etcdRegistry) Close() error { return r.client.Close() }

// connect returns the client. Where it must log in that takes until it has.
func (r *etcdRegistry) connect() (*clientv3.Client, error) {
	return r.client.Client(func() (*clientv3.Client, error) {
		config, err := settings(r.Options()).Config()
		if err != nil {
			return nil, err
		}
		client, err := clientv3.New(config)
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w; is etcd running, and are user and password right?", strings.Join(config.Endpoints, ", "), err)
		}
		return client, nil
	})
}

// do runs an operation within its limits.
func (r *etcdRegistry) do(ctx context.Context, what, name string, operation func(context.Context, *clientv3.Client) error) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	limit := timeout(r.Options())
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client, err := r.connect()
	if err == nil {
		err = operation(bounded, client)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("etcd registry: %s %.80q: %w", what, name, ctx.Err())
	case client != nil && bounded.Err() != nil:
		return fmt.Errorf("etcd registry: %s %.80q: no answer from %s within %v; is etcd running there? %w", what, name, strings.Join(client.Endpoints(), ", "), limit, err)
	}
	return fmt.Errorf("etcd registry: %s %.80q: %w", what, name, err)
}

// keyOf is the key of a node.
func keyOf(service, node string) string { return servicePrefix(service) + dashed(node) }

// servicePrefix begins the keys of a service; those of all when it has no name.
func servicePrefix(service string) string {
	if service == "" {
		return prefix
	}
	return prefix + dashed(service) + "/"
}

func dashed(part string) string { return strings.ReplaceAll(part, "/", "-") }

// Register puts what is not there as it is given, and renews what is.
func (r *etcdRegistry) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	var o registry.RegisterOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if err := check(s); err != nil {
		return err
	}
	return r.do(o.Context, "registering", s.Name, func(ctx context.Context, c *clientv3.Client) error {
		var errs []error
		for _, node := range s.Nodes {
			errs = append(errs, r.register(ctx, c, s, node, seconds(o.TTL)))
		}
		return errors.Join(errs...)
	})
}

func check(s *registry.Service) error {
	switch {
	case s == nil:
		return errors.New("etcd registry: no service given")
	case s.Name == "":
		return fmt.Errorf("etcd registry: %w: it has no name", registry.ErrInvalidService)
	case len(s.Nodes) == 0:
		return errNoNode
	}
	for _, node := range s.Nodes {
		if node == nil || node.Id == "" {
			return fmt.Errorf("etcd registry: service %.80q: %w: a node has no id", s.Name, registry.ErrInvalidService)
		}
	}
	return nil
}

// seconds rounds a TTL up.
func seconds(ttl time.Duration) int64 {
	return int64((max(ttl, 0) + time.Second - 1) / time.Second)
}

// register puts one node, if it is not there as it is.
func (r *etcdRegistry) register(ctx context.Context, c *clientv3.Client, s *registry.Service, node *registry.Node, ttl int64) error {
	one := *s
	one.Nodes = []*registry.Node{node}
	encoded, err := json.Marshal(one)
	if err != nil {
		return err
	}
	key, value := keyOf(s.Name, node.Id), string(encoded)
	l, err := r.renew(ctx, c, key, ttl)
	if err != nil {
		return err
	}
	var put []clientv3.OpOption
	if l.id != clientv3.NoLease {
		put = append(put, clientv3.WithLease(l.id))
	}
	_, err = c.Txn(ctx).
		If(clientv3.Compare(clientv3.Value(key), "=", value), clientv3.Compare(clientv3.LeaseValue(key), "=", l.id)).
		Else(clientv3.OpPut(key, value, put...)).
		Commit()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases[key] = l
	return nil
}

// renew returns a lease for a key that has all of its time before it: the one that
// the key has, or a new one; none without a TTL.
func (r *etcdRegistry) renew(ctx context.Context, c *clientv3.Client, key string, ttl int64) (lease, error) {
	r.mu.Lock()
	had := r.leases[key]
	r.mu.Unlock()
	if ttl == 0 {
		return lease{}, nil
	}
	if had.id != clientv3.NoLease && had.ttl == ttl {
		_, err := c.KeepAliveOnce(ctx, had.id)
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return had, err
		}
	}
	granted, err := c.Grant(ctx, ttl)
	if err != nil {
		return lease{}, err
	}
	return lease{id: granted.ID, ttl: ttl}, nil
}

// Deregister removes the nodes, whoever registered them.
func (r *etcdRegistry) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	var o registry.DeregisterOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if err := check(s); err != nil {
		return err
	}
	return r.do(o.Context, "deregistering", s.Name, func(ctx context.Context, c *clientv3.Client) error {
		var errs []error
		for _, node := range s.Nodes {
			errs = append(errs, r.deregister(ctx, c, keyOf(s.Name, node.Id)))
		}
		return errors.Join(errs...)
	})
}

func (r *etcdRegistry) deregister(ctx context.Context, c *clientv3.Client, key string) error {
	if _, err := c.Delete(ctx, key); err != nil {
		return err
	}
	r.mu.Lock()
	l := r.leases[key]
	delete(r.leases, key)
	r.mu.Unlock()
	if l.id != clientv3.NoLease {
		_, _ = c.Revoke(ctx, l.id) // it is over soon all the same
	}
	return nil
}

// GetService returns the versions of a service.
func (r *etcdRegistry) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	var o registry.GetOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if name == "" {
		return nil, registry.ErrNotFound
	}
	found, err := r.find(o.Context, name)
	if err == nil && len(found) == 0 {
		err = registry.ErrNotFound
	}
	return found, err
}

// ListServices returns all services with their versions and nodes, by name.
func (r *etcdRegistry) ListServices(opts ...registry.ListOption) ([]*registry.Service, error) {
	var o registry.ListOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return r.find(o.Context, "")
}

// find returns the versions of a service, or of all, in the order of their names.
func (r *etcdRegistry) find(ctx context.Context, name string) ([]*registry.Service, error) {
	var reply *clientv3.GetResponse
	err := r.do(ctx, "looking up", name, func(ctx context.Context, c *clientv3.Client) (err error) {
		reply, err = c.Get(ctx, servicePrefix(name), clientv3.WithPrefix(), clientv3.WithSerializable())
		return err
	})
	if err != nil {
		return nil, err
	}
	type version struct{ name, version string }
	versions := map[version]*registry.Service{}
	found := []*registry.Service{}
	for _, kv := range reply.Kvs {
		s := decode(kv.Value)
		if s == nil || name != "" && s.Name != name {
			continue
		}
		v := version{s.Name, s.Version}
		if known := versions[v]; known != nil {
			known.Nodes = append(known.Nodes, s.Nodes...)
			continue
		}
		versions[v] = s
		found = append(found, s)
	}
	slices.SortStableFunc(found, func(a, b *registry.Service) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// decode returns the service, or nil when the value is none.
func decode(value []byte) *registry.Service {
	var s *registry.Service
	if json.Unmarshal(value, &s) != nil || s == nil || s.Name == "" {
		return nil
	}
	s.Nodes = slices.DeleteFunc(s.Nodes, func(n *registry.Node) bool { return n == nil })
	return s
}
