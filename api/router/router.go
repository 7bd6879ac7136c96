// Package router is the interface to the part of a gateway that finds the
// endpoint an HTTP request is meant for. Its folders hold the implementations:
// one that reads routes from the registry and one that is told them.
package router

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/registry"
)

var (
	// ErrNotFound is returned when no endpoint answers the path of a request.
	ErrNotFound = errors.New("not found")
	// ErrClosed is returned after Stop.
	ErrClosed = errors.New("router closed")
)

// MethodError is returned when the path of a request has endpoints, but for
// other methods. It is an ErrNotFound.
type MethodError struct {
	// Method of the request.
	Method string
	// Allowed are the methods that there are, sorted.
	Allowed []string
}

// Error names the methods.
func (e *MethodError) Error() string {
	return fmt.Sprintf("method %s is not allowed here, only %s", e.Method, strings.Join(e.Allowed, ", "))
}

// Is makes a MethodError an ErrNotFound.
func (e *MethodError) Is(target error) bool { return target == ErrNotFound }

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
	// the router was stopped. The caller must not change the route. What the
	// template of the route captures from the path becomes metadata of the
	// request's context, x-api-field-NAME, so the request is changed.
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
