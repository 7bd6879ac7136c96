// Package vpath resolves a request by the first segment of its path, or the
// first two when the first is a version: /users/1 goes to "users", and
// /v2/users/1 to "v2.users", each behind the namespace.
package vpath

import (
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/component"
	"github.com/justcy/go-micro/v4/api/resolver"
)

// NewResolver returns the resolver.
func NewResolver(opts ...resolver.Option) resolver.Resolver {
	return &Resolver{opts: resolver.NewOptions(opts...)}
}

// Resolver finds services by path and version.
type Resolver struct {
	opts resolver.Options
}

// String returns "path".
func (r *Resolver) String() string { return "path" }

// Resolve returns the service named by the path, or an error when the path is
// empty.
func (r *Resolver) Resolve(req *http.Request) (*resolver.Endpoint, error) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if first == "" {
		return nil, resolver.ErrUnknownName
	}
	name := first
	if second, _, _ := strings.Cut(rest, "/"); component.IsVersion(first) && second != "" {
		name = first + "." + second
	}
	return resolver.NewEndpoint(req, r.opts.Qualify(req, name)), nil
}
