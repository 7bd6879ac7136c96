// Package proto is the protobuf encoding: a body is the bytes of one message
// and reaches to the end of the stream.
package proto

import (
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "proto"

// Codec writes and reads protobuf messages of any generation of generated code.
// Other values are codec.ErrInvalidMessage. It holds no state, so it can be
// reset at any time.
type Codec struct {
	// Conn is the stream.
	Conn io.ReadWriteCloser
}

var _ codec.Resetter = (*Codec)(nil)

// NewCodec returns a protobuf codec for the stream.
func NewCodec(c io.ReadWriteCloser) codec.Codec {
	return &Codec{Conn: c}
}

// ReadHeader does nothing: a protobuf body has no envelope.
func (c *Codec) ReadHeader(*codec.Message, codec.MessageType) error {
	return nil
}

// ReadBody decodes what is left of the stream into the message b, and discards
// it when b is nil.
func (c *Codec) ReadBody(b any) error {
	if b == nil {
		return stream.Discard(c.Conn)
	}
	data, owned, err := stream.Own(c.Conn)
	if err != nil {
		return err
	}
	if owned {
		return protobuf.Adopt(data, b)
	}
	return protobuf.Unmarshal(data, b)
}

// Write writes the message b, and nothing when it is nil.
func (c *Codec) Write(_ *codec.Message, b any) error {
	if b == nil {
		return nil
	}
	m, ok := protobuf.Message(b)
	if !ok {
		return codec.ErrInvalidMessage
	}
	data, err := protobuf.AppendSized(stream.Space(c.Conn, protobuf.Size(m)), m)
	if err != nil {
		return err
	}
	return stream.Write(c.Conn, data)
}

// Close closes the stream.
func (c *Codec) Close() error {
	return c.Conn.Close()
}

// Reset makes the codec work on another stream.
func (c *Codec) Reset(rwc io.ReadWriteCloser) {
	c.Conn = rwc
}

// String returns "proto".
func (c *Codec) String() string {
	return name
}
