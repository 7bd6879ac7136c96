// Package registry is the router that reads its routes from the registry: what
// the endpoints of the running services say about themselves with
// api.WithEndpoint. It follows the registry while services come and go.
//
// A request that no endpoint describes goes to the service that the resolver
// finds, by default the one in its path: /greeter/Greeter/Hello calls the
// endpoint Greeter.Hello of go.micro.greeter.
package registry

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/internal/match"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
)

const (
	// firstWait is how long a request waits for the routes of a router that has
	// just been made.
	firstWait = 5 * time.Second
	// maxLookups bounds how many requests for services that are not known here
	// ask the registry at a time.
	maxLookups = 256
)

// table holds the routes of all services.
type table = match.Table[*router.Route]

// registryRouter is the router. What it does in the background is the
// follower's.
type registryRouter struct {
	opts    router.Options
	cache   cache.Cache // of the services that requests name
	lookups chan struct{}
	table   atomic.Pointer[table]
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	*follower
}

// NewRouter returns a router that works until it is stopped.
func NewRouter(opts ...router.Option) router.Router {
	o := router.NewOptions(opts...)
	if o.Registry == nil {
		o.Registry = registry.DefaultRegistry
	}
	r := &registryRouter{opts: o, cache: cache.New(o.Registry, cache.WithLogger(logger.LoggerOrDefault(o.Logger))), lookups: make(chan struct{}, maxLookups)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.table.Store(new(table))
	r.follower = follow(r.ctx, o.Registry, logger.LoggerOrDefault(o.Logger), r.table.Store)
	return r
}

func (r *registryRouter) Options() router.Options { return r.opts }

// Register does nothing: routes are those of the registry.
func (r *registryRouter) Register(*router.Route) error { return nil }

// Deregister does nothing.
func (r *registryRouter) Deregister(*router.Route) error { return nil }

// Stop ends following the registry and waits for it.
func (r *registryRouter) Stop() error {
	r.cancel()
	r.follower.wait()
	r.cache.Stop()
	return nil
}

// Endpoint returns the route that an endpoint describes for a request.
func (r *registryRouter) Endpoint(req *http.Request) (*router.Route, error) {
	if r.ctx.Err() != nil {
		return nil, router.ErrClosed
	}
	complete := r.hasRoutes() // asked first: they may come during the match
	route, fields, err := r.table.Load().Match(req)
	if err != nil && !complete {
		r.await(req.Context())
		route, fields, err = r.table.Load().Match(req)
	}
	if err != nil {
		return nil, err
	}
	pathfield.Attach(req, fields)
	return route, nil
}

// hasRoutes reports whether the first routes are there.
func (r *registryRouter) hasRoutes() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

// await waits for the first routes.
func (r *registryRouter) await(ctx context.Context) {
	timer := time.NewTimer(firstWait)
	defer timer.Stop()
	select {
	case <-r.ready:
	case <-timer.C:
	case <-ctx.Done():
	case <-r.ctx.Done():
	}
}

// Route returns the route that an endpoint describes, or else the one of the
// service that the resolver finds.
func (r *registryRouter) Route(req *http.Request) (*router.Route, error) {
	route, err := r.Endpoint(req)
	if err == nil || !errors.Is(err, router.ErrNotFound) {
		return route, err
	}
	found, resolveErr := r.resolve(req)
	var method *router.MethodError
	if resolveErr != nil && errors.As(err, &method) {
		return nil, err // says more than that there is no such service
	}
	return found, resolveErr
}

// resolve returns the route to the service that the resolver finds.
func (r *registryRouter) resolve(req *http.Request) (*router.Route, error) {
	at, err := r.opts.Resolver.Resolve(req)
	if err != nil {
		return nil, err
	}
	endpoint, err := undescribed(req, r.opts.Handler)
	if err != nil {
		return nil, err
	}
	services, err := r.lookup(req.Context(), at.Name)
	if err != nil {
		return nil, err
	}
	if private(endpoint.Name, services) {
		return nil, router.ErrNotFound
	}
	return &router.Route{Service: at.Name, Endpoint: endpoint, Versions: services}, nil
}

// lookup finds a service, which the caller must not change.
func (r *registryRouter) lookup(ctx context.Context, name string) ([]*registry.Service, error) {
	select {
	case r.lookups <- struct{}{}:
		defer func() { <-r.lookups }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return r.cache.(cache.Snapshotter).Snapshot(name, registry.GetContext(ctx))
}
