package transport

import (
	"context"
	"net"

	"github.com/justcy/go-micro/v4/internal/dial"
)

// dialHTTP makes the connection of a client: TCP, to addr or to a proxy which
// is asked for addr, and TLS with addr on top. Multiplexed offers that in ALPN.
func dialHTTP(addr string, o *Options, d *DialOptions, multiplexed bool) (net.Conn, error) {
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
	return dial.TLS(ctx, conn, clientTLS(o.TLSConfig, addr, d.InsecureSkipVerify, multiplexed), addr)
}
