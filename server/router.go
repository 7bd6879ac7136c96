package server

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
)

// RouterOption sets one of the RouterOptions.
type RouterOption func(*RouterOptions)

// RouterOptions configures a router.
type RouterOptions struct {
	// Logger for handlers' methods that cannot be called, and for panics.
	Logger logger.Logger
}

// NewRouterOptions returns the given options, completed with defaults.
func NewRouterOptions(opts ...RouterOption) RouterOptions {
	o := RouterOptions{Logger: logger.DefaultLogger}
	options.To(&o, opts)
	return o
}

// WithRouterLogger sets the logger.
func WithRouterLogger(l logger.Logger) RouterOption {
	return func(o *RouterOptions) { o.Logger = l }
}

// router is a Router of its own. What it dispatches with is made when something
// is added, so a request takes no lock and builds no wrapper chain.
type router struct {
	routes atomic.Pointer[routes]
}

// NewRouter returns a router with no handlers. It is a Router, and has the
// methods NewHandler, Handle, NewSubscriber and Subscribe of a Server.
func NewRouter() *router {
	r := &router{}
	r.routes.Store(newRoutes(NewRouterOptions().Logger))
	return r
}

// NewHandler makes a handler of a value.
func (r *router) NewHandler(handler any, opts ...HandlerOption) Handler {
	return NewRpcHandler(handler, opts...)
}

// NewSubscriber makes a subscriber of a function or a value with methods.
func (r *router) NewSubscriber(topic string, target any, opts ...SubscriberOption) Subscriber {
	return newSubscriber(topic, target, opts...)
}

// Handle adds a handler.
func (r *router) Handle(h Handler) error {
	for {
		old := r.routes.Load()
		next, err := old.withHandler(h)
		if err != nil || r.routes.CompareAndSwap(old, next) {
			return err
		}
	}
}

// Subscribe adds a subscriber.
func (r *router) Subscribe(s Subscriber) error {
	for {
		old := r.routes.Load()
		next, _, err := old.withSubscriber(s)
		if err != nil || r.routes.CompareAndSwap(old, next) {
			return err
		}
	}
}

// ServeRequest finds the endpoint that a request names, decodes the request,
// calls the method inside the wrappers and writes its reply. For a stream that
// ended well it returns an error with the text EOS, to be sent to the client,
// unless the client ended the stream first.
func (r *router) ServeRequest(ctx context.Context, req Request, rsp Response) error {
	return r.routes.Load().serve(ctx, req, rsp)
}

// ProcessMessage gives a message to everything subscribed to its topic. It
// returns nil when that is nothing.
func (r *router) ProcessMessage(ctx context.Context, m Message) error {
	return r.routes.Load().process(ctx, m)
}

// routes are handlers and subscribers inside their wrappers. They never change:
// what adds to them makes others.
type routes struct {
	log          logger.Logger
	service      string // whose they are, empty for a router without a server
	node         string // where they are, likewise
	hdlrWrappers []HandlerWrapper
	subWrappers  []SubscriberWrapper
	handlers     map[string]Handler // by name
	endpoints    map[string]*route  // by Type.Method
	subs         []*subscription    // in the order of their addition
	builtIn      []*method          // the Debug handler of a server; see withBuiltIn
}

type route struct {
	*method
	handler HandlerFunc // the method inside the wrappers
	builtIn bool
}

type subscription struct {
	sub       Subscriber
	id        int // the same whatever the wrappers
	receivers []receiver
	functions []SubscriberFunc // the receivers inside the wrappers
}

func newRoutes(log logger.Logger) *routes {
	return &routes{log: log, handlers: map[string]Handler{}, endpoints: map[string]*route{}}
}

// withHandler returns routes that lead to h too.
func (t *routes) withHandler(h Handler) (*routes, error) {
	name, err := handlerName(h)
	if err != nil {
		return nil, err
	}
	if _, ok := t.handlers[name]; ok {
		return nil, fmt.Errorf("rpc.Handle: service already defined: %s", name)
	}
	methods := methodsOf(name, h.Handler(), t.log)
	if err := h.Options().giveTyped(methods); err != nil {
		return nil, err
	}
	if len(methods) == 0 {
		return nil, fmt.Errorf("rpc.Handle: %s has no methods of the form func(context.Context, request, *reply) error or func(context.Context, server.Stream) error", name)
	}
	if err := rulesFit(h, methods); err != nil {
		return nil, err
	}
	next := *t
	next.handlers, next.endpoints = maps.Clone(t.handlers), maps.Clone(t.endpoints)
	next.handlers[name] = h
	if name == debugName {
		maps.DeleteFunc(next.endpoints, func(_ string, e *route) bool { return e.builtIn })
	}
	for _, m := range methods {
		next.endpoints[m.name] = &route{method: m, handler: wrapHandler(m.serve, t.hdlrWrappers)}
	}
	return &next, nil
}

// handlerName is the name under which h is served.
func handlerName(h Handler) (string, error) {
	if h == nil || h.Handler() == nil {
		return "", errors.New("rpc.Handle: the handler is nil")
	}
	name := h.Name()
	if t := typeName(reflect.TypeOf(h.Handler())); t != "" {
		name = t
	}
	if name == "" {
		return "", fmt.Errorf("rpc.Handle: no service name for type %T", h.Handler())
	}
	if !token.IsExported(name) {
		return "", fmt.Errorf("rpc.Handle: type %s is not exported", name)
	}
	return name, nil
}

