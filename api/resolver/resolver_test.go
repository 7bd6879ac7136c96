package resolver_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/resolver/grpc"
	"github.com/justcy/go-micro/v4/api/resolver/host"
	"github.com/justcy/go-micro/v4/api/resolver/path"
)

func TestResolversFindTheService(t *testing.T) {
	none := resolver.WithNamespace(resolver.StaticNamespace(""))
	for _, tc := range []struct {
		resolver   resolver.Resolver
		kind, path string
		name       string // empty: not found
	}{
		{host.NewResolver(), "host", "/x", "users.example.com"},
		{path.NewResolver(), "path", "/users/1", "go.micro.users"},
		{path.NewResolver(none), "path", "/users/1", "users"},
		{path.NewResolver(), "path", "/", ""},
		{path.NewResolver(), "path", "", ""},
		{grpc.NewResolver(), "grpc", "/foo.Bar/X", "foo"},
		{grpc.NewResolver(), "grpc", "/a.b.C/X", "a.b"},
		{grpc.NewResolver(), "grpc", "/Bar/X", ""},
		{grpc.NewResolver(), "grpc", "/.Bar/X", ""},
		{grpc.NewResolver(), "grpc", "/", ""},
		{grpc.NewResolver(), "grpc", "", ""},
	} {
		r := &http.Request{Method: "GET", Host: "users.example.com", URL: &url.URL{Path: tc.path}}
		got, err := tc.resolver.Resolve(r)
		switch {
		case tc.resolver.String() != tc.kind:
			t.Errorf("%s calls itself %s", tc.kind, tc.resolver)
		case tc.name == "" && !errors.Is(err, resolver.ErrNotFound):
			t.Errorf("%s %q: got %+v, %v", tc.kind, tc.path, got, err)
		case tc.name != "" && (err != nil || *got != resolver.Endpoint{Name: tc.name, Host: r.Host, Method: "GET", Path: tc.path}):
			t.Errorf("%s %q: got %+v, %v, want %s", tc.kind, tc.path, got, err, tc.name)
		}
	}
}
