package router_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
)

func TestEndpointsSurviveEncodeAndDecode(t *testing.T) {
	e := &router.Endpoint{
		Name:        "Greeter.Hello",
		Description: "says hello",
		Handler:     "rpc",
		Host:        []string{"example.com", "example.org"},
		Method:      []string{"GET", "POST"},
		Path:        []string{"/hello", "^/hi$"},
	}
	if got := router.Decode(router.Encode(e)); !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func TestEncodeLeavesOutEmptyFields(t *testing.T) {
	if md := router.Encode(&router.Endpoint{}); md == nil || len(md) != 0 {
		t.Errorf("got %v", md)
	}
}

func TestAStreamingEndpointStaysOneThroughItsMetadata(t *testing.T) {
	md := router.Encode(&router.Endpoint{Name: "Greeter.Chat", Stream: true})
	if md["stream"] != "true" {
		t.Errorf("metadata is %v", md)
	}
	if !router.Decode(md).Stream {
		t.Error("Decode dropped the stream flag")
	}
}

func TestDecodeTrimsAndDropsEmptyValues(t *testing.T) {
	got := router.Decode(map[string]string{"method": " GET , ,POST,", "path": ""})
	if !reflect.DeepEqual(got.Method, []string{"GET", "POST"}) || got.Path != nil {
		t.Errorf("got %+v", got)
	}
}

func TestAnEndpointNeedsANameAHandlerAndValidPaths(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint *router.Endpoint
		err      string // empty: valid; a part of the text otherwise
	}{
		"nil":                     {nil, "endpoint is nil"},
		"no name":                 {&router.Endpoint{Handler: "rpc"}, "name required"},
		"no handler":              {&router.Endpoint{Name: "a"}, "invalid handler"},
		"path before handler":     {&router.Endpoint{Name: "a", Path: []string{"^x"}}, "invalid path"},
		"only the start anchored": {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{"^/x"}}, "invalid path"},
		"only the end anchored":   {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{"/x$"}}, "invalid path"},
		"broken regex":            {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{"^/(x$"}}, "missing closing )"},
		"empty path":              {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{""}}, "invalid path"},
		"template":                {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{"/x/{id}"}}, ""},
		"regex":                   {&router.Endpoint{Name: "a", Handler: "rpc", Path: []string{"^/x/[0-9]+$"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := router.Validate(tc.endpoint)
			switch {
			case tc.err == "" && err != nil:
				t.Errorf("got %v", err)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
				t.Errorf("got %v, want %s", err, tc.err)
			}
		})
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	o := router.NewOptions()
	if o.Handler != "meta" || o.Registry != registry.DefaultRegistry || o.Resolver.String() != "path" || o.Logger == nil {
		t.Errorf("options are %+v", o)
	}
}
