// Package rpc turns HTTP requests into calls.
//
// The request of the call is made of what the path captures, of the query and of
// the body, which is JSON or a form; bodies in protobuf and gRPC pass through
// untouched. An object of JSON that says it is a form, as "curl -d" has it, is taken
// for what it is. The reply is the body of the response, JSON unless the request was
// something else, and an error is the JSON of package errors with its code as the
// status.
//
// An endpoint that streams is reached over a WebSocket, with a message in each
// frame, or by a request that accepts text/event-stream, which gets each message
// as an event.
//
// A WebSocket is closed when its client does not answer a ping, of which there is one
// every 30 seconds, within as long; when a message is over handler.Options.MaxRecvSize
// or 16 MiB (code 1009), or finds no room in MaxTotalSize (1013); when a message comes
// at less than 16 KiB a second for 30 seconds, and when the client sends pings and
// pongs without end (1008). A service that does not receive stops its client.
package rpc

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/internal/payload"
	"github.com/justcy/go-micro/v4/api/router"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
)

// Handler is the name of this kind of handler.
const Handler = "rpc"

// NewHandler returns a handler that makes calls.
func NewHandler(opts ...handler.Option) handler.Handler {
	o := handler.NewOptions(opts...)
	return &rpcHandler{opts: o, bodies: exchange.NewBodies(o.MaxRecvSize, o.MaxTotalSize)}
}

type rpcHandler struct {
	opts   handler.Options
	bodies *exchange.Bodies
}

func (h *rpcHandler) String() string { return Handler }

// ServeHTTP implements http.Handler.
func (h *rpcHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, failure, cause := exchange.Route(r, h.opts.Router)
	if failure != nil {
		writeError(w, r, failure, cause)
		return
	}
	switch {
	case exchange.IsWebSocket(r) && streams(route):
		h.serveWebSocket(w, r, route)
		return
	case exchange.AcceptsEvents(r) && streams(route):
		h.serveEvents(w, r, route)
		return
	}
	body, held, failure := h.payload(w, r, route)
	defer held.Release()
	if failure != nil {
		writeError(w, r, failure, nil)
		return
	}
	c := newCall(r, route, body)
	if err := c.make(h.opts.Client, exchange.Context(r), exchange.Nodes(route)); err != nil {
		writeError(w, r, exchange.CallError(err), err)
		return
	}
	c.reply(w, r)
}

// streams reports whether the endpoint of a route streams.
func streams(route *router.Route) bool {
	for _, version := range route.Versions {
		for _, e := range version.Endpoints {
			if isStream(e, route.Endpoint.Name) {
				return true
			}
		}
	}
	return false
}

func isStream(e *registry.Endpoint, name string) bool {
	return e != nil && e.Name == name && e.Metadata["stream"] == "true"
}

// payload is the body of the call for a request. Held is released when it is needed
// no more, after a failure too.
func (h *rpcHandler) payload(w http.ResponseWriter, r *http.Request, route *router.Route) (data []byte, held *exchange.Held, failure *microerrors.Error) {
	contentType := r.Header.Get("Content-Type")
	types := payload.TypesOf(route.Versions, route.Endpoint.Name)
	if exchange.MediaType(contentType) == "multipart/form-data" && r.Method != http.MethodGet {
		form := h.bodies.Reader(w, r)
		data, err := payload.Multipart(r, form, types)
		return data, form, refused(err)
	}
	body, held, failure := h.bodies.Read(w, r)
	if failure != nil {
		return nil, held, failure
	}
	data, err := extract(r, contentType, body, types)
	if err == nil && formOf(contentType, data) == asJSON && len(data) > 0 && !json.Valid(data) {
		err = payload.ErrNotJSON
	}
	return data, held, refused(err)
}

// extract makes the payload of a body by its content type.
func extract(r *http.Request, contentType string, body []byte, types payload.Types) ([]byte, error) {
	switch {
	case strings.Contains(contentType, "application/json-rpc"):
		return payload.JSONRPC(body)
	case strings.Contains(contentType, "application/proto-rpc"):
		return payload.ProtoRPC(body)
	case strings.Contains(contentType, "application/octet-stream"):
		return payload.OctetStream(body), nil
	case isForm(contentType) && !payload.IsObject(body):
		return payload.Form(r, body, types)
	case formOf(contentType, body) != asJSON:
		return body, nil
	}
	return payload.Of(r, body, types)
}

// isForm reports whether a body is a form of HTML by its content type.
func isForm(contentType string) bool {
	return strings.Contains(contentType, "application/x-www-form-urlencoded") ||
		strings.Contains(contentType, "application/www-x-form-urlencoded")
}

// refused is the answer to a request whose payload has a fault.
func refused(err error) *microerrors.Error {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, exchange.ErrBusy):
		return exchange.BodyError(err)
	}
	return exchange.BadRequest(err.Error())
}
