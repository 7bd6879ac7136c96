// Package path resolves a request by the first segment of its path: /users/1 goes
// to "users" behind the namespace.
package path

import (
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
)

// NewResolver returns the resolver.
func NewResolver(opts ...resolver.Option) resolver.Resolver {
	return &Resolver{opts: resolver.NewOptions(opts...)}
}

// Resolver finds services by path.
type Resolver struct {
	opts resolver.Options
}

// String returns "path".
func (r *Resolver) String() string { return "path" }

// Resolve returns the service named by the path, or resolver.ErrNotFound when
// the path is empty.
func (r *Resolver) Resolve(req *http.Request) (*resolver.Endpoint, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if name == "" {
		return nil, resolver.ErrNotFound
	}
	return resolver.NewEndpoint(req, r.opts.Qualify(req, name)), nil
}
