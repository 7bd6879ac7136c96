package acme

import (
	"net/http"

	"github.com/justcy/go-micro/v4/api/server/acme/challenge"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Provider.
type Options struct {
	// AcceptToS accepts the authority's terms of service.
	AcceptToS bool
	// CA is the URL of the authority's directory.
	CA string
	// ChallengeProvider answers the DNS challenge; nil for other challenges.
	ChallengeProvider challenge.Provider
	// OnDemand gets a certificate when a client first asks for its name.
	OnDemand bool
	// Cache keeps certificates. Its type is the provider's.
	Cache any
	// Logger for what happens in the background.
	Logger logger.Logger
	// HTTPClient talks to the authority; nil for the provider's own.
	HTTPClient *http.Client
}

// Option changes Options.
type Option func(o *Options)

// DefaultOptions returns the defaults: the terms are accepted, the authority is
// Let's Encrypt, and certificates are got on demand.
func DefaultOptions() Options {
	return Options{AcceptToS: true, CA: LetsEncryptProductionCA, OnDemand: true, Logger: logger.DefaultLogger}
}

// NewOptions returns the defaults with opts applied.
func NewOptions(opts ...Option) Options { return options.With(DefaultOptions(), opts) }

// AcceptToS sets whether the authority's terms of service are accepted.
func AcceptToS(b bool) Option {
	return func(o *Options) { o.AcceptToS = b }
}

// CA sets the URL of the authority's directory.
func CA(ca string) Option {
	return func(o *Options) { o.CA = ca }
}

// ChallengeProvider sets what answers the DNS challenge.
func ChallengeProvider(p challenge.Provider) Option {
	return func(o *Options) { o.ChallengeProvider = p }
}

// OnDemand sets whether certificates are got when a client asks for their name.
func OnDemand(b bool) Option {
	return func(o *Options) { o.OnDemand = b }
}

// Cache sets what keeps certificates.
func Cache(c any) Option {
	return func(o *Options) { o.Cache = c }
}

// Logger sets the logger.
func Logger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// HTTPClient sets what talks to the authority.
func HTTPClient(c *http.Client) Option {
	return func(o *Options) { o.HTTPClient = c }
}
