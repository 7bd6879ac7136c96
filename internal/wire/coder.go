package wire

import (
	"errors"
	"io"
	"slices"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/codec/proto"
)

// keepBuffer is the largest encode buffer that goes back to the pool with its
// coder, so that one huge message does not stay in memory for long. Bodies of some
// MiB are encoded without allocating, in JSON too. The pool drops what was not used
// between two garbage collections.
const keepBuffer = 8 << 20

// A Coder turns values into message bodies and message bodies into values,
// with a codec of its own. One goroutine may encode while another decodes;
// beyond that a coder belongs to one user at a time.
type Coder struct {
	format *Format
	codec  codec.Codec
	buffer buffer
	raw    []byte // the body last loaded, for Frame values
}

// ContentType is the content type of the coder's format.
func (c *Coder) ContentType() string { return c.format.ContentType }

// Codec is the codec itself. It reads from what was loaded last and writes to
// the buffer that the next Encode clears.
func (c *Coder) Codec() codec.Codec { return c.codec }

// Headerless reports whether the codec is known to neither read nor write the
// headers of a message, so that they need not be made into a map for it.
func (c *Coder) Headerless() bool {
	switch c.codec.(type) {
	case *proto.Codec, *json.Codec, *bytes.Codec:
		return true
	}
	return false
}

// Encode writes body with the codec and returns the bytes, which stay valid
// until the next Encode or Release. The codec may add headers to m.Header. A
// *bytes.Frame is passed on as it is.
func (c *Coder) Encode(m *codec.Message, body any) ([]byte, error) {
	if frame, ok := body.(*bytes.Frame); ok {
		if frame == nil {
			return nil, nil
		}
		return frame.Data, nil
	}
	c.buffer.out = c.buffer.out[:0]
	if err := c.codec.Write(m, body); err != nil {
		return nil, err
	}
	return c.buffer.out, nil
}

// Load makes data the body that ReadHeader and ReadBody read. The coder owns
// data from then on: what is decoded may refer to it. Loading the same body once
// more is fine; two values never refer to the same bytes.
func (c *Coder) Load(data []byte) {
	c.raw = data
	c.buffer.in = data
}

// ReadHeader reads what the codec keeps about a message in its body or its
// headers into m.
func (c *Coder) ReadHeader(m *codec.Message, t codec.MessageType) error {
	return c.codec.ReadHeader(m, t)
}

// ReadBody decodes the loaded body into v, and discards it when v is nil. A
// *bytes.Frame gets the bytes as they came. A body without a single byte leaves
// v alone in encodings that have no such form: grpc writes an empty message as
// nothing, and so does json for nil.
func (c *Coder) ReadBody(v any) error {
	if frame, ok := v.(*bytes.Frame); ok && frame != nil {
		frame.Data = c.raw
		c.Load(nil)
		return nil
	}
	err := c.codec.ReadBody(v)
	if len(c.raw) == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Release ends the use of the coder, and of the bytes that Encode returned.
func (c *Coder) Release() {
	c.Load(nil)
	c.buffer.ceded = nil
	resetter, ok := c.codec.(codec.Resetter)
	if !ok {
		_ = c.codec.Close()
		return
	}
	if cap(c.buffer.out) > keepBuffer {
		c.buffer.out = nil
	}
	resetter.Reset(&c.buffer)
	c.format.coders.Put(c)
}

// buffer is the stream under a codec: it reads from in and appends to out.
type buffer struct {
	in    []byte
	out   []byte
	ceded *byte // where the bytes start that were ceded last
}

func (b *buffer) Read(p []byte) (int, error) {
	if len(b.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.in)
	b.in = b.in[n:]
	return n, nil
}

func (b *buffer) Write(p []byte) (int, error) {
	if b.free(p) {
		b.out = b.out[:len(b.out)+len(p)]
	} else {
		b.out = append(b.out, p...)
	}
	return len(p), nil
}

// free reports whether p starts where the free memory does: it was appended to
// AvailableBuffer, and is in its place.
func (b *buffer) free(p []byte) bool {
	n := len(b.out)
	return len(p) > 0 && len(p) <= cap(b.out)-n && &b.out[:n+1][n] == &p[0]
}

// Bytes and Next make the buffer a codec.Buffered: codecs decode the body where
// it lies.
func (b *buffer) Bytes() []byte { return b.in }

func (b *buffer) Next(n int) []byte {
	n = min(n, len(b.in))
	head := b.in[:n]
	b.in = b.in[n:]
	return head
}

// Cede consumes the rest of the body. The codec owns it from then on, as Load
// made the coder its owner, unless the same bytes were ceded before.
func (b *buffer) Cede() (data []byte, owned bool) {
	if len(b.in) == 0 {
		return nil, false
	}
	owned = b.ceded != &b.in[0]
	b.ceded = &b.in[0]
	return b.Next(len(b.in)), owned
}

// Grow and AvailableBuffer make the buffer a codec.Appender: codecs encode into
// it without a buffer of their own.
func (b *buffer) Grow(n int) { b.out = slices.Grow(b.out, n) }

func (b *buffer) AvailableBuffer() []byte { return b.out[len(b.out):] }

// Close does nothing: the coder outlives its codec's idea of a connection.
func (b *buffer) Close() error { return nil }
