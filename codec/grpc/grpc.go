// Package grpc is the message format of gRPC: bodies of protobuf or JSON in
// length-prefixed frames, with the service, the method and the status in
// headers. It does not speak HTTP/2 itself; the transport does.
package grpc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

const (
	name = "grpc"

	typeDefault = "application/grpc"
	typeProto   = "application/grpc+proto"
	typeJSON    = "application/grpc+json"

	contentTypeHeader = "content-type"
	pathHeader        = ":path"
	statusHeader      = "grpc-status"
	messageHeader     = "grpc-message"
)

// The status codes of gRPC that the codec sets itself.
const (
	statusOK                = "0"
	statusResourceExhausted = "8"
	statusInternal          = "13"
)

var (
	errContentType = errors.New("Unsupported Content-Type") //nolint:staticcheck // the text is part of the protocol
	errPath        = errors.New("Unknown request path")     //nolint:staticcheck // the text is part of the protocol
)

// MaxMessageSize is the longest payload that is read, in bytes. Set it before
// the first use only.
var MaxMessageSize = 1024 * 1024 * 4

// Codec writes and reads gRPC messages.
type Codec struct {
	// Conn is the stream.
	Conn io.ReadWriteCloser
	// ContentType chooses the encoding of payloads. It starts as
	// application/grpc, which is protobuf, and follows the Content-Type of the
	// headers that are read and written.
	ContentType string

	mu sync.Mutex // guards ContentType, for a reader beside a writer
}

var _ codec.Resetter = (*Codec)(nil)

// NewCodec returns a gRPC codec for the stream.
func NewCodec(c io.ReadWriteCloser) codec.Codec {
	return &Codec{Conn: c, ContentType: typeDefault}
}

// ReadHeader takes the content type, the target and the endpoint from the
// headers in m.
func (c *Codec) ReadHeader(m *codec.Message, _ codec.MessageType) error {
	if m == nil {
		return nil
	}
	if m.Header == nil {
		m.Header = make(map[string]string)
	}
	header := metadata.Metadata(m.Header)
	c.follow(header)
	path, _ := header.Get(pathHeader)
	if !strings.HasPrefix(path, "/") {
		m.Target, _ = header.Get(headers.Request)
		m.Endpoint, _ = header.Get(headers.Endpoint)
		return nil
	}
	return readPath(m, path)
}

// follow makes the content type of a header, if it has one, that of the codec,
// and returns the latter.
func (c *Codec) follow(header metadata.Metadata) string {
	ct, _ := header.Get(headers.ContentType)
	c.mu.Lock()
	defer c.mu.Unlock()
	if ct != "" {
		c.ContentType = ct
	}
	return c.ContentType
}

// readPath splits /pkg.Svc/Method into the target pkg and the endpoint
// Svc.Method.
func readPath(m *codec.Message, path string) error {
	service, method, ok := strings.Cut(path[1:], "/")
	if !ok || strings.Contains(method, "/") {
		return errPath
	}
	dot := strings.LastIndexByte(service, '.')
	m.Target = service[:max(dot, 0)]
	m.Endpoint = service[dot+1:] + "." + method
	return nil
}

// Write sets the headers of the message and writes v as its payload. A message
// of type Error has no payload. When v cannot be encoded, the headers say so,
// too.
func (c *Codec) Write(m *codec.Message, v any) error {
	if m.Header == nil {
		m.Header = make(map[string]string)
	}
	contentType := c.follow(m.Header)
	switch m.Type {
	case codec.Request:
		if err := requestHeaders(m, contentType); err != nil {
			return err
		}
	case codec.Response:
		responseHeaders(m, contentType)
	case codec.Error:
		errorHeaders(m)
		return nil
	}
	if v == nil {
		return nil
	}
	if err := c.writePayload(contentType, v); err != nil {
		setHeader(m, statusHeader, statusResourceExhausted)
		setHeader(m, messageHeader, err.Error())
		return err
	}
	return nil
}

func requestHeaders(m *codec.Message, contentType string) error {
	dot := strings.LastIndexByte(m.Endpoint, '.')
	if dot < 0 {
		return fmt.Errorf("grpc endpoint %q is not of the form Service.Method", m.Endpoint)
	}
	setHeader(m, ":method", "POST")
	setHeader(m, pathHeader, "/"+m.Target+"."+m.Endpoint[:dot]+"/"+m.Endpoint[dot+1:])
	setHeader(m, ":proto", "HTTP/2.0")
	setHeader(m, "te", "trailers")
	setHeader(m, "user-agent", "grpc-go/1.0.0")
	setHeader(m, ":authority", m.Target)
	setHeader(m, contentTypeHeader, contentType)
	return nil
}

func responseHeaders(m *codec.Message, contentType string) {
	setHeader(m, "Trailer", statusHeader)
	setHeader(m, contentTypeHeader, contentType)
	setHeader(m, ":status", "200")
	setHeader(m, statusHeader, statusOK)
}

func errorHeaders(m *codec.Message) {
	setHeader(m, "Trailer", statusHeader+", "+messageHeader)
	if m.Error == headers.EndOfStream {
		setHeader(m, statusHeader, statusOK)
		return
	}
	setHeader(m, statusHeader, statusInternal)
	setHeader(m, messageHeader, m.Error)
}

// setHeader also replaces a header of the same name in other letters.
func setHeader(m *codec.Message, key, value string) {
	metadata.Metadata(m.Header).Set(key, value)
}

// Close closes the stream.
func (c *Codec) Close() error {
	return c.Conn.Close()
}

// Reset makes the codec work on another stream, with the content type that it
// had at first.
func (c *Codec) Reset(rwc io.ReadWriteCloser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conn = rwc
	c.ContentType = typeDefault
}

// String returns "grpc".
func (c *Codec) String() string {
	return name
}
