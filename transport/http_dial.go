package transport

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// dialHTTP makes the connection of a client: TCP, to addr or to a proxy which
// is asked for addr, and TLS with addr on top. Multiplexed offers that in ALPN.
func dialHTTP(addr string, o *Options, dial *DialOptions, multiplexed bool) (net.Conn, error) {
	ctx := dial.Context
	if dial.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dial.Timeout)
		defer cancel()
	}
	conn, err := dialTCP(ctx, addr)
	if err != nil || !o.secure() {
		return conn, err
	}
	return startTLS(ctx, conn, clientTLS(o.TLSConfig, addr, dial.InsecureSkipVerify, multiplexed), addr)
}

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	if strings.ContainsFunc(addr, splits) {
		return nil, fmt.Errorf("dial %q: not an address", addr) // and a proxy would take it for lines of its own
	}
	proxy, err := proxyFor(addr)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		return dialProxy(ctx, proxy, addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// splits reports whether a character would end a word or a line of a request.
func splits(r rune) bool { return r <= ' ' || r == 0x7f }
