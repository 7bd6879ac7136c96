// Package stream makes server streams of streams that have been made elsewhere,
// such as gRPC's.
package stream

import (
	"context"
	"sync"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

// Stream is what generated code for other frameworks gives to a handler.
type Stream interface {
	// Context of the stream.
	Context() context.Context
	// SendMsg sends one message.
	SendMsg(msg any) error
	// RecvMsg receives one message into a pointer.
	RecvMsg(msg any) error
	// Close ends the stream.
	Close() error
}

// New returns s as a server stream, for the request that opened it. One
// goroutine may send while another one receives, if s allows it.
func New(service, endpoint string, req any, s Stream) server.Stream {
	return &stream{
		stream: s,
		request: &request{
			Request: client.DefaultClient.NewRequest(service, endpoint, req),
			ctx:     s.Context(),
		},
	}
}

type stream struct {
	stream  Stream
	request *request

	mu  sync.Mutex
	err error // the last one
}

func (s *stream) Context() context.Context { return s.stream.Context() }
func (s *stream) Request() server.Request  { return s.request }
func (s *stream) Close() error             { return s.stream.Close() }
func (s *stream) Send(msg any) error       { return s.keep(s.stream.SendMsg(msg)) }
func (s *stream) Recv(msg any) error       { return s.keep(s.stream.RecvMsg(msg)) }

func (s *stream) Error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// keep remembers an error for Error.
func (s *stream) keep(err error) error {
	if err != nil {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return err
}

// request is a client's request as a server has it.
type request struct {
	client.Request
	ctx context.Context
}

// Codec returns what reads the request, nil when there is nothing to read.
func (r *request) Codec() codec.Reader {
	reader, _ := r.Request.Codec().(codec.Reader)
	return reader
}

// Header returns the metadata of the stream's context.
func (r *request) Header() map[string]string {
	md, _ := metadata.FromContext(r.ctx)
	return md
}

// Read returns nothing: the messages are received from the stream.
func (r *request) Read() ([]byte, error) { return nil, nil }
