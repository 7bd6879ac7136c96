// Package text is the encoding of plain text: a body is the text itself and
// reaches to the end of the stream. It is in no default table; register it for
// a content type to use it.
package text

import (
	"fmt"
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "text"

// Codec writes and reads *Frame, []byte, *[]byte, string and *string. It holds
// no state, so it can be reset at any time.
type Codec struct {
	// Conn is the stream.
	Conn io.ReadWriteCloser
}

// Frame is text as bytes.
type Frame struct {
	Data []byte
}

var _ codec.Resetter = (*Codec)(nil)

// NewCodec returns a text codec for the stream.
func NewCodec(c io.ReadWriteCloser) codec.Codec {
	return &Codec{Conn: c}
}

// ReadHeader does nothing: text has no envelope.
func (c *Codec) ReadHeader(*codec.Message, codec.MessageType) error {
	return nil
}

// ReadBody stores what is left of the stream in b, a *Frame, *[]byte or
// *string, and discards it when b is nil.
func (c *Codec) ReadBody(b any) error {
	if b == nil {
		return stream.Discard(c.Conn)
	}
	store := storeIn(b)
	if store == nil {
		return fmt.Errorf("read text into %T: %w", b, codec.ErrInvalidMessage)
	}
	data, err := stream.View(c.Conn)
	if err == nil {
		store(data)
	}
	return err
}

// storeIn returns a function that stores a copy of bytes in b, or nil when b
// has no place for them.
func storeIn(b any) func([]byte) {
	switch v := b.(type) {
	case *string:
		if v != nil {
			return func(data []byte) { *v = string(data) }
		}
	case *[]byte:
		if v != nil {
			return func(data []byte) { *v = append([]byte{}, data...) }
		}
	case *Frame:
		if v != nil {
			return func(data []byte) { v.Data = append([]byte{}, data...) }
		}
	}
	return nil
}

// Write writes b, one of the types of Codec, and nothing when it is nil.
func (c *Codec) Write(_ *codec.Message, b any) error {
	switch v := b.(type) {
	case nil:
		return nil
	case string:
		return c.writeString(v)
	case *string:
		if v == nil {
			return nil
		}
		return c.writeString(*v)
	case []byte:
		return stream.Write(c.Conn, v)
	case *[]byte:
		if v == nil {
			return nil
		}
		return stream.Write(c.Conn, *v)
	case *Frame:
		if v == nil {
			return nil
		}
		return stream.Write(c.Conn, v.Data)
	}
	return fmt.Errorf("write %T as text: %w", b, codec.ErrInvalidMessage)
}

func (c *Codec) writeString(s string) error {
	return stream.Write(c.Conn, append(stream.Space(c.Conn, len(s)), s...))
}

// Close closes the stream.
func (c *Codec) Close() error {
	return c.Conn.Close()
}

// Reset makes the codec work on another stream.
func (c *Codec) Reset(rwc io.ReadWriteCloser) {
	c.Conn = rwc
}

// String returns "text".
func (c *Codec) String() string {
	return name
}
