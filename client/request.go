package client

import (
	"context"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
)

// RequestOptions configure a request.
type RequestOptions struct {
	// ContentType says how the body is encoded.
	ContentType string
	// Stream marks the request as a streaming one.
	Stream bool
	// Context carries the options of other implementations.
	Context context.Context
}

// RequestOption sets a field of RequestOptions.
type RequestOption func(*RequestOptions)

// WithContentType sets how the body is encoded.
func WithContentType(ct string) RequestOption {
	return func(o *RequestOptions) { o.ContentType = ct }
}

// StreamingRequest marks the request as a streaming one.
func StreamingRequest() RequestOption {
	return func(o *RequestOptions) { o.Stream = true }
}

type request struct {
	service  string
	endpoint string
	body     any
	opts     RequestOptions

	// The context of the first call with the request: most have one, which this
	// spares an allocation.
	called atomic.Bool
	call   callContext
}

func newRequest(service, endpoint string, body any, contentType string, opts []RequestOption) Request {
	r := &request{service: service, endpoint: endpoint, body: body}
	r.opts.ContentType = contentType
	options.To(&r.opts, opts)
	if r.opts.ContentType == "" {
		r.opts.ContentType = contentType
	}
	return r
}

func (r *request) Service() string     { return r.service }
func (r *request) Method() string      { return r.endpoint }
func (r *request) Endpoint() string    { return r.endpoint }
func (r *request) ContentType() string { return r.opts.ContentType }
func (r *request) Body() any           { return r.body }
func (r *request) Codec() codec.Writer { return nil }
func (r *request) Stream() bool        { return r.opts.Stream }
