package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/justcy/go-micro/v4/internal/seal"
)

// TLSConfig returns the configuration of a dial to addr with these protocols in
// ALPN: a clone of the caller's, with the host of addr as the server's name
// unless it has one. Nil means TLS 1.2 or later and the system's roots.
func TLSConfig(config *tls.Config, addr string, protocols ...string) *tls.Config {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		config = config.Clone()
	}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr
		}
		config.ServerName = host
	}
	config.NextProtos = protocols
	return config
}

// TLS puts TLS on a connection to name. It closes conn when it fails.
func TLS(ctx context.Context, conn net.Conn, config *tls.Config, name string) (net.Conn, error) {
	secured := seal.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls handshake with %s: %w", name, err)
	}
	return secured, nil
}
