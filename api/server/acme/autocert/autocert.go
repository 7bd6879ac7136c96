// Package autocert gets certificates with golang.org/x/crypto/acme/autocert, by
// the challenge TLS-ALPN-01 (RFC 8737) on the port that serves TLS.
package autocert

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	xacme "golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/justcy/go-micro/v4/api/server/acme"
	"github.com/justcy/go-micro/v4/logger"
)

// folder is where certificates are kept, in the user's folder for caches.
const folder = "golang-autocert"

// NewProvider returns a provider that gets certificates from Let's Encrypt and
// accepts its terms of service.
func NewProvider() acme.Provider { return New() }

// New returns a provider with options. Of these AcceptToS, CA, Cache, HTTPClient and
// Logger count; Cache is an autocert.Cache, or the name of a folder, and by default
// golang-autocert in the user's folder for caches.
func New(opts ...acme.Option) acme.Provider { return &provider{opts: acme.NewOptions(opts...)} }

type provider struct {
	opts acme.Options
}

// Listen implements acme.Provider.
func (p *provider) Listen(hosts ...string) (net.Listener, error) {
	config, err := p.TLSConfig(hosts...)
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp", ":443", config)
	if err != nil {
		return nil, fmt.Errorf("listen for TLS with certificates by ACME: %w", err)
	}
	return l, nil
}

// TLSConfig implements acme.Provider.
func (p *provider) TLSConfig(hosts ...string) (*tls.Config, error) {
	m := &autocert.Manager{
		Prompt: func(string) bool { return p.opts.AcceptToS },
		Cache:  p.cache(),
		Client: &xacme.Client{DirectoryURL: p.opts.CA, HTTPClient: p.opts.HTTPClient},
	}
	if len(hosts) > 0 {
		m.HostPolicy = autocert.HostWhitelist(hosts...)
	}
	return m.TLSConfig(), nil
}

// cache is where certificates are kept, nil if that cannot be.
func (p *provider) cache() autocert.Cache {
	var dir string
	switch c := p.opts.Cache.(type) {
	case autocert.Cache:
		return c
	case string:
		dir = c
	}
	if dir == "" {
		dir = filepath.Join(userCache(), folder)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		logger.LoggerOrDefault(p.opts.Logger).Logf(logger.ErrorLevel, "autocert: certificates are not kept: %v", err)
		return nil
	}
	return autocert.DirCache(dir)
}

// userCache is the user's folder for caches.
func userCache() string {
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home(), "Library", "Caches")
	case "windows":
		for _, name := range []string{"APPDATA", "CSIDL_APPDATA", "TEMP", "TMP"} {
			if dir := os.Getenv(name); dir != "" {
				return dir
			}
		}
		return home()
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(home(), ".cache")
}

func home() string {
	if dir, err := os.UserHomeDir(); err == nil {
		return dir
	}
	return "/"
}
