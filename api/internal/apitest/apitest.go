// Package apitest runs services for the tests of the gateway, all in one process.
package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Quiet is a logger that shows nothing.
var Quiet = logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel))

// World is where services run and find each other.
type World struct {
	testing.TB
	Registry  registry.Registry
	Broker    broker.Broker
	Transport transport.Transport
	Client    client.Client
}

// NewWorld returns a world in memory.
func NewWorld(t testing.TB) *World {
	t.Helper()
	w := &World{TB: t, Registry: registry.NewMemoryRegistry(), Broker: broker.NewMemoryBroker(), Transport: transport.NewMemoryTransport()}
	sel := selector.NewSelector(selector.Registry(w.Registry))
	w.Client = client.NewClient(client.Registry(w.Registry), client.Selector(sel), client.Broker(w.Broker), client.Transport(w.Transport), client.WithLogger(Quiet))
	t.Cleanup(func() {
		_ = w.Client.(io.Closer).Close()
		_ = sel.Close()
		_ = w.Broker.Disconnect()
	})
	return w
}

// Serve runs a service with a handler.
func (w *World) Serve(name string, h any, opts ...server.HandlerOption) server.Server {
	w.Helper()
	s := server.NewServer(server.Name(name), server.Address("127.0.0.1:0"), server.Registry(w.Registry),
		server.Broker(w.Broker), server.Transport(w.Transport), server.WithLogger(Quiet))
	if err := s.Handle(s.NewHandler(h, opts...)); err != nil {
		w.Fatal(err)
	}
	if err := s.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.Stop() })
	return s
}

// Router returns a router over the registry.
func (w *World) Router(opts ...router.Option) router.Router {
	r := routes.NewRouter(append([]router.Option{router.WithRegistry(w.Registry), router.WithLogger(Quiet)}, opts...)...)
	w.Cleanup(func() { _ = r.Stop() })
	return r
}

// Options are those of a handler in this world.
func (w *World) Options(r router.Router) []handler.Option {
	return []handler.Option{handler.WithRouter(r), handler.WithClient(w.Client), handler.WithLogger(Quiet)}
}

// Listen serves a handler over TCP and returns its URL.
func (w *World) Listen(h http.Handler) string {
	w.Helper()
	s := httptest.NewServer(h)
	w.Cleanup(s.Close)
	w.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return s.URL
}

// Do makes a request to a handler.
func Do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// Failure is the error that a response tells of.
func Failure(t testing.TB, rec *httptest.ResponseRecorder) *errors.Error {
	t.Helper()
	if ct := rec.Header().Get("Content-Type"); ct != "application/json" {
		t.Errorf("the content type of an error is %q, its body %q", ct, rec.Body)
	}
	e := errors.Parse(rec.Body.String())
	if int(e.GetCode()) != rec.Code {
		t.Errorf("status %d tells of %v", rec.Code, e)
	}
	return e
}

// Fixed is a router with one route.
type Fixed struct {
	router.Router
	Found *router.Route
	Err   error
}

// Route implements router.Router.
func (f Fixed) Route(*http.Request) (*router.Route, error) { return f.Found, f.Err }
