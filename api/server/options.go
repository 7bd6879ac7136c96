package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/server/acme"
	"github.com/justcy/go-micro/v4/api/server/cors"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// Options configure a Server.
type Options struct {
	// EnableACME has the ACMEProvider get certificates for ACMEHosts, which are
	// any if there are none.
	EnableACME bool
	// EnableCORS sets the headers of CORSConfig, and answers OPTIONS.
	EnableCORS   bool
	CORSConfig   *cors.Config
	ACMEProvider acme.Provider
	// EnableTLS serves TLS with TLSConfig, or the certificate in the files.
	EnableTLS bool
	ACMEHosts []string
	TLSConfig *tls.Config
	// CertFile and KeyFile hold a certificate with its chain and its key, in PEM.
	// They are read again when they have changed.
	CertFile, KeyFile string
	// Resolver is for wrappers that need one.
	Resolver resolver.Resolver
	// Wrappers go around each handler, the last outermost.
	Wrappers []Wrapper
	// Logger for what happens in the background.
	Logger logger.Logger
	// AccessLog gets a line for each request, in the combined format of Apache; the
	// standard output by default, and nothing if it is nil.
	AccessLog io.Writer
	// StopTimeout bounds how long Stop waits for requests in flight; 25 seconds by
	// default.
	StopTimeout time.Duration
	// MaxConnections is how many connections are served at a time, 16,384 by
	// default; others wait. With 0 there is no limit, nor is there with ACME.
	MaxConnections int
}

// Option changes Options.
type Option func(o *Options)

// Wrapper puts a handler around a handler.
type Wrapper func(h http.Handler) http.Handler

// NewOptions returns the options that opts make of none but the default logger.
func NewOptions(opts ...Option) Options {
	return options.With(Options{Logger: logger.DefaultLogger}, opts)
}

// WrapHandler adds a wrapper, which goes around those before it.
func WrapHandler(w Wrapper) Option {
	return func(o *Options) { o.Wrappers = append(o.Wrappers[:len(o.Wrappers):len(o.Wrappers)], w) }
}

// EnableCORS sets whether the headers for pages of other origins are set.
func EnableCORS(b bool) Option {
	return func(o *Options) { o.EnableCORS = b }
}

// CORSConfig sets what these headers say.
func CORSConfig(c *cors.Config) Option {
	return func(o *Options) { o.CORSConfig = c }
}

// EnableACME sets whether the provider gets the certificates.
func EnableACME(b bool) Option {
	return func(o *Options) { o.EnableACME = b }
}

// ACMEHosts sets the names that certificates are for.
func ACMEHosts(hosts ...string) Option {
	return func(o *Options) { o.ACMEHosts = append([]string(nil), hosts...) }
}

// ACMEProvider sets what gets the certificates.
func ACMEProvider(p acme.Provider) Option {
	return func(o *Options) { o.ACMEProvider = p }
}

// EnableTLS sets whether TLS is served.
func EnableTLS(b bool) Option {
	return func(o *Options) { o.EnableTLS = b }
}

// TLSConfig sets the configuration of TLS.
func TLSConfig(t *tls.Config) Option {
	return func(o *Options) { o.TLSConfig = t }
}

// TLSFiles serves TLS with the certificate and the key in two files.
func TLSFiles(cert, key string) Option {
	return func(o *Options) { o.EnableTLS, o.CertFile, o.KeyFile = true, cert, key }
}

// Resolver sets the resolver.
func Resolver(r resolver.Resolver) Option {
	return func(o *Options) { o.Resolver = r }
}

// Logger sets the logger.
func Logger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// AccessLog sets what gets a line for each request; nil for nothing.
func AccessLog(w io.Writer) Option {
	return func(o *Options) { o.AccessLog = w }
}

// StopTimeout sets how long Stop waits for requests in flight.
func StopTimeout(d time.Duration) Option {
	return func(o *Options) { o.StopTimeout = d }
}

// MaxConnections sets how many connections are served at a time.
func MaxConnections(n int) Option {
	return func(o *Options) { o.MaxConnections = n }
}
