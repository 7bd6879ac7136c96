// Package static is the router whose routes are given to it. It looks up in the
// registry where the services of the routes run.
package static

import (
	"net/http"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/internal/match"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
)

// Router routes to the endpoints registered with it. Make one with NewRouter.
// The lock that it embeds is the router's own.
type Router struct {
	sync.RWMutex
	opts   router.Options
	cache  cache.Cache
	routes map[string]*target // by the name of the endpoint
	table  *table             // of the routes; nil when it must be built
	closed bool
}

// table holds the routes.
type table = match.Table[*target]

// target is a route that was registered.
type target struct {
	service, method string
	endpoint        router.Endpoint
}

// NewRouter returns a router without routes.
func NewRouter(opts ...router.Option) *Router {
	o := router.NewOptions(opts...)
	if o.Registry == nil {
		o.Registry = registry.DefaultRegistry
	}
	return &Router{
		opts:   o,
		cache:  cache.New(o.Registry, cache.WithLogger(logger.LoggerOrDefault(o.Logger))),
		routes: map[string]*target{},
	}
}

// Options returns a copy of the options.
func (r *Router) Options() router.Options { return r.opts }

// Register adds a route, in place of one with the same name of the endpoint. The
// service is Route.Service, or else what comes before the first dot of that name.
func (r *Router) Register(route *router.Route) error {
	t, err := newTarget(route)
	if err != nil {
		return err
	}
	if err := new(table).Add(&t.endpoint, t); err != nil {
		return err
	}
	r.Lock()
	defer r.Unlock()
	if r.closed {
		return router.ErrClosed
	}
	r.routes[t.endpoint.Name] = t
	r.table = nil
	return nil
}

// Deregister removes a route.
func (r *Router) Deregister(route *router.Route) error {
	t, err := newTarget(route)
	if err != nil {
		return err
	}
	r.Lock()
	defer r.Unlock()
	delete(r.routes, t.endpoint.Name)
	r.table = nil
	return nil
}

// newTarget checks a route and copies it.
func newTarget(route *router.Route) (*target, error) {
	if route == nil {
		return nil, router.Validate(nil)
	}
	if err := router.Validate(route.Endpoint); err != nil {
		return nil, err
	}
	t := &target{endpoint: *route.Endpoint, service: route.Service}
	t.endpoint.Host = append([]string(nil), t.endpoint.Host...)
	t.endpoint.Method = append([]string(nil), t.endpoint.Method...)
	t.endpoint.Path = append([]string(nil), t.endpoint.Path...)
	if t.service == "" {
		t.service, t.method, _ = strings.Cut(t.endpoint.Name, ".")
	} else {
		t.method = strings.TrimPrefix(t.endpoint.Name, t.service+".")
	}
	return t, nil
}

// Stop ends routing. It may be called again.
func (r *Router) Stop() error {
	r.Lock()
	r.closed = true
	r.Unlock()
	r.cache.Stop()
	return nil
}

// Endpoint returns the route for a request, with the service as it is in the
// registry now.
func (r *Router) Endpoint(req *http.Request) (*router.Route, error) {
	t, err := r.find(req)
	if err != nil {
		return nil, err
	}
	versions, err := r.cache.(cache.Snapshotter).Snapshot(t.service, registry.GetContext(req.Context()))
	if err != nil {
		return nil, err
	}
	if t.endpoint.Stream {
		versions = streaming(versions, t.method)
	}
	return &router.Route{
		Service: t.service,
		Endpoint: &router.Endpoint{
			Name:        t.method,
			Description: t.endpoint.Description,
			Handler:     "rpc",
			Host:        t.endpoint.Host,
			Method:      t.endpoint.Method,
			Path:        t.endpoint.Path,
			Stream:      t.endpoint.Stream,
		},
		Versions: versions,
	}, nil
}

// Route is Endpoint.
func (r *Router) Route(req *http.Request) (*router.Route, error) { return r.Endpoint(req) }

// find returns the route that matches a request.
func (r *Router) find(req *http.Request) (*target, error) {
	table, err := r.built()
	if err != nil {
		return nil, err
	}
	t, fields, err := table.Match(req)
	if err != nil {
		return nil, &missError{url: req.URL.String(), cause: err}
	}
	pathfield.Attach(req, fields)
	return t, nil
}