// withSubscriber returns routes that lead to s too, and its part of them.
func (t *routes) withSubscriber(s Subscriber) (*routes, *subscription, error) {
	if s == nil {
		return nil, nil, errors.New("subscribe: the subscriber is nil")
	}
	if s.Topic() == "" {
		return nil, nil, errors.New("subscribe: the topic is empty")
	}
	rs, err := receivers(s)
	if err != nil {
		return nil, nil, err
	}
	sub := newSubscription(len(t.subs), s, rs, t.subWrappers)
	next := *t
	next.subs = append(slices.Clone(t.subs), sub)
	return &next, sub, nil
}

func newSubscription(id int, s Subscriber, rs []receiver, wrappers []SubscriberWrapper) *subscription {
	sub := &subscription{id: id, sub: s, receivers: rs}
	for i := range rs {
		sub.functions = append(sub.functions, wrapSubscriber(rs[i].serve, wrappers))
	}
	return sub
}

// configured returns routes to the same handlers and subscribers with the
// wrappers, the logger and the name of a server.
func (t *routes) configured(o *Options) *routes {
	next := &routes{
		log: o.Logger, service: o.Name, node: o.Name + "-" + o.Id,
		hdlrWrappers: o.HdlrWrappers, subWrappers: o.SubWrappers,
		handlers: t.handlers, endpoints: map[string]*route{}, builtIn: t.builtIn,
	}
	next.addBuiltIn(o)
	for name, e := range t.endpoints {
		if e.builtIn {
			continue
		}
		next.endpoints[name] = &route{method: e.method, handler: wrapHandler(e.serve, o.HdlrWrappers)}
	}
	for _, s := range t.subs {
		next.subs = append(next.subs, newSubscription(s.id, s.sub, s.receivers, o.SubWrappers))
	}
	return next
}

// find returns the route of a request, or the error that its caller gets.
func (t *routes) find(endpoint string, req Request) (*route, error) {
	if e, ok := t.endpoints[endpoint]; ok {
		return e, nil
	}
	handler, method, ok := strings.Cut(endpoint, ".")
	if !ok || strings.Contains(method, ".") {
		return nil, t.routingError(400, wire.IllFormed+endpoint, endpoint, req,
			"the endpoint is not of the form Type.Method", nil)
	}
	var unknown *namedError
	if !t.serves(handler) {
		unknown = t.routingError(404, wire.NoHandler+handler, endpoint, req, "there is no handler "+handler, nil)
		unknown.unknown = handler
	} else {
		unknown = t.routingError(404, wire.NoMethod+method, endpoint, req, "handler "+handler+" has no method "+method, nil)
		unknown.unknown = endpoint
	}
	return nil, unknown
}

// exchange holds the envelopes of one request. They are passed to interfaces,
// so they cannot live on the stack.
type exchange struct {
	in, out codec.Message
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// release gives e back. Nil has been given back.
func (e *exchange) release() {
	if e != nil {
		*e = exchange{}
		exchanges.Put(e)
	}
}

// serve is the ServeRequest of a Router.
func (t *routes) serve(ctx context.Context, req Request, rsp Response) error {
	ex := exchanges.Get().(*exchange)
	defer func() { ex.release() }()
	if err := ex.read(req); err != nil {
		return t.decodeError(err, req.Endpoint(), req)
	}
	endpoint := ex.in.Endpoint
	if named := req.Endpoint(); endpoint == "" {
		endpoint = named
	} else if named != "" && named != endpoint {
		endpoint += " in the body, in the headers " + named // which is what wrappers see
	}
	e, err := t.find(endpoint, req)
	if err != nil {
		return err
	}
	if err := t.suits(e, req); err != nil {
		return err
	}
	if e.stream {
		id := ex.in.Id
		ex.release()
		ex = nil // streams last
		return t.serveStream(ctx, e, id, req, rsp)
	}
	return t.serveUnary(ctx, e, ex, req, rsp)
}

// suits says why a request cannot be made of an endpoint: one of both is a stream,
// and the other is not. Requests of HTTP/2 do not tell.
func (t *routes) suits(e *route, req Request) error {
	own, ok := req.(*request)
	if !ok || own.call.http2 || own.call.opensStream() == e.stream {
		return nil
	}
	why := "the endpoint is a stream: it is opened, not called"
	if !e.stream {
		why = "the endpoint is no stream: it is called, not opened"
	}
	return t.routingError(http.StatusBadRequest, "rpc: endpoint "+e.name+": "+why, e.name, req, why, nil)
}

// read reads the envelope of a request.
func (e *exchange) read(req Request) error {
	if own, ok := req.(*request); ok {
		_, err := own.readEnvelope(&e.in)
		return err
	}
	e.in.Header = req.Header()
	return req.Codec().ReadHeader(&e.in, codec.Request)
}

func (t *routes) decodeError(err error, endpoint string, req Request) error {
	return t.routingError(400, wire.Undecodable+err.Error(), endpoint, req, "the request cannot be decoded: "+err.Error(), err)
}

func (t *routes) serveUnary(ctx context.Context, e *route, ex *exchange, req Request, rsp Response) error {
	arg, view, reply := e.makeUnary()
	if err := req.Codec().ReadBody(arg); err != nil {
		return t.decodeError(err, e.name, req)
	}
	if view != nil {
		arg = view()
	}
	err := e.pace.time(func() error { return e.handler(ctx, withBody(req, arg), reply) })
	if err != nil {
		return err
	}
	ex.out.Id, ex.out.Type = ex.in.Id, codec.Response
	return rsp.Codec().Write(&ex.out, reply)
}

func (t *routes) serveStream(ctx context.Context, e *route, id string, req Request, rsp Response) error {
	cc := req.Codec()
	if err := openStream(req, cc); err != nil {
		return t.decodeError(err, e.name, req)
	}
	s := newStream(ctx, id, req, cc, rsp.Codec())
	err := e.handler(ctx, req, s)
	gone := s.finish()
	if err == nil && !gone {
		err = errEndOfStream
	}
	return err
}
