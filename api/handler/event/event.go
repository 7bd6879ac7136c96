// Package event publishes HTTP requests. The path of a request says the topic and
// what happened: /orders/created is the event "created" of the topic "orders",
// behind the namespace, and /v1/orders/created the event "orders.created" of
// "v1.orders". What is published is an Event of package api/proto.
package event

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/component"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/errors"
)

// Handler is the name of this kind of handler.
var Handler = "event"

// NewHandler returns a handler that publishes. It needs no router.
func NewHandler(opts ...handler.Option) handler.Handler {
	o := handler.NewOptions(opts...)
	return &eventHandler{opts: o, bodies: exchange.NewBodies(o.MaxRecvSize, o.MaxTotalSize)}
}

type eventHandler struct {
	opts   handler.Options
	bodies *exchange.Bodies
}

func (h *eventHandler) String() string { return "event" }

// ServeHTTP implements http.Handler.
func (h *eventHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	topic, action := name(h.opts.Namespace, r.URL.Path)
	if topic == "" {
		exchange.WriteError(w, r, exchange.BadRequest("the path "+r.URL.Path+" names no topic"), nil)
		return
	}
	data, held, failure := h.data(w, r)
	defer held.Release()
	if failure != nil {
		exchange.WriteError(w, r, failure, nil)
		return
	}
	event := &pb.Event{
		Name:      action,
		Id:        fmt.Sprintf("%s-%s-%s", topic, action, uuid.New()),
		Timestamp: time.Now().Unix(),
		Header:    exchange.Headers(r),
		Data:      data,
	}
	c := h.opts.Client
	if err := c.Publish(exchange.Context(r), c.NewMessage(topic, event)); err != nil {
		exchange.WriteError(w, r, exchange.CallError(err), err)
	}
}

// data is the body of a request, or the query of one with GET as JSON.
func (h *eventHandler) data(w http.ResponseWriter, r *http.Request) (data string, held *exchange.Held, failure *errors.Error) {
	if r.Method != http.MethodGet {
		body, held, failure := h.bodies.Read(w, r)
		return string(body), held, failure
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", nil, exchange.BadRequest("query: " + err.Error())
	}
	object, err := json.Marshal(query)
	if err != nil {
		return "", nil, exchange.BadRequest("query: " + err.Error())
	}
	return string(object), nil, nil
}

// name returns the topic and the action of a path.
func name(namespace, p string) (topic, action string) {
	p = strings.TrimPrefix(path.Clean(p), "/")
	if p == "" || p == "." {
		return namespace, "event"
	}
	parts := strings.Split(p, "/")
	topic, rest := parts[0], parts[1:]
	if component.IsVersion(parts[0]) && len(rest) > 0 {
		topic += "." + rest[0]
	} else if len(rest) == 0 {
		rest = parts
	}
	if namespace != "" {
		topic = namespace + "." + topic
	}
	return topic, strings.Join(rest, ".")
}
