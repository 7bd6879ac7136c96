package tls

import "crypto/tls"

// AnyService, as the Service of an Endpoint, is whatever service the authority
// vouches for: the subscribers of a topic, for instance.
const AnyService = "*"

// Endpoint is one end of a connection, as far as it is known before the handshake.
type Endpoint struct {
	// Service is the name of the service that listens, empty when it is not known.
	Service string
	// Addr is the address that is listened on or dialled, host:port.
	Addr string
}

// Source supplies the TLS of a service: its certificate, and whom it believes. It
// is asked anew for every connection, so that certificates can be changed without
// closing any. Package pki has sources of files and of an authority on this host;
// one of Vault or SPIFFE is a few lines around its library.
//
// The methods may be called concurrently. The configurations they return are not
// changed; the same pointer should be returned as long as nothing has changed, for
// sessions can be resumed then. The protocols of ALPN are left to the caller.
type Source interface {
	// Server returns the configuration for a connection that the service at e
	// accepts.
	Server(e Endpoint) (*tls.Config, error)
	// Client returns the configuration for a connection to e. The handshake must
	// fail unless the peer is the service of that name or, when the name is not
	// known, the host of the address.
	Client(e Endpoint) (*tls.Config, error)
}
