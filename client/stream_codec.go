package client

import (
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
)

// streamRequest is the request of a stream, with a codec that writes to it.
type streamRequest struct {
	Request
	stream *rpcStream
}

// Codec returns a writer that sends each body it is given as a message.
func (r streamRequest) Codec() codec.Writer { return streamCodec{r.stream} }

// streamResponse is what a stream received last.
type streamResponse struct {
	stream *rpcStream
}

func (r streamResponse) Codec() codec.Reader { return streamCodec(r) }

func (r streamResponse) Header() map[string]string { return r.stream.lastHeader() }

// Read receives the next message undecoded.
func (r streamResponse) Read() ([]byte, error) {
	var f bytes.Frame
	err := r.stream.Recv(&f)
	return f.Data, err
}

// streamCodec reads and writes the messages of a stream one step at a time.
type streamCodec struct {
	stream *rpcStream
}

// Write sends body as the next message. The rest of a message is the stream's.
func (c streamCodec) Write(_ *codec.Message, body any) error {
	return c.stream.Send(body)
}

// ReadHeader receives the next message.
func (c streamCodec) ReadHeader(m *codec.Message, _ codec.MessageType) error {
	s := c.stream
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if err := s.receive(); err != nil {
		return s.note(err)
	}
	*m = s.received
	m.Header = s.lastHeader()
	return nil
}

// ReadBody decodes the message that ReadHeader received.
func (c streamCodec) ReadBody(v any) error {
	s := c.stream
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if err := s.readBody(v); err != nil {
		return s.note(err)
	}
	return nil
}
