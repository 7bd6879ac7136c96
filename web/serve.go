package web

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"

	"golang.org/x/net/netutil"

	"github.com/justcy/go-micro/v4/internal/urlpath"
	"github.com/justcy/go-micro/v4/util/addr"
	mnet "github.com/justcy/go-micro/v4/util/net"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// errorID is the id of errors that the service itself reports.
const errorID = "go.micro.web"

// listen listens on the address of the options, for as many connections as they
// allow.
func (s *service) listen(o Options) (net.Listener, error) {
	l, err := mnet.Listen(o.Address, func(address string) (net.Listener, error) { return net.Listen("tcp", address) })
	if err != nil {
		return nil, fmt.Errorf("web service %s: %w", o.Name, err)
	}
	if o.MaxConnections > 0 {
		l = netutil.LimitListener(l, o.MaxConnections)
	}
	return l, nil
}

// handler is what answers requests.
func (s *service) handler(o Options) http.Handler {
	if o.Handler != nil {
		return o.Handler
	}
	s.mu.Lock()
	root := s.root
	s.mu.Unlock()
	if root || o.StaticDir == "" {
		return urlpath.Guard(errorID, s.mux)
	}
	if info, err := os.Stat(o.StaticDir); err != nil || !info.IsDir() {
		return urlpath.Guard(errorID, s.mux)
	}
	files := http.FileServer(http.Dir(o.StaticDir))
	return urlpath.Guard(errorID, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := s.mux.Handler(r); pattern == "" {
			files.ServeHTTP(w, r)
			return
		}
		s.mux.ServeHTTP(w, r)
	}))
}

// server is what serves: the one of the options, or a copy of what that was once it
// has served, as a server serves once.
func (s *service) server(o Options) (*http.Server, error) {
	config, err := tlsConfig(o)
	if err != nil {
		return nil, fmt.Errorf("web service %s: %w", o.Name, err)
	}
	server := new(http.Server)
	if o.Server != nil {
		server = s.given(o.Server)
	}
	if config != nil {
		server.TLSConfig = config
	} else if o.Server != nil {
		server.TLSConfig = nil // without Secure the service is plain
	}
	return server, nil
}

// given is the server of the options.
func (s *service) given(server *http.Server) *http.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.served {
	case nil:
		s.served, s.unserved = server, unserved(server)
		return server
	case server:
		return unserved(s.unserved)
	}
	return unserved(server)
}

// unserved returns a copy of a server that can serve.
func unserved(server *http.Server) *http.Server {
	return &http.Server{
		Addr:                         server.Addr,
		DisableGeneralOptionsHandler: server.DisableGeneralOptionsHandler,
		ReadTimeout:                  server.ReadTimeout,
		ReadHeaderTimeout:            server.ReadHeaderTimeout,
		WriteTimeout:                 server.WriteTimeout,
		IdleTimeout:                  server.IdleTimeout,
		MaxHeaderBytes:               server.MaxHeaderBytes,
		TLSNextProto:                 maps.Clone(server.TLSNextProto),
		ConnState:                    server.ConnState,
		ErrorLog:                     server.ErrorLog,
		ConnContext:                  server.ConnContext,
		HTTP2:                        server.HTTP2,
		Protocols:                    server.Protocols,
	}
}

// tlsConfig is the configuration of TLS, nil for none.
func tlsConfig(o Options) (*tls.Config, error) {
	if o.TLSConfig != nil {
		return o.TLSConfig.Clone(), nil
	}
	if !o.Secure {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		host = o.Address
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		hosts = addr.IPs()
	}
	certificate, err := mtls.Certificate(hosts...)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}
