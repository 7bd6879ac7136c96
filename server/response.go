package server

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
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
	r.call.prepared = nil
}

// Write sends a body that is encoded already.
func (r *response) Write(body []byte) error {
	c := r.call
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.over {
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
	if c.over {
		return errRequestOver
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
	if c.repeats(m) && len(h) == 0 && failure == nil {
		return c.send(c.prepare(m), body)
	}
	c.fillHeader(h, m)
	if err := c.send(h, body); err != nil {
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

// preparedHeader is what fillHeader makes for most messages of a stream.
type preparedHeader struct {
	header                       map[string]string
	id, target, method, endpoint string
}

// repeats reports whether m is a message of a stream, and not its first one,
// that has nothing of its own to say in the headers.
func (c *call) repeats(m *codec.Message) bool {
	return c.inbox != nil && c.replied && m.Error == ""
}

// prepare returns the headers of m. They are made once, as a stream has a dozen
// of them, which take more time than the rest of a small message.
func (c *call) prepare(m *codec.Message) map[string]string {
	p := c.prepared
	if p == nil || p.id != m.Id || p.target != m.Target || p.method != m.Method || p.endpoint != m.Endpoint {
		p = &preparedHeader{map[string]string{}, m.Id, m.Target, m.Method, m.Endpoint}
		c.fillHeader(p.header, m)
		c.prepared = p
	}
	return p.header
}

// fillHeader adds to h what tells the client which request a reply is for, and
// what it is. Headers set with WriteHeader win.
func (c *call) fillHeader(h map[string]string, m *codec.Message) {
	foreign := len(h) > 0 // written by the codec or the caller
	setBoth(h, headers.ID, "X-"+headers.ID, m.Id)
	setBoth(h, headers.Request, "X-"+headers.Request, m.Target)
	setBoth(h, headers.Method, "X-"+headers.Method, m.Method)
	setBoth(h, headers.Endpoint, "X-"+headers.Endpoint, m.Endpoint)
	setBoth(h, headers.Error, "X-"+headers.Error, m.Error)
	if c.streamID != "" {
		h[headers.Stream] = c.streamID
	}
	h[headers.ContentType] = c.request.contentType
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

// headerPool holds the header maps of replies. Transports do not keep them.
var headerPool = sync.Pool{New: func() any { return make(map[string]string, 8) }}

func borrowHeader() map[string]string {
	return headerPool.Get().(map[string]string)
}

func returnHeader(h map[string]string) {
	clear(h)
	headerPool.Put(h) //nolint:staticcheck // a map is a pointer
}
