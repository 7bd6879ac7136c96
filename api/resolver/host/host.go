// Package host resolves a request by its Host: all that reaches the host
// "users.example.com" goes to the service of that name.
package host

import (
	"net/http"

	"github.com/justcy/go-micro/v4/api/resolver"
)

// NewResolver returns the resolver.
func NewResolver(opts ...resolver.Option) resolver.Resolver {
	return &Resolver{opts: resolver.NewOptions(opts...)}
}

// Resolver finds services by the host of the request.
type Resolver struct {
	opts resolver.Options
}

// String returns "host".
func (r *Resolver) String() string { return "host" }

// Resolve returns the service named as the host, with its port if it has one.
func (r *Resolver) Resolve(req *http.Request) (*resolver.Endpoint, error) {
	return resolver.NewEndpoint(req, req.Host), nil
}
