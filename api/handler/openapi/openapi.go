// Package openapi describes the endpoints of the services in a registry as an
// OpenAPI document (https://spec.openapis.org/oas/v3.1.0).
package openapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
)

// Handler is the name of this kind of handler.
const Handler = "openapi"

// keep is how long a document is served before it is made anew.
const keep = 10 * time.Second

// NewHandler returns a handler that answers with the document about the services
// in the registry of its router.
func NewHandler(opts ...handler.Option) handler.Handler {
	h := &openAPI{registry: registry.DefaultRegistry, making: make(chan struct{}, 1)}
	o := handler.NewOptions(opts...)
	if o.Router != nil {
		ro := o.Router.Options()
		h.resolver = ro.Resolver
		if ro.Registry != nil {
			h.registry = ro.Registry
		}
	}
	return h
}

type openAPI struct {
	registry registry.Registry
	resolver resolver.Resolver

	making chan struct{} // holds a token while a document is made, one at a time
	latest atomic.Pointer[made]
}

// made is a document, and when it was made.
type made struct {
	content []byte
	at      time.Time
}

func (h *openAPI) String() string { return Handler }

// ServeHTTP implements http.Handler.
func (h *openAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		method := &router.MethodError{Method: r.Method, Allowed: []string{http.MethodGet, http.MethodHead}}
		exchange.WriteError(w, r, exchange.RouteError(method), method)
		return
	}
	content, err := h.document(r)
	if err != nil {
		exchange.WriteError(w, r, exchange.RouteError(err), err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	exchange.Write(w, r, http.StatusOK, content)
}

// document returns a document that is not too old.
func (h *openAPI) document(r *http.Request) ([]byte, error) {
	if m := h.latest.Load(); m != nil && time.Since(m.at) < keep {
		return m.content, nil
	}
	select {
	case h.making <- struct{}{}:
		defer func() { <-h.making }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if m := h.latest.Load(); m != nil && time.Since(m.at) < keep {
		return m.content, nil // somebody else made it meanwhile
	}
	services, err := h.services(r)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(describe(services, h.resolver))
	if err != nil {
		return nil, err
	}
	h.latest.Store(&made{content, time.Now()})
	return content, nil
}

// services are those in the registry, the versions of each by their names. One
// that goes meanwhile is left out.
func (h *openAPI) services(r *http.Request) (map[string][]*registry.Service, error) {
	list, err := h.registry.ListServices(registry.ListContext(r.Context()))
	if err != nil {
		return nil, err
	}
	services := map[string][]*registry.Service{}
	for _, s := range list {
		if s == nil || services[s.Name] != nil {
			continue
		}
		if versions, err := h.registry.GetService(s.Name, registry.GetContext(r.Context())); err == nil {
			services[s.Name] = versions
		}
	}
	return services, r.Context().Err()
}
