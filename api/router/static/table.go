package static

import (
	"maps"
	"slices"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
)

// missError says that there is no route for a URL, and wraps the reason.
type missError struct {
	url   string
	cause error
}

func (e *missError) Error() string { return "endpoint not found for " + e.url }
func (e *missError) Unwrap() error { return e.cause }

// built returns the table of the routes, which is made when they have changed.
func (r *Router) built() (*table, error) {
	r.RLock()
	t, closed := r.table, r.closed
	r.RUnlock()
	if closed {
		return nil, router.ErrClosed
	}
	if t != nil {
		return t, nil
	}
	r.Lock()
	defer r.Unlock()
	if r.table != nil {
		return r.table, nil
	}
	t = new(table)
	for _, name := range slices.Sorted(maps.Keys(r.routes)) {
		if err := t.Add(&r.routes[name].endpoint, r.routes[name]); err != nil {
			return nil, err // cannot be: Register has tried it
		}
	}
	r.table = t
	return t, nil
}

// streaming returns copies of the versions in which every endpoint is the method
// and streams.
func streaming(versions []*registry.Service, method string) []*registry.Service {
	copies := make([]*registry.Service, 0, len(versions))
	for _, version := range versions {
		c := *version
		c.Endpoints = nil
		for _, e := range version.Endpoints {
			c.Endpoints = append(c.Endpoints, streamingEndpoint(e, method))
		}
		if len(c.Endpoints) == 0 {
			c.Endpoints = append(c.Endpoints, streamingEndpoint(nil, method))
		}
		copies = append(copies, &c)
	}
	return copies
}

func streamingEndpoint(e *registry.Endpoint, method string) *registry.Endpoint {
	var c registry.Endpoint
	if e != nil {
		c = *e
	}
	md := maps.Clone(c.Metadata)
	if md == nil {
		md = map[string]string{}
	}
	md["stream"] = "true"
	c.Name, c.Metadata = method, md
	return &c
}
