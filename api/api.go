// Package api describes how services are reached over HTTP, and runs the
// gateway that makes them so.
//
// A service says with WithEndpoint which HTTP requests an endpoint of its
// answers; generated code does it for methods with HTTP annotations. The
// gateway finds that description in the registry and turns matching requests
// into calls.
//
// A gateway is three lines:
//
//	if err := api.NewApi().Run(ctx); err != nil {
//		log.Fatal(err)
//	}
//
// It serves HTTP/1.1 and HTTP/2 on port 8080, finds the services in the default
// registry and calls them with the default client. WithServer and WithHandler set
// TLS, CORS, wrappers and limits; the packages below this one are its parts, for
// programs that put them together otherwise.
//
// This package is part of every generated client and server. A program that does
// not call NewApi holds nothing of the gateway.
package api

import (
	"context"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// Api is a gateway with a life of its own. All methods may be called
// concurrently.
type Api interface {
	// Init applies options on top of the ones already set. They take effect
	// when Run is called.
	Init(...Option) error
	// Options returns a copy of the options in force.
	Options() Options
	// Register does nothing: endpoints are found in the registry.
	Register(*Endpoint) error
	// Deregister does nothing.
	Deregister(*Endpoint) error
	// Run serves until the context ends, and returns the first error met.
	Run(context.Context) error
	// String names the implementation.
	String() string
}

// Endpoint says which HTTP requests an endpoint of a service answers.
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

// Service is an endpoint with the service that has it.
type Service struct {
	// Name of the service.
	Name string
	// Endpoint of the service.
	Endpoint *Endpoint
	// Versions of the service that have the endpoint.
	Versions []*registry.Service
}

// Encode returns the endpoint as registry metadata; fields that are empty are
// left out, and nil gives nil. Lists are joined with commas, so a path that
// contains one does not survive.
func Encode(e *Endpoint) map[string]string {
	return router.Encode((*router.Endpoint)(e))
}

// Decode is the reverse of Encode. Blanks around the values of a list and empty
// values are dropped.
func Decode(e map[string]string) *Endpoint {
	return (*Endpoint)(router.Decode(e))
}

// Validate reports the first thing wrong with an endpoint: it needs a name, a
// handler, and paths that are not empty and, when anchored with ^ and $, valid
// POSIX regular expressions.
func Validate(e *Endpoint) error {
	return router.Validate((*router.Endpoint)(e))
}

// WithEndpoint describes an endpoint of the handler being registered:
//
//	server.NewHandler(new(Greeter), api.WithEndpoint(&api.Endpoint{
//		Name:    "Greeter.Hello",
//		Path:    []string{"/hello/{name}"},
//		Method:  []string{"GET"},
//		Handler: "rpc",
//	}))
func WithEndpoint(e *Endpoint) server.HandlerOption {
	if e == nil {
		return func(*server.HandlerOptions) {}
	}
	return server.EndpointMetadata(e.Name, Encode(e))
}
