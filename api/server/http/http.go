// Package http is the HTTP server of a gateway: HTTP/1.1 and HTTP/2, with TLS and
// without. It bounds the time and the size of what a client sends before it is
// known to be a request, and what it makes the server do for nothing, and stops after
// the requests in flight.
package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/cors"
	"github.com/justcy/go-micro/v4/internal/httpserve"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/urlpath"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	defaultStopTimeout    = 25 * time.Second
	defaultMaxConnections = 16_384
)

// NewServer returns a server that listens on the address once it is started.
func NewServer(address string, opts ...server.Option) server.Server {
	o := server.Options{
		Logger:         logger.DefaultLogger,
		AccessLog:      os.Stdout,
		StopTimeout:    defaultStopTimeout,
		MaxConnections: defaultMaxConnections,
	}
	options.To(&o, opts)
	return &httpServer{address: address, opts: o, mux: http.NewServeMux()}
}

type httpServer struct {
	mux *http.ServeMux

	mu      sync.Mutex // guards what follows
	address string
	opts    server.Options
	run     *httpserve.Run // nil when the server is stopped

	lifecycle sync.Mutex // held by Start and Stop, which may take long
}

func (s *httpServer) String() string { return "http" }

func (s *httpServer) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

func (s *httpServer) Init(opts ...server.Option) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	options.To(&s.opts, opts)
	return nil
}

func (s *httpServer) options() server.Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Handle implements server.Server.
func (s *httpServer) Handle(path string, handler http.Handler) {
	o := s.options()
	for _, wrap := range o.Wrappers {
		if wrap != nil {
			handler = wrap(handler)
		}
	}
	if o.EnableCORS {
		handler = cors.CombinedCORSHandler(handler, o.CORSConfig)
	}
	if o.AccessLog != nil {
		handler = &accessLog{next: handler, out: o.AccessLog}
	}
	s.mux.Handle(path, handler)
}

// Start implements server.Server. It does nothing when the server runs.
func (s *httpServer) Start() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if s.current() != nil {
		return nil
	}
	o := s.options()
	l, config, err := listen(s.Address(), o)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	log := logger.LoggerOrDefault(o.Logger)
	log.Logf(logger.InfoLevel, "HTTP API Listening on %s", l.Addr())
	r := httpserve.Start("gateway", &http.Server{TLSConfig: config}, l, urlpath.Guard(exchange.ID, s.mux), log)
	s.mu.Lock()
	s.address, s.run = l.Addr().String(), r
	s.mu.Unlock()
	return nil
}

func (s *httpServer) current() *httpserve.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// Stop implements server.Server.
func (s *httpServer) Stop() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	r := s.current()
	if r == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.options().StopTimeout)
	defer cancel()
	err := r.Stop(ctx)
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	return err
}

// listen returns the listener of the options, and the configuration of TLS if the
// listener does not do that itself.
func listen(address string, o server.Options) (net.Listener, *tls.Config, error) {
	if o.EnableACME && o.ACMEProvider != nil {
		l, err := o.ACMEProvider.Listen(o.ACMEHosts...)
		return l, nil, err
	}
	config, err := tlsConfig(o)
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	if o.MaxConnections > 0 {
		l = netutil.LimitListener(l, o.MaxConnections)
	}
	return l, config, nil
}
