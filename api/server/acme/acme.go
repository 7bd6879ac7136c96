// Package acme is the interface to what gets certificates from an authority that
// speaks ACME (RFC 8555), such as Let's Encrypt. Its folder autocert holds an
// implementation.
package acme

import (
	"crypto/tls"
	"errors"
	"net"
)

// ErrProviderNotImplemented is returned by providers that cannot do what they are
// asked for.
var ErrProviderNotImplemented = errors.New("Provider not implemented") //nolint:staticcheck // the text is v4's

// The directories of Let's Encrypt.
const (
	LetsEncryptStagingCA    = "https://acme-staging-v02.api.letsencrypt.org/directory"
	LetsEncryptProductionCA = "https://acme-v02.api.letsencrypt.org/directory"
)

// Provider gets certificates. Its methods may be called concurrently.
type Provider interface {
	// Listen listens on port 443 and serves TLS with certificates for the hosts,
	// any that is asked for if there are none.
	Listen(hosts ...string) (net.Listener, error)
	// TLSConfig returns a configuration that has such certificates.
	TLSConfig(hosts ...string) (*tls.Config, error)
}
