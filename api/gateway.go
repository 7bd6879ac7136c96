package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/justcy/go-micro/v4/api/handler"
	kindapi "github.com/justcy/go-micro/v4/api/handler/api"
	"github.com/justcy/go-micro/v4/api/handler/event"
	kindhttp "github.com/justcy/go-micro/v4/api/handler/http"
	"github.com/justcy/go-micro/v4/api/handler/openapi"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/handler/web"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/registry"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/cors"
	httpserver "github.com/justcy/go-micro/v4/api/server/http"
	"github.com/justcy/go-micro/v4/internal/options"
)

// NewApi returns an Api. An option that fails is reported by Init and by Run.
func NewApi(opts ...Option) Api {
	o := defaultOptions()
	err := o.apply(opts)
	return &api{options: options.New(o), err: err}
}

type api struct {
	options *options.Current[Options]
	err     error // of the options given to NewApi
}

func (a *api) String() string { return "http" }

func (a *api) Options() Options { return a.options.Get() }

// Init applies all of the options or, when one fails, none.
func (a *api) Init(opts ...Option) error {
	err := a.options.Change(func(o *Options) error { return o.apply(opts) })
	if err != nil {
		return fmt.Errorf("api options: %w", err)
	}
	return a.err
}

func (a *api) Register(*Endpoint) error   { return nil }
func (a *api) Deregister(*Endpoint) error { return nil }

func (a *api) Run(ctx context.Context) error {
	o := a.Options()
	if a.err != nil {
		return errors.Join(fmt.Errorf("api options: %w", a.err), stop(o.Router))
	}
	if o.Router == nil {
		o.Router = registry.NewRouter()
	}
	return errors.Join(o.serve(ctx), stop(o.Router))
}

func stop(r router.Router) error {
	if r == nil {
		return nil
	}
	return r.Stop()
}

// serve runs a server until the context ends.
func (o Options) serve(ctx context.Context) error {
	s := httpserver.NewServer(o.Address, o.Server...)
	d := newDispatcher(o)
	defer d.close()
	s.Handle("/", d)
	if o.OpenAPI != "" {
		s.Handle(o.OpenAPI, openapi.NewHandler(handler.WithRouter(o.Router)))
	}
	if err := s.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop()
}

// dispatcher hands each request to the handler of the kind that its endpoint
// wants.
type dispatcher struct {
	router router.Router
	kinds  map[string]handler.Handler
}

func newDispatcher(o Options) *dispatcher {
	opts := append([]handler.Option{handler.WithOrigins(origins(o.Server)...)}, o.Handler...)
	opts = append(opts, handler.WithRouter(o.Router))
	d := &dispatcher{router: o.Router, kinds: map[string]handler.Handler{}}
	for _, h := range []handler.Handler{
		rpc.NewHandler(opts...), kindapi.NewHandler(opts...), event.NewHandler(opts...),
		kindhttp.NewHandler(opts...), web.NewHandler(opts...),
	} {
		d.kinds[h.String()] = h
	}
	d.kinds["meta"], d.kinds[""] = d.kinds[rpc.Handler], d.kinds[rpc.Handler]
	d.kinds["proxy"] = d.kinds[kindhttp.Handler]
	return d
}

// origins are those whose pages may open WebSockets, because the configuration of
// CORS names them. That all may make requests without cookies is no reason: a
// WebSocket has cookies.
func origins(opts []server.Option) []string {
	o := server.NewOptions(opts...)
	if !o.EnableCORS || o.CORSConfig == nil {
		return nil
	}
	return slices.DeleteFunc(o.CORSConfig.Origins(), func(origin string) bool { return origin == cors.Any })
}

func (d *dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, failure, cause := exchange.Route(r, d.router)
	if failure != nil {
		exchange.WriteError(w, r, failure, cause)
		return
	}
	h, ok := d.kinds[route.Endpoint.Handler]
	if !ok {
		err := fmt.Errorf("unknown handler %q of %s.%s", route.Endpoint.Handler, route.Service, route.Endpoint.Name)
		exchange.WriteError(w, r, exchange.RouteError(err), err)
		return
	}
	h.ServeHTTP(w, exchange.WithRoute(r, route))
}

// close closes the idle connections of the handlers.
func (d *dispatcher) close() {
	for _, h := range d.kinds {
		if c, ok := h.(io.Closer); ok {
			_ = c.Close() // fails never
		}
	}
}
