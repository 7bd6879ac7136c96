package server

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/codec"
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
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// WithRouterLogger sets the logger.
func WithRouterLogger(l logger.Logger) RouterOption {
	return func(o *RouterOptions) { o.Logger = l }
}

// router dispatches requests to the methods of handlers, and messages to
// subscribers. What it dispatches with is made when something is added, so a
// request takes no lock and builds no wrapper chain.
type router struct {
	mu           sync.Mutex // guards what follows; table is replaced under it
	hdlrWrappers []HandlerWrapper
	subWrappers  []SubscriberWrapper
	table        atomic.Pointer[routes]
}

// routes never change once they are in use.
type routes struct {
	log       logger.Logger
	handlers  map[string]Handler // by name
	endpoints map[string]*route  // by Type.Method
	subs      []*subscription    // in the order of their addition
}

type route struct {
	*method
	handler HandlerFunc // the method inside the wrappers
}

type subscription struct {
	sub       Subscriber
	id        int // the same whatever the wrappers
	receivers []receiver
	functions []SubscriberFunc // the receivers inside the wrappers
}

// NewRouter returns a router with no handlers. It is a Router, and has the
// methods NewHandler, Handle, NewSubscriber and Subscribe of a Server.
func NewRouter() *router { return newRouter() }

func newRouter(opts ...RouterOption) *router {
	r := &router{}
	r.table.Store(&routes{
		log:       NewRouterOptions(opts...).Logger,
		handlers:  map[string]Handler{},
		endpoints: map[string]*route{},
	})
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
	name, err := handlerName(h)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.table.Load()
	if _, ok := old.handlers[name]; ok {
		return fmt.Errorf("rpc.Handle: service already defined: %s", name)
	}
	methods := methodsOf(name, h.Handler(), old.log)
	if len(methods) == 0 {
		return fmt.Errorf("rpc.Handle: %s has no methods of the form func(context.Context, request, *reply) error or func(context.Context, server.Stream) error", name)
	}
	next := *old
	next.handlers, next.endpoints = maps.Clone(old.handlers), maps.Clone(old.endpoints)
	next.handlers[name] = h
	for _, m := range methods {
		next.endpoints[m.name] = &route{method: m, handler: wrapHandler(m.serve, r.hdlrWrappers)}
	}
	r.table.Store(&next)
	return nil
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

// Subscribe adds a subscriber.
func (r *router) Subscribe(s Subscriber) error {
	_, err := r.subscribe(s)
	return err
}

func (r *router) subscribe(s Subscriber) (*subscription, error) {
	if s == nil {
		return nil, errors.New("subscribe: the subscriber is nil")
	}
	rs, err := receivers(s)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.table.Load()
	sub := newSubscription(len(next.subs), s, rs, r.subWrappers)
	next.subs = append(slices.Clone(next.subs), sub)
	r.table.Store(&next)
	return sub, nil
}

func newSubscription(id int, s Subscriber, rs []receiver, wrappers []SubscriberWrapper) *subscription {
	sub := &subscription{id: id, sub: s, receivers: rs}
	for i := range rs {
		sub.functions = append(sub.functions, wrapSubscriber(rs[i].serve, wrappers))
	}
	return sub
}

// configure puts wrappers, in place of the former ones, around all that is and
// will be added, and logs to log from now on.
func (r *router) configure(log logger.Logger, hdlr []HandlerWrapper, sub []SubscriberWrapper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hdlrWrappers, r.subWrappers = slices.Clone(hdlr), slices.Clone(sub)
	old := r.table.Load()
	next := &routes{log: log, handlers: old.handlers, endpoints: map[string]*route{}}
	for name, e := range old.endpoints {
		next.endpoints[name] = &route{method: e.method, handler: wrapHandler(e.serve, hdlr)}
	}
	for _, s := range old.subs {
		next.subs = append(next.subs, newSubscription(s.id, s.sub, s.receivers, sub))
	}
	r.table.Store(next)
}

// find returns the route of an endpoint, or the error that its caller gets.
func (t *routes) find(endpoint string) (*route, error) {
	if e, ok := t.endpoints[endpoint]; ok {
		return e, nil
	}
	service, method, ok := strings.Cut(endpoint, ".")
	if !ok || strings.Contains(method, ".") {
		return nil, errors.New("rpc: service/endpoint request ill-formed: " + endpoint)
	}
	if _, ok := t.handlers[service]; !ok {
		return nil, &unknownEndpoint{text: "rpc: can't find service " + service, name: service}
	}
	return nil, &unknownEndpoint{text: "rpc: can't find method " + method, name: endpoint}
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

// ServeRequest finds the endpoint that a request names, decodes the request,
// calls the method inside the wrappers and writes its reply. For a stream that
// ended well it returns an error with the text EOS, to be sent to the client,
// unless the client ended the stream first.
func (r *router) ServeRequest(ctx context.Context, req Request, rsp Response) error {
	ex := exchanges.Get().(*exchange)
	defer func() { ex.release() }()
	if err := ex.read(req); err != nil {
		return decodeError(err)
	}
	endpoint := ex.in.Endpoint
	if endpoint == "" {
		endpoint = req.Endpoint()
	}
	e, err := r.table.Load().find(endpoint)
	if err != nil {
		return err
	}
	if e.stream {
		id := ex.in.Id
		ex.release()
		ex = nil // streams last
		return e.serveStream(ctx, id, req, rsp)
	}
	return e.serveUnary(ctx, ex, req, rsp)
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

func decodeError(err error) error {
	return fmt.Errorf("rpc: router cannot decode request: %w", err)
}

func (e *route) serveUnary(ctx context.Context, ex *exchange, req Request, rsp Response) error {
	arg, view := e.request.make()
	if err := req.Codec().ReadBody(arg); err != nil {
		return decodeError(err)
	}
	if view != nil {
		arg = view()
	}
	reply := reflect.New(e.reply.Elem()).Interface()
	if err := e.handler(ctx, withBody(req, arg), reply); err != nil {
		return err
	}
	ex.out.Id, ex.out.Type = ex.in.Id, codec.Response
	return rsp.Codec().Write(&ex.out, reply)
}

func (e *route) serveStream(ctx context.Context, id string, req Request, rsp Response) error {
	cc := req.Codec()
	if err := openStream(req, cc); err != nil {
		return decodeError(err)
	}
	s := newStream(ctx, id, req, cc, rsp.Codec())
	err := e.handler(ctx, req, s)
	gone := s.finish()
	if err == nil && !gone {
		err = errEndOfStream
	}
	return err
}
