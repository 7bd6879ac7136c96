package api

import (
	"fmt"
	"strings"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/server"
)

const (
	// defaultAddress is where a gateway listens unless told otherwise.
	defaultAddress = ":8080"
	// defaultOpenAPI is where it describes itself.
	defaultOpenAPI = "/openapi.json"
)

// Options configure an Api.
type Options struct {
	// Address to listen on; ":8080" by default.
	Address string
	// Router finds the endpoint for a request; nil for one that reads the default
	// registry. The Api stops it when Run ends.
	Router router.Router
	// Server holds options of the HTTP server: TLS, CORS, and wrappers around the
	// handlers, for instance for authentication.
	Server []server.Option
	// Handler holds options of the handlers, such as the client that makes the
	// calls. Of a router Router is the one that counts.
	Handler []handler.Option
	// OpenAPI is the path of the OpenAPI document about the endpoints;
	// "/openapi.json" by default, and empty for none.
	OpenAPI string
}

// Option changes Options, or fails.
type Option func(*Options) error

// NewOptions returns the defaults with opts applied. Errors of options are
// dropped here; Api.Init reports them.
func NewOptions(opts ...Option) Options {
	options := defaultOptions()
	_ = options.apply(opts)
	return options
}

func defaultOptions() Options {
	return Options{Address: defaultAddress, OpenAPI: defaultOpenAPI}
}

// apply skips nil options, and stops at the first option that fails.
func (o *Options) apply(opts []Option) error {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(o); err != nil {
			return err
		}
	}
	return nil
}

// WithAddress sets the address to listen on.
func WithAddress(addr string) Option {
	return func(o *Options) error {
		o.Address = addr
		return nil
	}
}

// WithRouter sets the router.
func WithRouter(r router.Router) Option {
	return func(o *Options) error {
		o.Router = r
		return nil
	}
}

// WithServer adds options of the HTTP server.
func WithServer(opts ...server.Option) Option {
	return func(o *Options) error {
		o.Server = append(o.Server[:len(o.Server):len(o.Server)], opts...)
		return nil
	}
}

// WithHandler adds options of the handlers.
func WithHandler(opts ...handler.Option) Option {
	return func(o *Options) error {
		o.Handler = append(o.Handler[:len(o.Handler):len(o.Handler)], opts...)
		return nil
	}
}

// WithOpenAPI sets the path of the OpenAPI document, such as "/openapi.json", empty
// for none. What is no path of one document is an error.
func WithOpenAPI(path string) Option {
	return func(o *Options) error {
		if path != "" && (path[0] != '/' || path == "/" || strings.ContainsAny(path, "{} \t")) {
			return fmt.Errorf("%q is no path for the OpenAPI document; use one as %q, or none", path, defaultOpenAPI)
		}
		o.OpenAPI = path
		return nil
	}
}
