package dial

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// proxyFor returns the proxy through which the environment wants a URL of this
// scheme at addr to be reached, nil for none. The environment is read once a
// process.
func proxyFor(scheme, addr string) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: addr}})
	if err != nil {
		return nil, fmt.Errorf("proxy for %s: %w", addr, err)
	}
	return proxy, nil
}

// tunnel connects to a proxy and asks it for a tunnel to addr.
func tunnel(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	at, err := proxyAddr(proxy)
	if err != nil {
		return nil, err
	}
	conn, err := connectProxy(ctx, proxy.Scheme, at)
	if err != nil {
		return nil, err
	}
	if err := openTunnel(ctx, conn, proxy, addr); err != nil {
		conn.Close()
		return nil, fmt.Errorf("proxy %s: connect to %s: %w", at, addr, err)
	}
	return conn, nil
}

// connectProxy connects to a proxy, with TLS when its scheme is https.
func connectProxy(ctx context.Context, scheme, at string) (net.Conn, error) {
	conn, err := direct(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", at, err)
	}
	if scheme == "https" {
		return TLS(ctx, conn, TLSConfig(nil, at, "http/1.1"), "proxy "+at)
	}
	return conn, nil
}

// proxyAddr returns the address to dial, with the scheme's port as default.
func proxyAddr(proxy *url.URL) (string, error) {
	port := proxy.Port()
	switch {
	case proxy.Scheme != "http" && proxy.Scheme != "https":
		return "", fmt.Errorf("proxy %s: unsupported scheme %q, use http or https", proxy.Host, proxy.Scheme)
	case port == "" && proxy.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	return net.JoinHostPort(proxy.Hostname(), port), nil
}

// openTunnel performs the CONNECT exchange, which ends with ctx.
func openTunnel(ctx context.Context, conn net.Conn, proxy *url.URL, addr string) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		conn.Close()
	})
	err := connect(conn, proxy, addr)
	if !stop() {
		<-interrupted
		return context.Cause(ctx)
	}
	return err
}

// authorization returns the header line with the account in the proxy's URL, ""
// without one.
func authorization(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	account := proxy.User.Username() + ":" + password
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(account)) + "\r\n"
}

func connect(conn net.Conn, proxy *url.URL, addr string) error {
	request := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: micro/latest\r\n"
	if _, err := conn.Write([]byte(request + authorization(proxy) + "\r\n")); err != nil {
		return err
	}
	reader := httpmsg.NewReader(conn, nil)
	var head httpmsg.Head
	if err := reader.ReadResponse(&head); err != nil {
		return err
	}
	if head.Status != http.StatusOK {
		return fmt.Errorf("refused: %s", head.StatusText)
	}
	if len(reader.Buffered()) > 0 {
		return errors.New("the proxy sent more than its answer")
	}
	return nil
}
