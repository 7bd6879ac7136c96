package server

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// response is the Response of a call.
type response struct {
	call   *call
	header map[string]string // set by WriteHeader
}

func (r *response) Codec() codec.Writer { return &r.call.writer }

// WriteHeader adds headers to every following reply.
func (r *response) WriteHeader(h map[string]string) {
	r.call.writing.Lock()
	defer r.call.writing.Unlock()
	if r.header == nil {
		r.header = make(map[string]string, len(h))
	}
	maps.Copy(r.header, h)
}

// Write sends a body that is encoded already.
func (r *response) Write(body []byte) error {
	c := r.call
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.takesNoMore(codec.Response) {
		return errRequestOver
	}
	h := borrowHeader()
	defer returnHeader(h)
	c.fillHeader(h, &codec.Message{Id: c.id})
	return c.send(h, body)
}

// replyWriter is the codec.Writer of a call's replies.
type replyWriter struct{ call *call }

// Write encodes a reply and sends it. What cannot be encoded becomes an error
// for the client as well as for the caller of Write.
func (w *replyWriter) Write(m *codec.Message, v any) error {
	c := w.call
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.takesNoMore(m.Type) {
		return errRequestOver
	}
	if !c.conn.needsMap() && len(m.Header) == 0 && c.response.header == nil && c.coder.Headerless() {
		return c.sendReply(m, v)
	}
	h := borrowHeader()
	defer returnHeader(h)
	maps.Copy(h, m.Header)
	original := m.Header
	m.Header = h
	body, failure := c.encode(m, v)
	if c.http2 && len(body) == 0 && v != nil && failure == nil && c.isGRPC() {
		body = emptyFrame
	}
	m.Header = original
	if c.http2 && m.Error != "" && c.isGRPC() {
		grpc.SetStatus(h, m.Error)
	}
	c.fillHeader(h, m)
	if failure != nil && c.isWeb() {
		body = fillWeb(h, webError(failure))
	}
	if err := c.send(h, body); err != nil {
		return err
	}
	return failure
}

// sendReply is Write where nobody needs a map of headers.
func (c *call) sendReply(m *codec.Message, v any) error {
	body, failure := c.encode(m, v)
	fields := fieldPool.Get().(*[]wire.Field)
	*fields = c.appendFields((*fields)[:0], m)
	err := c.sent(c.conn.sendFields(c, *fields, body))
	clear(*fields)
	fieldPool.Put(fields)
	if err != nil {
		return err
	}
	return failure
}

// encode encodes v, or else the error that says why it cannot be.
func (c *call) encode(m *codec.Message, v any) (body []byte, failure error) {
	body, err := c.coder.Encode(m, v)
	if err == nil {
		return body, nil
	}
	failure = fmt.Errorf("Unable to encode body: %w", err) //nolint:staticcheck // the text that peers know
	m.Error, m.Type = failure.Error(), codec.Error
	if body, err = c.coder.Encode(m, nil); err != nil {
		body = nil
	}
	return body, failure
}

// appendFields appends what tells the client which request a reply is for, and
// what it is.
func (c *call) appendFields(f []wire.Field, m *codec.Message) []wire.Field {
	f = appendBoth(f, headers.ID, "X-"+headers.ID, m.Id)
	f = appendBoth(f, headers.Request, "X-"+headers.Request, m.Target)
	f = appendBoth(f, headers.Method, "X-"+headers.Method, m.Method)
	f = appendBoth(f, headers.Endpoint, "X-"+headers.Endpoint, m.Endpoint)
	f = appendBoth(f, headers.Error, "X-"+headers.Error, m.Error)
	if c.streamID != "" {
		f = append(f, wire.Field{Name: headers.Stream, Value: c.streamID})
	}
	return append(f, wire.Field{Name: headers.ContentType, Value: c.request.contentType})
}

func appendBoth(f []wire.Field, name, prefixed, value string) []wire.Field {
	if value == "" {
		return f
	}
	return append(f, wire.Field{Name: name, Value: value}, wire.Field{Name: prefixed, Value: value})
}

// fillHeader adds the same to h. Headers set with WriteHeader win.
func (c *call) fillHeader(h map[string]string, m *codec.Message) {
	foreign := len(h) > 0 // written by the codec or the caller
	var space [16]wire.Field
	for _, f := range c.appendFields(space[:0], m) {
		h[f.Name] = f.Value
	}
	if foreign {
		c.tidy(h)
	}
	maps.Copy(h, c.response.header)
}

func setBoth(h map[string]string, name, prefixed, value string) {
	if value != "" {
		h[name] = value
		h[prefixed] = value
	}
}

// tidy resolves what the gRPC codec writes for HTTP/2 alone: its content type
// replaces the general one, and its pseudo headers go nowhere else.
func (c *call) tidy(h map[string]string) {
	if ct, ok := h["content-type"]; ok {
		delete(h, "content-type")
		h[headers.ContentType] = ct
	}
	if c.http2 {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, ":") {
			delete(h, name)
		}
	}
}

// fieldPool holds the headers of replies for transports that need no maps.
var fieldPool = sync.Pool{New: func() any { f := make([]wire.Field, 0, 16); return &f }}

// headerPool holds the header maps of replies. Transports do not keep them.
var headerPool = sync.Pool{New: func() any { return make(map[string]string, 8) }}

func borrowHeader() map[string]string {
	return headerPool.Get().(map[string]string)
}

func returnHeader(h map[string]string) {
	clear(h)
	headerPool.Put(h) //nolint:staticcheck // a map is a pointer
}
