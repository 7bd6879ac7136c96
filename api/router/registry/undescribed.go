package registry

import (
	"errors"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
)

// debugPrefix begins the endpoints that every server has by itself.
const debugPrefix = "Debug."

var errUnknownHandler = errors.New("unknown handler")

// undescribed returns the endpoint for a request that no endpoint describes, by
// the kind of handler that such requests are for.
func undescribed(r *http.Request, handler string) (*router.Endpoint, error) {
	lists := [3]string{r.Host, r.Method, r.URL.Path}
	e := &router.Endpoint{Handler: handler, Host: lists[0:1:1], Method: lists[1:2:2], Path: lists[2:3:3]}
	switch handler {
	case "meta":
		e.Handler = "rpc"
		fallthrough
	case "api", "rpc":
		e.Name = endpointName(r)
	case "http", "proxy", "web":
		e.Name = r.URL.String()
	default:
		return nil, errUnknownHandler
	}
	return e, nil
}

// endpointName is what a path of two or three components says, and the method
// of the request otherwise.
func endpointName(r *http.Request) string {
	path := strings.Trim(r.URL.Path, "/")
	if slashes := strings.Count(path, "/"); slashes != 1 && slashes != 2 {
		return r.Method
	}
	last := strings.LastIndexByte(path, '/')
	kind := path[:last]
	return kind[strings.LastIndexByte(kind, '/')+1:] + "." + path[last+1:]
}

// private reports whether an endpoint is one of those that every server has by
// itself, with its log among them. They are in no registry; those of a handler
// Debug that a program has registered are, and may be reached.
func private(name string, versions []*registry.Service) bool {
	if !strings.HasPrefix(name, debugPrefix) {
		return false
	}
	for _, version := range versions {
		for _, e := range version.Endpoints {
			if e != nil && e.Name == name {
				return false
			}
		}
	}
	return true
}
