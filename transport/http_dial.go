package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/justcy/go-micro/v4/internal/dial"
)

// dialHTTP makes the connection of a client: TCP, to addr or to a proxy which
// is asked for addr, and TLS with addr on top, where the service is verified if it
// is known. Multiplexed offers that in ALPN.
func (t *httpTransport) dialHTTP(service, addr string, o *Options, d *DialOptions, multiplexed bool) (net.Conn, error) {
	ctx := d.Context
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	conn, err := dial.TCP(ctx, addr)
	if err != nil || !o.secure() {
		return conn, err
	}
	config, err := t.clientTLS(o, service, addr, d.InsecureSkipVerify, multiplexed)
	if err != nil {
		conn.Close()
		return nil, err
	}
	secured, err := dial.TLS(ctx, conn, config, addr)
	if err != nil {
		return nil, explainTLS(err)
	}
	return secured, nil
}

// explainTLS adds what to do to the error of a handshake.
func explainTLS(err error) error {
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &untrusted):
		return fmt.Errorf("%w; do both sides believe the same authority? See transport.Secure, and transport.MutualTLS", err)
	case errors.As(err, &plain):
		return fmt.Errorf("%w; does the listener have transport.Secure or transport.TLSConfig, too?", err)
	}
	return err
}
