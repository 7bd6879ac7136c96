package registry

import (
	"errors"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/router"
)

var errUnknownHandler = errors.New("unknown handler")

// undescribed returns the endpoint for a request that no endpoint describes, by
// the kind of handler that such requests are for.
func undescribed(r *http.Request, handler string) (*router.Endpoint, error) {
	e := &router.Endpoint{Handler: handler, Host: []string{r.Host}, Method: []string{r.Method}, Path: []string{r.URL.Path}}
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
	components := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch len(components) {
	case 2, 3:
		return strings.Join(components[len(components)-2:], ".")
	}
	return r.Method
}
