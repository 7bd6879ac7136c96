// Package grpc resolves a request by the method of gRPC in its path: /users.Users/Get
// goes to "users". There is no namespace.
package grpc

import (
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
)

// NewResolver returns the resolver.
func NewResolver(opts ...resolver.Option) resolver.Resolver {
	return &Resolver{opts: resolver.NewOptions(opts...)}
}

// Resolver finds services by the method of gRPC.
type Resolver struct {
	opts resolver.Options
}

// String returns "grpc".
func (r *Resolver) String() string { return "grpc" }

// Resolve returns the package part of the service in the path, or
// resolver.ErrUnknownName when there is none.
func (r *Resolver) Resolve(req *http.Request) (*resolver.Endpoint, error) {
	service, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	dot := strings.LastIndexByte(service, '.')
	if dot <= 0 {
		return nil, resolver.ErrUnknownName
	}
	return resolver.NewEndpoint(req, service[:dot]), nil
}
