// Package dial makes outgoing connections: TCP, straight or through the proxy
// of the environment, and TLS on top. Everything ends with a context.
package dial

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// TCP connects to addr, by a tunnel when HTTPS_PROXY names a proxy for it. The
// rules are those of an https URL whatever is spoken with addr.
func TCP(ctx context.Context, addr string) (net.Conn, error) {
	if err := check(addr); err != nil {
		return nil, err
	}
	proxy, err := proxyFor("https", addr)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		return tunnel(ctx, proxy, addr)
	}
	return direct(ctx, addr)
}

// Forwarder is a proxy that takes requests for others: their target is in
// absolute form, "http://" with the address in front.
type Forwarder struct {
	// Header is whole header lines for each request to it, each with its CRLF.
	Header string
}

// HTTP connects for requests of plain HTTP to addr. When HTTP_PROXY names a
// proxy for it the connection is to that, and via is not nil.
func HTTP(ctx context.Context, addr string) (conn net.Conn, via *Forwarder, err error) {
	if err := check(addr); err != nil {
		return nil, nil, err
	}
	proxy, err := proxyFor("http", addr)
	if err != nil {
		return nil, nil, err
	}
	if proxy == nil {
		conn, err = direct(ctx, addr)
		return conn, nil, err
	}
	at, err := proxyAddr(proxy)
	if err != nil {
		return nil, nil, err
	}
	conn, err = connectProxy(ctx, proxy.Scheme, at)
	return conn, &Forwarder{Header: authorization(proxy)}, err
}

func direct(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// check refuses what a proxy would take for words or lines of its own.
func check(addr string) error {
	if strings.ContainsFunc(addr, splits) {
		return fmt.Errorf("dial %q: not an address", addr)
	}
	return nil
}

// splits reports whether a character would end a word or a line of a request.
func splits(r rune) bool { return r <= ' ' || r == 0x7f }
