// Package certificates is a plugin of the gateway's server: it gets certificates with
// a library of its own.
package certificates

import (
	"crypto/tls"
	"net"

	"go-micro.dev/v4/api/server"
	"go-micro.dev/v4/api/server/acme"
	"go-micro.dev/v4/logger"
	"go-micro.dev/v4/store"
	"go-micro.dev/v4/sync"
)

// challenger is what the library takes, in the form of lego's challenge.Provider.
type challenger interface {
	Present(domain, token, keyAuth string) error
	CleanUp(domain, token, keyAuth string) error
}

// library stands for the settings of the library.
var library struct {
	directory string
	agreed    bool
	dns       challenger
	onDemand  bool
	storage   *Storage
}

// Storage keeps certificates in a store, under locks.
type Storage struct {
	lock  sync.Sync
	store store.Store
}

// NewStorage returns a Storage.
func NewStorage(lock sync.Sync, store store.Store) *Storage { return &Storage{lock, store} }

type provider struct{ opts acme.Options }

// NewProvider returns a provider.
func NewProvider(options ...acme.Option) acme.Provider {
	opts := acme.DefaultOptions()
	for _, o := range options {
		o(&opts)
	}
	if opts.Cache != nil {
		if _, ok := opts.Cache.(*Storage); !ok {
			opts.Logger.Log(logger.ErrorLevel, "the cache is no Storage")
		}
	}
	return &provider{opts}
}

func (p *provider) setup() {
	library.directory, library.agreed, library.onDemand = p.opts.CA, p.opts.AcceptToS, p.opts.OnDemand
	if p.opts.ChallengeProvider != nil {
		library.dns = p.opts.ChallengeProvider
	}
	if s, ok := p.opts.Cache.(*Storage); ok {
		library.storage = s
	}
}

func (p *provider) Listen(hosts ...string) (net.Listener, error) {
	p.setup()
	return nil, acme.ErrProviderNotImplemented
}

func (p *provider) TLSConfig(hosts ...string) (*tls.Config, error) {
	p.setup()
	return &tls.Config{}, nil
}

// Options are those of a server that uses the provider with a challenger.
func Options(dns challenger, lock sync.Sync, store store.Store, hosts ...string) []server.Option {
	return []server.Option{
		server.EnableACME(true),
		server.ACMEHosts(hosts...),
		server.ACMEProvider(NewProvider(
			acme.AcceptToS(true), acme.CA(acme.LetsEncryptStagingCA), acme.OnDemand(false),
			acme.ChallengeProvider(dns), acme.Cache(NewStorage(lock, store)), acme.Logger(logger.DefaultLogger),
		)),
	}
}
