// Package json is the JSON encoding, one value after the other. Protobuf
// messages are written as encoding/json writes generated structs, so that
// services with and without .proto files understand each other: original field
// names, 64-bit integers and enums as numbers, empty fields left out. Oneofs and
// the well-known types, which encoding/json writes so that nobody can read them,
// follow the JSON mapping of protobuf.
//
// Reading takes the forms of both. Fields that a message does not have are
// ignored, as in the binary encoding, so that a service may add some while its
// peers are not replaced yet. Everything that is no protobuf message is left to
// encoding/json.
package json

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/jsonmessage"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "json"

// Codec writes each value as JSON and a newline, and reads values back.
type Codec struct {
	// Conn is the stream.
	Conn io.ReadWriteCloser
	// Encoder writes to the stream all that is not protobuf. It can be set up
	// before the first Write.
	Encoder *json.Encoder
	// Decoder reads from the stream, unless that is codec.Buffered: such a
	// stream is decoded in place, and the Decoder left alone.
	Decoder *json.Decoder

	conn *conn
	// read and failed say that the Decoder and the Encoder have state of the
	// present stream.
	read, failed bool
}

var _ codec.Resetter = (*Codec)(nil)

// conn lets the encoder and the decoder outlive the stream they work on.
type conn struct {
	io.ReadWriteCloser
}

// NewCodec returns a JSON codec for the stream.
func NewCodec(c io.ReadWriteCloser) codec.Codec {
	in := &conn{c}
	return &Codec{Conn: c, Encoder: json.NewEncoder(in), Decoder: json.NewDecoder(in), conn: in}
}

// Reset makes the codec work on another stream. Settings of the Encoder stay
// unless writing to the former stream failed; settings of the Decoder stay
// unless it has been used.
func (c *Codec) Reset(rwc io.ReadWriteCloser) {
	if c.conn == nil {
		c.conn = new(conn)
		c.read, c.failed = true, true
	}
	c.Conn, c.conn.ReadWriteCloser = rwc, rwc
	if c.failed {
		c.Encoder = json.NewEncoder(c.conn)
	}
	if c.read || c.Decoder.InputOffset() > 0 {
		c.Decoder = json.NewDecoder(c.conn)
	}
	c.read, c.failed = false, false
}

// ReadHeader does nothing: a JSON body has no envelope.
func (c *Codec) ReadHeader(*codec.Message, codec.MessageType) error {
	return nil
}

// ReadBody decodes the next value of the stream into b, and does nothing when b
// is nil. It returns io.EOF when there is no value left.
func (c *Codec) ReadBody(b any) error {
	if b == nil {
		return nil
	}
	if buffered, ok := c.Conn.(codec.Buffered); ok {
		return readBuffered(buffered, b)
	}
	c.read = true
	m, ok := protoMessage(b)
	if !ok {
		return c.Decoder.Decode(b)
	}
	var raw json.RawMessage
	if err := c.Decoder.Decode(&raw); err != nil {
		return err
	}
	return unmarshalProto(raw, m)
}

// readBuffered decodes the first of the values in the stream. Mostly it is the
// only one, so that case is tried first.
func readBuffered(r codec.Buffered, b any) error {
	data := r.Bytes()
	decodeErr := Marshaler{}.Unmarshal(data, b)
	if decodeErr == nil {
		r.Next(len(data))
		return nil
	}
	value, n, err := firstValue(data)
	r.Next(n)
	if err != nil {
		return err
	}
	if n == len(data) {
		return decodeErr
	}
	return Marshaler{}.Unmarshal(value, b)
}

// firstValue returns the first value in data and where it ends. An error uses
// up all of data; it is io.EOF when there is no value.
func firstValue(data []byte) (json.RawMessage, int, error) {
	if json.Valid(data) {
		return data, len(data), nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return nil, len(data), err
	}
	return value, int(d.InputOffset()), nil
}

// Write writes b as JSON and a newline, and nothing when it is nil.
func (c *Codec) Write(_ *codec.Message, b any) error {
	if b == nil {
		return nil
	}
	if m, ok := protoMessage(b); ok {
		data, err := jsonmessage.Append(stream.Space(c.Conn, 0), m, jsonmessage.Body)
		if err != nil {
			return err
		}
		return stream.Write(c.Conn, append(data, '\n'))
	}
	err := c.Encoder.Encode(b)
	c.failed = c.failed || err != nil
	return err
}

// Close closes the stream.
func (c *Codec) Close() error {
	return c.Conn.Close()
}

// String returns "json".
func (c *Codec) String() string {
	return name
}
