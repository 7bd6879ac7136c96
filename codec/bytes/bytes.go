// Package bytes is the encoding of those who want none: a body is the bytes
// themselves and reaches to the end of the stream.
package bytes

import (
	"fmt"
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "bytes"

// Codec writes and reads *Frame, []byte and *[]byte. It holds no state, so it
// can be reset at any time.
type Codec struct {
	// Conn is the stream.
	Conn io.ReadWriteCloser
}

// Frame is a body that no codec touches: clients send it and servers receive it
// as it is, whatever the content type.
type Frame struct {
	Data []byte
}

var _ codec.Resetter = (*Codec)(nil)

// NewCodec returns a bytes codec for the stream.
func NewCodec(c io.ReadWriteCloser) codec.Codec {
	return &Codec{Conn: c}
}

// ReadHeader does nothing: bytes have no envelope.
func (c *Codec) ReadHeader(*codec.Message, codec.MessageType) error {
	return nil
}

// ReadBody stores what is left of the stream in b, a *Frame or *[]byte, and
// discards it when b is nil.
func (c *Codec) ReadBody(b any) error {
	var target *[]byte
	switch v := b.(type) {
	case nil:
		return stream.Discard(c.Conn)
	case *[]byte:
		target = v
	case *Frame:
		if v != nil {
			target = &v.Data
		}
	}
	if target == nil {
		return fmt.Errorf("read bytes into %T: %w", b, codec.ErrInvalidMessage)
	}
	data, err := stream.Take(c.Conn)
	if err == nil {
		*target = data
	}
	return err
}

// Write writes the bytes of b, a *Frame, []byte or *[]byte, and nothing when it
// is nil.
func (c *Codec) Write(_ *codec.Message, b any) error {
	var data []byte
	switch v := b.(type) {
	case nil:
		return nil
	case []byte:
		data = v
	case *[]byte:
		if v == nil {
			return nil
		}
		data = *v
	case *Frame:
		if v == nil {
			return nil
		}
		data = v.Data
	default:
		return fmt.Errorf("write %T as bytes: %w", b, codec.ErrInvalidMessage)
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

// String returns "bytes".
func (c *Codec) String() string {
	return name
}
