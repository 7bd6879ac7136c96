package server

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// rpcStream is the Stream that handlers get.
type rpcStream struct {
	request Request
	reader  codec.Reader
	writer  codec.Writer

	sending sync.Mutex // taken by Send; guards out
	out     codec.Message

	receiving sync.Mutex // taken by Recv; guards in
	in        codec.Message

	mu     sync.Mutex // guards what follows
	ctx    context.Context
	err    error
	ended  bool // by the client
	half   bool // by the client, which waits for the end of this side
	closed error
}

func newStream(ctx context.Context, id string, req Request, cr codec.Reader, cw codec.Writer) *rpcStream {
	s := &rpcStream{ctx: ctx, request: req, reader: cr, writer: cw}
	s.out = codec.Message{
		Id:       id,
		Target:   req.Service(),
		Method:   req.Method(),
		Endpoint: req.Endpoint(),
		Type:     codec.Response,
	}
	return s
}

func (s *rpcStream) Request() Request { return s.request }

// Context returns the context that the handler has, or the wrapper that asks
// before it is called.
func (s *rpcStream) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

func (s *rpcStream) Send(v any) error {
	if err := s.usable(); err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	m := s.out // a failed Write leaves its error in the message
	defer func() { s.out = m }()
	return s.keep(s.writer.Write(&s.out, v))
}

func (s *rpcStream) Recv(v any) error {
	if err := s.usable(); err != nil {
		return err
	}
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if s.clientEnded() {
		return io.EOF
	}
	err := s.recv(v)
	s.in = codec.Message{} // which an idle stream need not hold
	return s.keep(err)
}

// readHeader reads what is known about the next message, and whether it ends the
// client's side alone.
func (s *rpcStream) readHeader() (half bool, err error) {
	if own, ok := s.reader.(*request); ok {
		return own.readEnvelope(&s.in)
	}
	err = s.reader.ReadHeader(&s.in, codec.Request)
	_, half = wire.Lookup(s.in.Header, wire.HalfCloseHeader)
	return half, err
}

func (s *rpcStream) recv(v any) error {
	half, err := s.readHeader()
	if err != nil {
		if errors.Is(err, io.EOF) {
			s.end(true) // of an HTTP/2 request, or of one without an id
		}
		return err
	}
	switch s.in.Error {
	case "":
		return s.reader.ReadBody(v)
	case wire.EOS:
		s.end(half)
		_ = s.reader.ReadBody(nil)
		return io.EOF
	}
	_ = s.reader.ReadBody(nil)
	return wire.RemoteError(s.in.Error)
}

func (s *rpcStream) Error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *rpcStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.closed = errStreamClosed
	}
	return nil
}

// finish ends the stream when its handler has returned, and reports whether
// the client is gone, so that it need not be told.
func (s *rpcStream) finish() (gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = errRequestOver
	return s.ended && !s.half
}

func (s *rpcStream) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *rpcStream) end(half bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.half = true, half
}

func (s *rpcStream) clientEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *rpcStream) keep(err error) error {
	if err != nil {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return err
}
