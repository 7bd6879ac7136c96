// Package codec turns values into the bytes of a message and back.
//
// There are two views of an encoding. A [Codec] works on a stream of messages:
// it reads and writes headers and bodies, and protocols with an envelope of
// their own, such as gRPC or JSON-RPC, are codecs. A [Marshaler] only turns one
// value into bytes. The encodings that are built in live in the folders below:
// bytes, text, json, proto, grpc, jsonrpc and protorpc.
//
// A codec may do more than the interface asks for. [Resetter] and [Buffered]
// are the optional abilities; they are looked for with a type assertion.
package codec

import (
	"errors"
	"io"
)

// MessageType says what a message is for.
type MessageType int

const (
	// Error is a reply that carries an error in place of a body.
	Error MessageType = iota
	// Request asks for an endpoint to be called.
	Request
	// Response answers a request.
	Response
	// Event is a published message, which has no answer.
	Event
)

// ErrInvalidMessage is returned for a value that the codec cannot encode or
// decode, such as a plain struct given to a protobuf codec.
var ErrInvalidMessage = errors.New("invalid message")

// NewCodec makes the codec of one encoding for the stream rwc.
type NewCodec func(rwc io.ReadWriteCloser) Codec

// Codec reads and writes the messages of one stream. One goroutine may read
// while another one writes; neither side may be used by two at a time.
type Codec interface {
	Reader
	Writer
	// Close closes the stream. It may be called more than once if the
	// stream allows that.
	Close() error
	// String names the encoding, such as "json".
	String() string
}

// Reader is the receiving half of a Codec.
type Reader interface {
	// ReadHeader reads what comes before the body into m. The header map that
	// the transport delivered is already in m.Header. It does nothing in an
	// encoding without an envelope.
	ReadHeader(m *Message, t MessageType) error
	// ReadBody decodes the body into v, a pointer. With a nil v nothing is
	// decoded; most codecs then discard the body, json leaves it. What is
	// stored in v belongs to the caller: it never aliases the stream.
	ReadBody(v any) error
}

// Writer is the sending half of a Codec.
type Writer interface {
	// Write encodes the message: its envelope, where the encoding has one, and
	// v as the body. A nil v is an empty body. The codec keeps neither m nor v;
	// it may set entries of m.Header that the encoding asks for.
	Write(m *Message, v any) error
}

// Marshaler turns single values into bytes and back. It is safe for concurrent
// use.
type Marshaler interface {
	// Marshal returns the encoding of v in memory that the caller owns.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into v, a pointer. It does not keep data.
	Unmarshal(data []byte, v any) error
	// String names the encoding.
	String() string
}

// Message is one message without its decoded body.
type Message struct {
	// Id connects a response with its request.
	Id string
	// Type says what the message is for.
	Type MessageType
	// Target is the service called, or the topic of an event.
	Target string
	// Method is the method called.
	Method string
	// Endpoint is the endpoint called, Type.Method.
	Endpoint string
	// Error is the error text of a reply, empty when there is none.
	Error string
	// Header holds the headers beside the body.
	Header map[string]string
	// Body is the encoded body, where a codec needs it before decoding.
	Body []byte
}
