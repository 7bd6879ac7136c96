// Package resolver is the interface to the rule by which a gateway finds, from
// an HTTP request alone, the service it is meant for. Its folders hold the
// rules: by host, by path, by path with a version, and by gRPC method.
package resolver

import (
	"errors"
	"net/http"
)

var (
	// ErrNotFound is returned when a request names no service.
	ErrNotFound = errors.New("not found")
	// ErrInvalidPath is returned when the path of a request cannot be used.
	ErrInvalidPath = errors.New("invalid path")
	// ErrUnknownName is the ErrNotFound of a path that holds no name.
	ErrUnknownName error = unknownName{}
)

type unknownName struct{}

func (unknownName) Error() string        { return "unknown name" }
func (unknownName) Is(target error) bool { return target == ErrNotFound }

// Resolver finds the service a request is meant for. Both methods may be called
// concurrently.
type Resolver interface {
	// Resolve returns where the request should go. It does not change it.
	Resolve(r *http.Request) (*Endpoint, error)
	// String names the rule.
	String() string
}

// Endpoint is where a request should go.
type Endpoint struct {
	// Name of the service.
	Name string
	// Host of the request.
	Host string
	// Method of the request.
	Method string
	// Path of the request.
	Path string
}

// NewEndpoint returns the endpoint of a request that is meant for a service.
func NewEndpoint(r *http.Request, service string) *Endpoint {
	return &Endpoint{Name: service, Host: r.Host, Method: r.Method, Path: r.URL.Path}
}
