package api

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/internal/options"
)

// errNoGateway is returned by Run in a program that links no gateway.
var errNoGateway = errors.New("no gateway is linked into this program: use WithGateway, or import a package that registers one")

// Gateway is a server in front of a router: it accepts requests and turns them
// into calls.
type Gateway interface {
	// Start listens and serves in the background.
	Start() error
	// Stop drains and ends what Start began. A router that the gateway made for
	// itself is part of that; the Api stops the one in Options.
	Stop() error
}

// GatewayFunc makes a gateway that is not started yet.
type GatewayFunc func(Options) (Gateway, error)

var registered struct {
	sync.Mutex
	gateway GatewayFunc
}

// RegisterGateway makes a gateway the one for Apis that name none. A gateway
// package calls it when it is initialised; a second call panics, since which of
// two wins would depend on the order of imports.
func RegisterGateway(g GatewayFunc) {
	registered.Lock()
	defer registered.Unlock()
	if registered.gateway != nil {
		panic("api: two gateways are linked into this program")
	}
	registered.gateway = g
}

// NewApi returns an Api. An option that fails is reported by Init and by Run.
func NewApi(opts ...Option) Api {
	o := Options{Address: defaultAddress}
	err := o.apply(opts)
	return &api{options: options.New(o), err: err}
}

type api struct {
	options *options.Current[Options]
	err     error // of the options given to NewApi
}

func (a *api) String() string { return "http" }

func (a *api) Options() Options { return a.options.Get() }

// Init applies all of the options or, when one fails, none.
func (a *api) Init(opts ...Option) error {
	err := a.options.Change(func(o *Options) error { return o.apply(opts) })
	if err != nil {
		return fmt.Errorf("api options: %w", err)
	}
	return a.err
}

func (a *api) Register(*Endpoint) error   { return nil }
func (a *api) Deregister(*Endpoint) error { return nil }

func (a *api) Run(ctx context.Context) error {
	o := a.Options()
	if a.err != nil {
		return fmt.Errorf("api options: %w", a.err)
	}
	err := o.serve(ctx)
	if o.Router != nil {
		err = errors.Join(err, o.Router.Stop())
	}
	return err
}

// serve runs a gateway until the context ends.
func (o Options) serve(ctx context.Context) error {
	gateway, err := o.gateway()
	if err != nil {
		return err
	}
	if err := gateway.Start(); err != nil {
		return errors.Join(fmt.Errorf("start gateway: %w", err), gateway.Stop())
	}
	<-ctx.Done()
	return gateway.Stop()
}

// gateway makes the gateway.
func (o Options) gateway() (Gateway, error) {
	if o.Gateway == nil {
		registered.Lock()
		o.Gateway = registered.gateway
		registered.Unlock()
	}
	if o.Gateway == nil {
		return nil, errNoGateway
	}
	gateway, err := o.Gateway(o)
	if err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	return gateway, nil
}
