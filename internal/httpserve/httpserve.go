// Package httpserve runs an http.Server with limits on what clients may do, and
// stops it after the requests in flight, those on connections that it has given
// away included.
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
	requests sync.WaitGroup // in a handler
	draining chan struct{}  // closed when Stop begins
	cancel   context.CancelFunc
	served   chan struct{} // closed when the server accepts no more
}

// Start serves on a listener, with TLS if the server has a configuration of it.
// What the server says about limits and logging counts, and the rest of it but
// the handler and the context too. The name begins what is logged.
func Start(name string, s *http.Server, l net.Listener, h http.Handler, lg logger.Logger) *Run {
	base, cancel := context.WithCancel(context.Background())
	r := &Run{name: name, server: s, log: logger.LoggerOrDefault(lg), draining: make(chan struct{}), cancel: cancel, served: make(chan struct{})}
	base = drain.NewContext(base, r.draining)
	s.Handler = r.counted(h)
	s.BaseContext = func(net.Listener) context.Context { return base }
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
		s.ErrorLog = log.New(debugLog{r.log, name}, "", 0)
	}
	if s.Protocols == nil && s.TLSNextProto == nil {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetHTTP2(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	go r.serve(l)
	return r
}

// counted counts the requests that are in a handler.
func (r *Run) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		defer r.requests.Done()
		next.ServeHTTP(w, req)
	})
}

func (r *Run) serve(l net.Listener) {
	defer close(r.served)
	var err error
	if r.server.TLSConfig != nil {
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
	<-r.served
	return err
}

// wait waits for the requests, or for the end of the context.
func (r *Run) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		r.requests.Wait()
		close(done)
	}()
	select {
	case <-done:
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
