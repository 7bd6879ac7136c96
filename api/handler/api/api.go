// Package api hands HTTP requests to services as messages: an endpoint gets a
// Request of package api/proto and fills the Response.
package api

import (
	"net/http"
	"net/url"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/errors"
)

// Handler is the name of this kind of handler.
const Handler = "api"

const (
	typeForm    = "application/x-www-form-urlencoded"
	defaultType = "text/plain; charset=UTF-8"
)

// NewHandler returns a handler that hands on requests.
func NewHandler(opts ...handler.Option) handler.Handler {
	o := handler.NewOptions(opts...)
	return &apiHandler{opts: o, bodies: exchange.NewBodies(o.MaxRecvSize, o.MaxTotalSize)}
}

type apiHandler struct {
	opts   handler.Options
	bodies *exchange.Bodies
}

func (h *apiHandler) String() string { return Handler }

// ServeHTTP implements http.Handler.
func (h *apiHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, failure, cause := exchange.Route(r, h.opts.Router)
	if failure != nil {
		exchange.WriteError(w, r, failure, cause)
		return
	}
	body, held, failure := h.bodies.Read(w, r)
	defer held.Release()
	if failure != nil {
		exchange.WriteError(w, r, failure, nil)
		return
	}
	request, failure := message(r, body)
	if failure != nil {
		exchange.WriteError(w, r, failure, nil)
		return
	}
	c, response := h.opts.Client, new(pb.Response)
	req := c.NewRequest(route.Service, route.Endpoint.Name, request)
	if err := c.Call(exchange.Context(r), req, response, exchange.Nodes(route)); err != nil {
		exchange.WriteError(w, r, exchange.CallError(err), err)
		return
	}
	write(w, r, response)
}

// message is the request as the service gets it.
func message(r *http.Request, body []byte) (*pb.Request, *errors.Error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, exchange.BadRequest("Error parsing query: " + err.Error())
	}
	request := &pb.Request{
		Method: r.Method,
		Path:   r.URL.Path,
		Url:    r.URL.String(),
		Header: exchange.Headers(r),
		Get:    exchange.Pairs(query),
	}
	contentType := r.Header.Get("Content-Type")
	if exchange.MediaType(contentType) == "" {
		request.Header["Content-Type"] = &pb.Pair{Key: "Content-Type", Values: []string{defaultType}}
	}
	if exchange.MediaType(contentType) != typeForm {
		request.Body = string(body)
		return request, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, exchange.BadRequest("Error parsing form: " + err.Error())
	}
	request.Post = exchange.Pairs(form)
	return request, nil
}

// write answers with what the service said.
func write(w http.ResponseWriter, r *http.Request, response *pb.Response) {
	h := w.Header()
	for name, pair := range response.GetHeader() {
		if key := pair.GetKey(); key != "" {
			name = key
		}
		if exchange.OwnByConnection(name) {
			continue
		}
		for _, value := range pair.GetValues() {
			h.Add(name, value)
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	exchange.Write(w, r, status(response), []byte(response.GetBody()))
}

// status is the status that a service chose, 200 if it chose none.
func status(response *pb.Response) int {
	code := int(response.GetStatusCode())
	if code == 0 {
		return http.StatusOK
	}
	return exchange.Status(&errors.Error{Code: int32(code)})
}
