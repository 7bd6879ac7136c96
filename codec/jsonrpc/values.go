package jsonrpc

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/justcy/go-micro/v4/codec"
)

// values reads the JSON values of a stream, one after the other.
type values struct {
	stream  io.Reader
	decoder *json.Decoder // of a stream that is not Buffered
}

// next decodes the next value. It returns io.EOF when there is none left.
func (s *values) next(v any) error {
	if b, ok := s.stream.(codec.Buffered); ok {
		return nextBuffered(b, v)
	}
	if s.decoder == nil {
		s.decoder = json.NewDecoder(s.stream)
	}
	return s.decoder.Decode(v)
}

// nextBuffered takes from the stream no more than the value, or everything when
// it is broken.
func nextBuffered(b codec.Buffered, v any) error {
	data := b.Bytes()
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		b.Next(len(data))
		return err
	}
	b.Next(int(d.InputOffset()))
	return nil
}
