// Package http is the HTTP server of a gateway: HTTP/1.1 and HTTP/2, with TLS and
// without. It bounds the time and the size of what a client sends before it is
// known to be a request, and stops after the requests in flight.
package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/justcy/go-micro/v4/api/internal/drain"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/cors"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// headerTimeout bounds how long the head of a request may take, and
	// idleTimeout how long a connection may be without one.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// maxHeader is how many bytes the head of a request may have.
	maxHeader = 64 << 10

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
	run     *run // nil when the server is stopped

	lifecycle sync.Mutex // held by Start and Stop, which may take long
}

// run is the server between a Start and the Stop after it.
type run struct {
	server   *http.Server
	requests sync.WaitGroup // those whose connections the server has given away included
	draining chan struct{}  // closed when Stop begins
	cancel   context.CancelFunc
	served   chan struct{} // closed when the server accepts no more
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
	r := newRun(s.mux, config, log)
	s.mu.Lock()
	s.address, s.run = l.Addr().String(), r
	s.mu.Unlock()
	go r.serve(l, log)
	return nil
}

func (s *httpServer) current() *run {
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
	err := r.stop(s.options().StopTimeout)
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	return err
}

func newRun(handler http.Handler, config *tls.Config, log logger.Logger) *run {
	base, cancel := context.WithCancel(context.Background())
	r := &run{draining: make(chan struct{}), cancel: cancel, served: make(chan struct{})}
	base = drain.NewContext(base, r.draining)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	r.server = &http.Server{
		Handler:           r.counted(guard(handler)),
		TLSConfig:         config,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          errorLog(log),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	return r
}

// counted counts the requests that are in a handler.
func (r *run) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		defer r.requests.Done()
		next.ServeHTTP(w, req)
	})
}

func (r *run) serve(l net.Listener, log logger.Logger) {
	defer close(r.served)
	var err error
	if r.server.TLSConfig != nil {
		err = r.server.ServeTLS(l, "", "")
	} else {
		err = r.server.Serve(l)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Logf(logger.ErrorLevel, "gateway: serve on %s: %v", l.Addr(), err)
	}
}

// stop waits for the requests in flight and cuts off what is left.
func (r *run) stop(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	close(r.draining)
	err := r.server.Shutdown(ctx)
	if err == nil {
		err = wait(ctx, &r.requests)
	}
	r.cancel() // ends what is left
	if err != nil {
		err = fmt.Errorf("gateway: requests are in flight after %v: %w", timeout, errors.Join(err, r.server.Close()))
	}
	<-r.served
	return err
}

// wait waits for a group, or for the end of the context.
func wait(ctx context.Context, group *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
