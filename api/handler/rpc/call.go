package rpc

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/codec/proto"
	microerrors "github.com/justcy/go-micro/v4/errors"
)

const (
	typeJSON     = "application/json"
	typeProtobuf = "application/protobuf"
)

// form is how the payload of a content type travels.
type form int

const (
	asJSON    form = iota // a JSON value, in the envelope of the content type
	asMessage             // the bytes of a protobuf message, likewise
	asFrame               // bytes that no codec touches
)

// forms are those of the content types that services know.
var forms = map[string]form{
	typeJSON:                   asJSON,
	"application/grpc+json":    asJSON,
	"application/json-rpc":     asJSON,
	"application/grpc":         asMessage,
	"application/grpc+proto":   asMessage,
	"application/proto":        asMessage,
	typeProtobuf:               asMessage,
	"application/proto-rpc":    asMessage,
	"application/octet-stream": asFrame,
}

// formOf is how a body of a content type travels: what a client of gRPC has framed
// already stays as it is.
func formOf(contentType string, body []byte) form {
	mediaType := exchange.MediaType(contentType)
	if strings.HasPrefix(mediaType, "application/grpc") && framed(body) {
		return asFrame
	}
	return forms[mediaType]
}

// framed reports whether a body is a message of gRPC: whether it is compressed, its
// length and its bytes. No message of protobuf or JSON looks like that.
func framed(body []byte) bool {
	return len(body) >= 5 && body[0] <= 1 && uint64(binary.BigEndian.Uint32(body[1:])) == uint64(len(body)-5)
}

// call is one call for one request.
type call struct {
	route       *router.Route
	contentType string // of the call
	body        any    // of the call
	response    any    // what the reply is decoded into
	bytes       func() []byte
}

// newCall prepares the call for a request.
func newCall(r *http.Request, route *router.Route, payload []byte) *call {
	c := &call{route: route, contentType: exchange.MediaType(r.Header.Get("Content-Type"))}
	kind := formOf(c.contentType, payload)
	if _, known := forms[c.contentType]; !known {
		c.contentType = typeJSON
	}
	if c.contentType == "application/proto" {
		c.contentType = typeProtobuf // the name that services know
	}
	switch kind {
	case asMessage:
		reply := new(proto.Message)
		c.body, c.response = proto.NewMessage(payload), reply
		c.bytes = func() []byte { return reply.Data }
	case asFrame:
		reply := new(bytes.Frame)
		c.body, c.response = &bytes.Frame{Data: payload}, reply
		c.bytes = func() []byte { return reply.Data }
	default:
		request, reply := json.RawMessage(payload), new(json.RawMessage)
		c.body, c.response = &request, reply
		c.bytes = func() []byte { data, _ := reply.MarshalJSON(); return data } // fails never
	}
	return c
}

func (c *call) make(cl client.Client, ctx context.Context, opts ...client.CallOption) error {
	req := cl.NewRequest(c.route.Service, c.route.Endpoint.Name, c.body, client.WithContentType(c.contentType))
	return cl.Call(ctx, req, c.response, opts...)
}

// reply answers with the reply of the call.
func (c *call) reply(w http.ResponseWriter, r *http.Request) {
	body, h := c.bytes(), w.Header()
	h.Set("Content-Type", responseType(r.Header.Get("Content-Type")))
	h.Set("X-Content-Type-Options", "nosniff")
	status, grpc := http.StatusOK, isGRPC(r)
	switch {
	case grpc:
		announce(h) // trailers rule out a length
	case len(body) == 0:
		status = http.StatusNoContent
	default:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	exchange.Write(w, r, status, body)
	if grpc {
		h.Set("grpc-status", "0")
		h.Set("grpc-message", "")
	}
}

// responseType is the content type of the response to a request of one: the same
// if it says how a reply can be read.
func responseType(requested string) string {
	if _, known := forms[exchange.MediaType(requested)]; known {
		return requested
	}
	return typeJSON
}

func isGRPC(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Content-Type"), "application/grpc")
}

// announce names the trailers in which gRPC has its status.
func announce(h http.Header) { h["Trailer"] = []string{"grpc-status", "grpc-message"} }

// writeError answers with an error.
func writeError(w http.ResponseWriter, r *http.Request, e *microerrors.Error, cause error) {
	if !isGRPC(r) {
		exchange.WriteError(w, r, e, cause)
		return
	}
	h := w.Header()
	announce(h)
	exchange.WriteError(w, r, e, cause)
	h.Set("grpc-status", "13")
	h.Set("grpc-message", grpcMessage(e.GetDetail()))
}

// grpcMessage is a text as gRPC has it in a header: in percent encoding.
func grpcMessage(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)+0x100, 16)[1:]))
		}
	}
	return b.String()
}
