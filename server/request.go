package server

import (
	"io"
	"maps"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// request is the Request of a call, and the codec.Reader of its messages.
type request struct {
	call        *call
	service     string
	method      string
	endpoint    string
	contentType string // as the client wrote it
	stream      bool
	body        any

	first  incoming // the message that opened the request
	opened bool     // first was taken
	single bool     // there is no other message: the endpoint is unary
	read   bool     // Read has returned the only body
	loaded bool     // the coder holds a message that was not decoded yet
	empty  bool     // that message has no body
}

func (r *request) Service() string           { return r.service }
func (r *request) Method() string            { return r.method }
func (r *request) Endpoint() string          { return r.endpoint }
func (r *request) ContentType() string       { return r.contentType }
func (r *request) Header() map[string]string { return r.call.Metadata() }
func (r *request) Body() any                 { return r.body }
func (r *request) Stream() bool              { return r.stream }
func (r *request) Codec() codec.Reader       { return r }

// isStream reports, when the request is over, whether it was a stream.
func (r *request) isStream() bool { return r.stream && !r.single }

// Read returns the bodies of the messages that Codec would decode. The only
// body of a unary request can be read once, whether it was decoded or not.
func (r *request) Read() ([]byte, error) {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	if r.single || r.call.source == nil {
		if r.read {
			return nil, io.EOF
		}
		r.read = true
		return r.first.body, nil
	}
	m, err := r.next()
	if err != nil {
		return nil, err
	}
	switch m.err {
	case "":
		return m.body, nil
	case wire.EOS:
		return nil, io.EOF
	}
	return nil, wire.RemoteError(m.err)
}

// ReadHeader makes the next message of a stream the one that ReadBody decodes,
// and stores what is known about it in m. A unary request starts over.
func (r *request) ReadHeader(m *codec.Message, t codec.MessageType) error {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	first := !r.opened || r.single
	in, err := r.advance(m)
	if err != nil {
		return err
	}
	r.showHeader(m, &in, first)
	return r.readHeader(m, t)
}

// readEnvelope is ReadHeader for those who do not look at the header of m. It
// reports whether m ends one side of the stream and its sender waits for the end
// of the other one.
func (r *request) readEnvelope(m *codec.Message) (half bool, err error) {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	return r.envelope(m)
}

func (r *request) envelope(m *codec.Message) (half bool, err error) {
	first := !r.opened || r.single
	in, err := r.advance(m)
	if err != nil {
		return false, err
	}
	if !r.call.coder.Headerless() {
		r.showHeader(m, &in, first)
	}
	return in.err == wire.EOS && in.halfCloses(), r.readHeader(m, codec.Request)
}

// advance loads the next message and stores in m what is known about it without
// its headers.
func (r *request) advance(m *codec.Message) (inbound, error) {
	in, err := r.next()
	if err != nil {
		return in, err
	}
	c := r.call
	m.Body, m.Error = in.body, in.err
	m.Id, m.Target, m.Method, m.Endpoint = c.id, r.service, r.method, r.endpoint
	r.loaded, r.empty = true, len(in.body) == 0
	c.coder.Load(in.body)
	return in, nil
}

// showHeader gives m the headers of a message, which the codec may change.
func (r *request) showHeader(m *codec.Message, in *inbound, first bool) {
	if first {
		m.Header = maps.Clone(r.call.Metadata()) // which others may be reading
		return
	}
	m.Header = in.header.Map()
}

// readHeader reads what the codec keeps about the loaded message.
func (r *request) readHeader(m *codec.Message, t codec.MessageType) error {
	if m.Error != "" {
		return nil
	}
	if err := r.call.coder.ReadHeader(m, t); err != nil {
		return err
	}
	if m.Endpoint == "" {
		m.Endpoint = m.Method
	}
	r.identify(m)
	return nil
}

// identify takes over what the envelope in a body said about the request.
func (r *request) identify(m *codec.Message) {
	if r.endpoint == "" {
		r.service, r.method, r.endpoint = m.Target, m.Method, m.Endpoint
	}
	if r.call.id == "" {
		r.call.id = m.Id
	}
}

// ReadBody decodes the message that ReadHeader read, or else the next one.
func (r *request) ReadBody(v any) error {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	if r.call.over {
		return errRequestOver
	}
	if !r.loaded {
		if _, err := r.envelope(new(codec.Message)); err != nil {
			return err
		}
	}
	r.loaded = false
	if r.empty || v == nil {
		r.call.coder.Load(nil)
		return nil
	}
	return r.call.coder.ReadBody(v)
}

// next is the message that opened the request, then what the stream brings.
func (r *request) next() (inbound, error) {
	c := r.call
	switch {
	case c.over:
		return inbound{}, errRequestOver
	case !r.opened, r.single:
		r.opened = true
		first := inbound{incoming: r.first}
		if c.activity.streams.Load() {
			r.forget()
		}
		return first, nil
	case c.source == nil:
		return inbound{}, io.EOF
	}
	return c.takeNext()
}

// decoded keeps the decoded body of a request that has only one.
func (r *request) decoded(body any) {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	r.body, r.single = body, true
	if r.call.source != nil {
		r.call.source.isUnary()
	}
}

// streams prepares for the messages of a stream. In all codecs but gRPC the
// first message only opens the stream; in that one it is for the handler,
// unless there was none, or a micro client only opened the stream with it.
func (r *request) streams() {
	r.call.reading.Lock()
	defer r.call.reading.Unlock()
	r.stream, r.loaded = true, false
	r.call.activity.streams.Store(true)
	opensOnly := grpc.Opens(r.first.body)
	if r.call.http2 {
		opensOnly = len(r.first.body) == 0
	}
	if r.call.isGRPC() && !opensOnly {
		r.opened = false
		return
	}
	r.call.coder.Load(nil)
	r.forget()
}

// forget drops the body of the message that opened a stream, which lasts. The
// call's reading is held.
func (r *request) forget() {
	r.first.body = nil
	r.call.conn.freed(r.call)
}

// bodyRequest is a Request of a foreign kind with a body decoded by the router.
type bodyRequest struct {
	Request
	body any
}

func (r *bodyRequest) Body() any { return r.body }

// withBody is req with a decoded body.
func withBody(req Request, body any) Request {
	if own, ok := req.(*request); ok {
		own.decoded(body)
		return own
	}
	return &bodyRequest{Request: req, body: body}
}

// openStream discards the message that opened a stream, unless it is the first
// one for the handler.
func openStream(req Request, cc codec.Reader) error {
	if own, ok := req.(*request); ok {
		own.streams()
		return nil
	}
	if named, ok := cc.(codec.Codec); ok && named.String() == "grpc" {
		return nil
	}
	return cc.ReadBody(nil)
}
