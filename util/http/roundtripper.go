package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// attempts is how many nodes a request is sent to at most.
const attempts = 3

// Options configure a round tripper.
type Options struct {
	// Registry finds the services. Default: registry.DefaultRegistry.
	Registry registry.Registry
}

// Option sets a field of Options.
type Option func(*Options)

// WithRegistry sets where services are looked up.
func WithRegistry(r registry.Registry) Option {
	return func(o *Options) { o.Registry = r }
}

// NewRoundTripper returns a round tripper that takes the host of a request's
// URL, its port included, for the name of a service and sends the request to a
// random node of it, up to three times. A request whose body cannot be had
// again (http.Request.GetBody) is sent once.
func NewRoundTripper(opts ...Option) http.RoundTripper {
	o := Options{Registry: registry.DefaultRegistry}
	options.To(&o, opts)
	return &roundTripper{registry: o.Registry, next: http.DefaultTransport}
}

type roundTripper struct {
	registry registry.Registry
	next     http.RoundTripper
}

// RoundTrip sends r to a node of the service that its URL names.
func (t *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	node, err := t.nodes(r.Context(), r.URL.Host)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	var last error
	for try := range attempts {
		attempt, err := t.attempt(r, node, try)
		if err != nil {
			closeBody(r)
			return nil, failed(r, errors.Join(last, err))
		}
		rsp, err := t.next.RoundTrip(attempt)
		if err == nil {
			return rsp, nil
		}
		last = err
		if r.Context().Err() != nil || !replayable(r) {
			break
		}
	}
	return nil, failed(r, last)
}

func failed(r *http.Request, cause error) error {
	return fmt.Errorf("failed request to %s: %w", r.URL.Host, cause)
}

// nodes returns what picks the nodes of a service.
func (t *roundTripper) nodes(ctx context.Context, service string) (selector.Next, error) {
	services, err := t.registry.GetService(service, registry.GetContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", service, err)
	}
	return selector.Random(services), nil
}

// attempt returns a copy of r for a node, with a fresh body after the first.
func (t *roundTripper) attempt(r *http.Request, next selector.Next, try int) (*http.Request, error) {
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	node, err := next()
	if err != nil {
		return nil, err
	}
	clone := r.Clone(r.Context())
	clone.URL.Host = node.Address
	if try > 0 && r.GetBody != nil {
		if clone.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return clone, nil
}

// replayable reports whether r can be sent again.
func replayable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// closeBody honours that a round tripper always closes the body.
func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}
