// Package httpserve runs an http.Server with limits on what clients may do, and
// stops it after the requests in flight, those on connections that it has given
// away included.
//
// What strangers make it do for nothing has a share of the time, see internal/flood:
// new connections wait beyond it, and HTTP/2 connections that do little else are ended.
// A server that serves HTTP/2 over TLS by an implementation of its own, or no HTTP/2
// without TLS, does the former alone over TLS.
package httpserve

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/drain"
	"github.com/justcy/go-micro/v4/internal/flood"
	"github.com/justcy/go-micro/v4/internal/handover"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// headerTimeout bounds how long the head of a request may take, and
	// idleTimeout how long a connection may be without one.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// maxHeader is how many bytes the head of a request may have.
	maxHeader = 64 << 10
)

// Run is a server that serves.
type Run struct {
	name     string
	server   *http.Server
	log      logger.Logger
	requests requests
	draining chan struct{} // closed when Stop begins
	cancel   context.CancelFunc
	serving  sync.WaitGroup     // of listeners
	floods   *flood.Account     // of what strangers make it do for nothing
	handed   *handover.Listener // of HTTP/2 over TLS
}

// Start serves on a listener, with TLS if the server has a configuration of it.
// What the server says about limits and logging counts, and the rest of it but
// the handler and the context too; it is changed, and cannot serve again. The name
// begins what is logged.
//
// Hooks of the server see connections as the listener returned them. A handler that
// takes over one without TLS finds that by its NetConn method.
func Start(name string, s *http.Server, l net.Listener, h http.Handler, lg logger.Logger) *Run {
	return start(name, s, l, h, lg, 0)
}

// start is Start with the share of what is done for nothing, see flood.NewAccount.
func start(name string, s *http.Server, l net.Listener, h http.Handler, lg logger.Logger, share time.Duration) *Run {
	secure := s.TLSConfig != nil
	base, cancel := context.WithCancel(context.Background())
	r := &Run{
		name: name, server: s, log: logger.LoggerOrDefault(lg),
		draining: make(chan struct{}), cancel: cancel, floods: flood.NewAccount(share), handed: handover.New(l.Addr()),
	}
	base = drain.NewContext(base, r.draining)
	s.Handler = r.counted(h)
	s.BaseContext = func(net.Listener) context.Context { return base }
	s.ConnContext = r.connContext(s.ConnContext)
	s.ConnState = connState(s.ConnState)
	r.limit()
	accepting := &listener{Listener: l, run: r, secure: secure, begin: func() {}, closed: make(chan struct{})}
	if s.Protocols == nil && s.TLSNextProto == nil {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetHTTP2(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	accepting.h2c = s.Protocols != nil && s.Protocols.UnencryptedHTTP2()
	if accepting.h2c && s.Protocols.HTTP2() && s.TLSNextProto == nil {
		accepting.begin = sync.OnceFunc(r.followSecure)
	}
	r.serving.Go(func() { r.serve(accepting) })
	return r
}

// limit sets the limits that the server does not have.
func (r *Run) limit() {
	s := r.server
	if s.ReadHeaderTimeout == 0 && s.ReadTimeout == 0 {
		s.ReadHeaderTimeout = headerTimeout
	}
	if s.IdleTimeout == 0 {
		s.IdleTimeout = idleTimeout
	}
	if s.MaxHeaderBytes == 0 {
		s.MaxHeaderBytes = maxHeader
	}
	if s.ErrorLog == nil {
		s.ErrorLog = log.New(debugLog{r.log, r.name}, "", 0)
	}
}

// counted counts the requests that are in a handler.
func (r *Run) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.begin()
		defer r.requests.end()
		r.arrived(req)
		next.ServeHTTP(w, req)
	})
}

func (r *Run) serve(l *listener) {
	var err error
	if l.secure {
		err = r.server.ServeTLS(l, "", "")
	} else {
		err = r.server.Serve(l)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		r.log.Logf(logger.ErrorLevel, "%s: serve on %s: %v", r.name, l.Addr(), err)
	}
}

// Stop waits for the requests in flight, at most until ctx is done, and cuts off
// what is left. It must be called once.
func (r *Run) Stop(ctx context.Context) error {
	close(r.draining)
	err := r.server.Shutdown(ctx)
	if err == nil {
		err = r.wait(ctx)
	}
	r.cancel() // ends what is left
	if err != nil {
		err = fmt.Errorf("%s: requests are cut off: %w", r.name, errors.Join(err, r.server.Close()))
	}
	r.serving.Wait()
	return err
}

// wait waits for the requests, or for the end of the context.
func (r *Run) wait(ctx context.Context) error {
	select {
	case <-r.requests.ended():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// debugLog is where net/http tells of clients that it gave up.
type debugLog struct {
	logger.Logger
	name string
}

func (d debugLog) Write(b []byte) (int, error) {
	d.Logf(logger.DebugLevel, "%s: %s", d.name, strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
