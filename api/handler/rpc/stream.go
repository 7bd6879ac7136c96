package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	microerrors "github.com/justcy/go-micro/v4/errors"
)

// openStream opens a stream to the endpoint of a route and sends it the payload,
// unless that is nil. It ends with ctx.
func (h *rpcHandler) openStream(ctx context.Context, route *router.Route, contentType string, payload []byte) (client.Stream, error) {
	cl := h.opts.Client
	req := cl.NewRequest(route.Service, route.Endpoint.Name, nil, client.WithContentType(contentType), client.StreamingRequest())
	stream, err := cl.Stream(ctx, req, exchange.Nodes(route))
	if err != nil {
		return nil, err
	}
	if payload == nil {
		return stream, nil
	}
	if err := stream.Send(message(contentType, payload)); err != nil {
		_ = stream.Close() // the error that counts is that of Send
		return nil, err
	}
	return stream, nil
}

// message is a payload as a message of a stream.
func message(contentType string, payload []byte) any {
	if contentType == typeJSON {
		m := json.RawMessage(payload)
		return &m
	}
	return &bytes.Frame{Data: payload}
}

// streamType is the content type of the messages of the stream for a request.
func streamType(r *http.Request) string {
	if mediaType := exchange.MediaType(r.Header.Get("Content-Type")); mediaType != "" {
		return mediaType
	}
	return typeJSON
}

// firstMessage is the payload of a request if that is worth sending.
func firstMessage(payload []byte) []byte {
	if len(payload) == 0 || string(payload) == "{}" {
		return nil
	}
	return payload
}

// ended reports whether a stream has ended without a fault: the service ended it,
// or the client went away.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, client.ErrShutdown) ||
		strings.Contains(err.Error(), context.Canceled.Error())
}

// failureOf is what a client is told of a stream that failed.
func failureOf(err error) *microerrors.Error { return exchange.CallError(err) }
