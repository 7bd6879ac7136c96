package client

import (
	"context"
	stderrors "errors"
	"io"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// goodbye is how long Close waits for the end of the stream to be written to a
// peer that does not read.
const goodbye = 2 * time.Second

// rpcStream is a stream on a connection of its own. Sending and receiving go
// on independently of each other, each under its own lock; mu guards what they
// share and is never held while one of them works.
type rpcStream struct {
	id       string
	request  streamRequest
	response streamResponse
	coder    *wire.Coder
	conn     transport.Client

	sending  sync.Mutex
	out      transport.Message // the headers stay, the body changes
	message  codec.Message     // what is being encoded
	sendDone bool              // the end of the sending side was announced
	lost     bool              // the last message has certainly not arrived

	receiving sync.Mutex
	in        transport.Message
	received  codec.Message
	spare     map[string]string // for the headers of the next message

	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	stop   func() bool       // ends the watch on ctx
	header map[string]string // of the last message received
	shown  bool              // header was handed out
	err    error             // the last one of Send or Recv
	end    error             // why the stream is over, nil while it is open

	closeOnce sync.Once
	closeErr  error
}

// watch makes the end of ctx the end of the stream.
func (s *rpcStream) watch(ctx context.Context, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.cancel = ctx, cancel
	s.stop = context.AfterFunc(ctx, func() { s.finish(ctx.Err()) })
}

func (s *rpcStream) Context() context.Context { return s.ctx }
func (s *rpcStream) Request() Request         { return s.request }
func (s *rpcStream) Response() Response       { return s.response }

func (s *rpcStream) Error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Send encodes and sends one message.
func (s *rpcStream) Send(msg any) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.over(); err != nil {
		return s.note(err)
	}
	if s.sendDone {
		return s.note(errSendClosed)
	}
	err := s.write(msg)
	if err == nil {
		return nil
	}
	if end := s.ending(); end != nil {
		err = end // which is why the write failed
	}
	return s.note(err)
}

// write encodes and sends one message. Only one goroutine may do so.
func (s *rpcStream) write(msg any) (err error) {
	defer recovered(&err)
	s.lost = false
	s.message = requestMessage(s.request.Request, s.id, s.out.Header)
	body, err := s.coder.Encode(&s.message, msg)
	if err != nil {
		return codecError(err)
	}
	s.out.Body = body
	err = s.conn.Send(&s.out)
	s.out.Body = nil
	if err != nil {
		s.lost = notSent(err)
		return internalError(transportID, err.Error())
	}
	return nil
}

// CloseSend announces that no more messages follow.
func (s *rpcStream) CloseSend() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.over(); err != nil {
		if stderrors.Is(err, io.EOF) || stderrors.Is(err, ErrShutdown) {
			return nil // both sides are done
		}
		return s.note(err)
	}
	s.out.Header[wire.HalfCloseHeader] = "true"
	if err := s.sendEnd(); err != nil {
		if end := s.ending(); end != nil {
			err = end
		}
		return s.note(err)
	}
	return nil
}

// sendEnd sends the end of the stream, once.
func (s *rpcStream) sendEnd() error {
	if s.sendDone {
		return nil
	}
	s.sendDone = true
	s.out.Header[headers.Error] = wire.EOS
	if err := s.conn.Send(&s.out); err != nil {
		return internalError(transportID, err.Error())
	}
	return nil
}

// Recv waits for the next message and decodes it into msg.
func (s *rpcStream) Recv(msg any) error {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if err := s.receive(); err != nil {
		return s.note(err)
	}
	if err := s.readBody(msg); err != nil {
		return s.note(err)
	}
	return nil
}

// receive waits for the next message and reads its headers. An error that it
// returns has ended the stream, unless the message was merely undecodable.
func (s *rpcStream) receive() error {
	if err := s.over(); err != nil {
		return err
	}
	if err := s.receiveInto(s.spare); err != nil {
		return s.finish(s.failure(err))
	}
	s.mu.Lock()
	s.spare = s.header
	if s.shown {
		s.spare, s.shown = nil, false
	}
	s.header = s.in.Header
	s.mu.Unlock()
	remote, err := s.open()
	switch {
	case remote != nil:
		return s.finish(remote)
	case err != nil:
		return codecError(err)
	}
	return nil
}

// receiveInto receives a message, into a header map that nobody has, if the
// transport can do that: a map for each message is a third of what a small one
// takes.
func (s *rpcStream) receiveInto(header map[string]string) error {
	s.in = transport.Message{}
	if into, ok := s.conn.(transport.HeaderReuser); ok && header != nil && len(header) <= keepHeaders {
		s.in.Header = header
		return into.RecvInto(&s.in)
	}
	return s.conn.Recv(&s.in)
}

// lastHeader hands out the headers of the last message received.
func (s *rpcStream) lastHeader() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = true
	return s.header
}

// open reads the headers of the message received.
func (s *rpcStream) open() (remote, err error) {
	defer recovered(&err)
	return open(s.coder, &s.received, &s.in)
}

// readBody decodes the message received.
func (s *rpcStream) readBody(v any) (err error) {
	defer recovered(&err)
	if err := s.coder.ReadBody(v); err != nil {
		return codecError(err)
	}
	return nil
}

// failure is why receiving failed.
func (s *rpcStream) failure(err error) error {
	if end := s.ending(); end != nil {
		return end
	}
	if stderrors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return internalError(transportID, err.Error())
}

// Close ends both sides and closes the connection.
func (s *rpcStream) Close() error {
	if !s.shut(ErrShutdown) {
		return nil
	}
	limit := time.AfterFunc(goodbye, s.closeConn)
	s.sending.Lock()
	_ = s.sendEnd() // a peer that cannot be reached any more needs no goodbye
	s.sending.Unlock()
	limit.Stop()
	s.release()
	return s.closeErr
}

// finish ends the stream because of err, unless it is over already, and
// returns why it is over.
func (s *rpcStream) finish(err error) error {
	if s.shut(err) {
		s.release()
	}
	return s.over()
}

// shut notes why the stream is over. It reports false if it was over before.
func (s *rpcStream) shut(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return false
	}
	s.end = err
	return true
}

// release gives back what an open stream holds.
func (s *rpcStream) release() {
	s.mu.Lock()
	stop, cancel := s.stop, s.cancel
	s.mu.Unlock()
	stop()
	s.closeConn()
	cancel()
}

// closeConn closes the connection once.
func (s *rpcStream) closeConn() {
	s.closeOnce.Do(func() { s.closeErr = s.conn.Close() })
}

// over returns why the stream is over, nil while it is open.
func (s *rpcStream) over() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// ending is over for an operation that failed: the context may have ended, and
// broken the connection, a moment before the stream noticed.
func (s *rpcStream) ending() error {
	if end := s.over(); end != nil {
		return end
	}
	return ended(s.ctx)
}

// note keeps the last error.
func (s *rpcStream) note(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}
