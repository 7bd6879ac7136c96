package vpath_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/resolver/vpath"
)

func TestThePathNamesTheServiceAndItsVersion(t *testing.T) {
	for _, tc := range []struct{ namespace, path, name string }{
		{"go.micro", "/users/1", "go.micro.users"},
		{"go.micro", "/v2/users/1", "go.micro.v2.users"},
		{"go.micro", "/v2", "go.micro.v2"},
		{"go.micro", "/v2/", "go.micro.v2"},
		{"go.micro", "/version/users", "go.micro.version"},
		{"", "/users", "users"},
	} {
		r := vpath.NewResolver(resolver.WithNamespace(resolver.StaticNamespace(tc.namespace)))
		got, err := r.Resolve(&http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: tc.path}})
		if err != nil || *got != (resolver.Endpoint{Name: tc.name, Host: "h", Method: "GET", Path: tc.path}) {
			t.Errorf("%s: got %+v, %v, want name %s", tc.path, got, err, tc.name)
		}
	}
}

func TestAnEmptyPathNamesNoService(t *testing.T) {
	for _, path := range []string{"", "/", "//x"} {
		if got, err := vpath.NewResolver().Resolve(&http.Request{URL: &url.URL{Path: path}}); err == nil {
			t.Errorf("path %q resolved to %+v", path, got)
		}
	}
}

func TestTheDefaultNamespaceIsGoMicro(t *testing.T) {
	if ns := resolver.NewOptions().Namespace(nil); ns != "go.micro" {
		t.Errorf("got %s", ns)
	}
}
