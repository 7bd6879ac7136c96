package exchange

import (
	"context"
	"net/http"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/errors"
)

type routeKey struct{}

// WithRoute returns a request that has its route, so that it is looked for once.
func WithRoute(r *http.Request, route *router.Route) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), routeKey{}, route))
}

// Route returns the route for a request, or what to answer and why.
func Route(r *http.Request, rtr router.Router) (*router.Route, *errors.Error, error) {
	if route, ok := r.Context().Value(routeKey{}).(*router.Route); ok {
		return route, nil, nil
	}
	if rtr == nil {
		return nil, RouteError(nil), nil
	}
	route, err := rtr.Route(r)
	if err != nil {
		return nil, RouteError(err), err
	}
	if route == nil || route.Endpoint == nil {
		return nil, RouteError(router.ErrNotFound), router.ErrNotFound
	}
	return route, nil, nil
}
