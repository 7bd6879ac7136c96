// Package router is the interface to the part of a gateway that finds the
// endpoint an HTTP request is meant for. Its folders hold the implementations:
// one that reads routes from the registry and one that is told them.
package router

import (
	"net/http"

	"github.com/justcy/go-micro/v4/registry"
)

// Router finds the endpoint an HTTP request is meant for. All methods may be
// called concurrently.
type Router interface {
	// Options returns a copy of the options in force.
	Options() Options
	// Register adds a route, replacing one for the same endpoint.
	Register(r *Route) error
	// Deregister removes a route.
	Deregister(r *Route) error
	// Route returns the route for a request, or an error when there is none or
	// the router was stopped. The caller must not change the route.
	Route(r *http.Request) (*Route, error)
	// Stop ends what the router does in the background, and all routing. It may
	// be called again.
	Stop() error
}

// Route is an endpoint of a service and the instances that serve it.
type Route struct {
	// Service that has the endpoint.
	Service string
	// Endpoint that matched.
	Endpoint *Endpoint
	// Versions of the service that have the endpoint, with their nodes.
	Versions []*registry.Service
}

// Endpoint says which HTTP requests an endpoint of a service answers. Services
// publish it as metadata in the registry; see Encode.
type Endpoint struct {
	// Name of the endpoint, for instance "Greeter.Hello".
	Name string
	// Description of the endpoint, for people.
	Description string
	// Handler is the kind of handler to serve requests with: "rpc", "api",
	// "event", "http" or "web".
	Handler string
	// Host names to match, exactly or as POSIX regular expressions; none or "*"
	// matches any.
	Host []string
	// Method names to match, for instance "GET".
	Method []string
	// Path templates to match, as "/users/{id}", or POSIX regular expressions
	// anchored with ^ and $.
	Path []string
	// Stream is set for endpoints that stream.
	Stream bool
}
