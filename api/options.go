package api

import "github.com/justcy/go-micro/v4/api/router"

// defaultAddress is where a gateway listens unless told otherwise.
const defaultAddress = ":8080"

// Options configure an Api.
type Options struct {
	// Address to listen on; ":8080" by default.
	Address string
	// Router finds the endpoint for a request; nil for the gateway's own, which
	// reads the default registry. The Api stops it when Run ends.
	Router router.Router
	// Gateway makes what Run runs; nil for the registered one.
	Gateway GatewayFunc
}

// Option changes Options, or fails.
type Option func(*Options) error

// NewOptions returns the defaults with opts applied. Errors of options are
// dropped here; Api.Init reports them.
func NewOptions(opts ...Option) Options {
	options := Options{Address: defaultAddress}
	_ = options.apply(opts)
	return options
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

// WithGateway sets what Run runs.
func WithGateway(g GatewayFunc) Option {
	return func(o *Options) error {
		o.Gateway = g
		return nil
	}
}
