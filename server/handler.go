package server

import (
	"maps"
	"reflect"
	"slices"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// HandlerOption sets one of the HandlerOptions.
type HandlerOption func(*HandlerOptions)

// HandlerOptions configures a handler.
type HandlerOptions struct {
	// Metadata of endpoints, by their full name Type.Method.
	Metadata map[string]map[string]string
	// Internal handlers are served but not listed in the registry.
	Internal bool
	// Rules say who may call which endpoint: see EndpointRules.
	Rules []*auth.Rule

	typed map[string]typedMethod // by Type.Method
}

func newHandlerOptions(opts []HandlerOption) HandlerOptions {
	o := HandlerOptions{Metadata: map[string]map[string]string{}}
	options.To(&o, opts)
	return o
}

// EndpointMetadata adds metadata, which is copied, to an endpoint, named
// Type.Method, in the registry.
func EndpointMetadata(name string, md map[string]string) HandlerOption {
	return func(o *HandlerOptions) {
		if o.Metadata == nil {
			o.Metadata = map[string]map[string]string{}
		}
		o.Metadata[name] = maps.Clone(md)
	}
}

// InternalHandler keeps a handler out of the registry.
func InternalHandler(b bool) HandlerOption {
	return func(o *HandlerOptions) { o.Internal = b }
}

// RpcHandler is the Handler of any value with suitable methods.
type RpcHandler struct {
	name      string
	handler   any
	endpoints []*registry.Endpoint
	opts      HandlerOptions
}

// NewRpcHandler makes a handler of a value. Its name is that of the value's
// type.
func NewRpcHandler(handler any, opts ...HandlerOption) Handler {
	options := newHandlerOptions(opts)
	h := &RpcHandler{handler: handler, opts: options}
	if handler == nil {
		return h
	}
	h.name = typeName(reflect.TypeOf(handler))
	h.endpoints = handlerEndpoints(h.name, reflect.TypeOf(handler), options.Metadata)
	return h
}

// Name is the name of the handler's type.
func (h *RpcHandler) Name() string { return h.name }

// Handler is the value given to NewRpcHandler.
func (h *RpcHandler) Handler() any { return h.handler }

// Endpoints describes the value's methods. The caller owns the result.
func (h *RpcHandler) Endpoints() []*registry.Endpoint { return cloneEndpoints(h.endpoints) }

// Options returns a copy of the handler's options.
func (h *RpcHandler) Options() HandlerOptions {
	o := h.opts
	o.Metadata = make(map[string]map[string]string, len(h.opts.Metadata))
	for name, md := range h.opts.Metadata {
		o.Metadata[name] = maps.Clone(md)
	}
	o.Rules = slices.Clip(o.Rules)
	return o
}

func cloneEndpoints(endpoints []*registry.Endpoint) []*registry.Endpoint {
	var clones []*registry.Endpoint
	for _, e := range endpoints {
		clones = append(clones, e.Clone())
	}
	return clones
}

// typeName is the name of a type, or of the type it points to.
func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
