// Package exchange is what the handlers of the gateway do alike with a request
// and its response: reading the body within limits, choosing headers and nodes,
// and telling of errors.
package exchange

import (
	"context"
	stderrors "errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// ID is the id of errors that the gateway itself reports.
const ID = "go.micro.api"

// statusClientClosed is the status for the log of a request whose client is gone.
const statusClientClosed = 499

// RouteError is the answer to a request that a router has no route for.
func RouteError(err error) *errors.Error {
	code := http.StatusInternalServerError
	var method *router.MethodError
	switch {
	case err == nil: // there is no router
		return newError(code, "no route found")
	case stderrors.As(err, &method):
		code = http.StatusMethodNotAllowed
	case stderrors.Is(err, resolver.ErrInvalidPath):
		code = http.StatusBadRequest
	case stderrors.Is(err, router.ErrNotFound), stderrors.Is(err, resolver.ErrNotFound),
		stderrors.Is(err, registry.ErrNotFound), stderrors.Is(err, selector.ErrNotFound):
		code = http.StatusNotFound
	case stderrors.Is(err, router.ErrClosed):
		code = http.StatusServiceUnavailable
	}
	return newError(code, err.Error())
}

// BadRequest is the answer to a request that cannot be understood.
func BadRequest(detail string) *errors.Error { return newError(http.StatusBadRequest, detail) }

// newError makes an error of the gateway. The detail is no format.
func newError(code int, detail string) *errors.Error {
	return &errors.Error{Id: ID, Code: int32(code), Detail: detail, Status: http.StatusText(code)}
}

// CallError is the answer to a request whose call failed: what the service
// returned, with a code.
func CallError(err error) *errors.Error {
	e := errors.Parse(err.Error()) // the code that the service gave, and not the one that the client made up
	switch {
	case stderrors.Is(err, transport.ErrMessageTooLarge):
		return newError(http.StatusRequestEntityTooLarge, e.GetDetail())
	case stderrors.Is(err, context.Canceled) && e.GetCode() != 0:
		return newError(statusClientClosed, e.GetDetail())
	case e.GetCode() == 0:
		return newError(wire.RoutingStatus(e.GetDetail()), "error during request: "+e.GetDetail())
	}
	return e
}

// Status is the status of a response that tells of an error.
func Status(e *errors.Error) int {
	if code := int(e.GetCode()); code >= 200 && code <= 999 { // those below are no final responses
		return code
	}
	return http.StatusInternalServerError
}

// WriteError answers with the JSON of an error.
func WriteError(w http.ResponseWriter, r *http.Request, e *errors.Error, cause error) {
	h := w.Header()
	var method *router.MethodError
	if stderrors.As(cause, &method) {
		h.Set("Allow", strings.Join(method.Allowed, ", "))
	}
	body := []byte(e.Error())
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Trailer") == "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	Write(w, r, Status(e), body)
}

// Forbidden is the answer to a request that may not be made.
func Forbidden(detail string) *errors.Error { return newError(http.StatusForbidden, detail) }

// TooLarge is the answer to a request whose body is larger than the limit.
func TooLarge(limit int64) *errors.Error {
	return newError(http.StatusRequestEntityTooLarge, "the body of the request is larger than "+size(limit))
}

// NoNode is the answer to a request for a service without a node.
func NoNode() *errors.Error { return newError(http.StatusNotFound, ErrNoNode.Error()) }

// BadGateway is the answer to a request that was passed on in vain.
func BadGateway(err error) *errors.Error { return newError(http.StatusBadGateway, err.Error()) }

// Gone is what the log has of a request whose client has gone.
func Gone() *errors.Error { return newError(statusClientClosed, "the client has gone") }
