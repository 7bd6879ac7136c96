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
	coder    *wire.Coder      // nil when it was given back; used with sending or receiving held
	conn     transport.Client // guarded by mu
	carrier  wire.Carrier     // conn without maps of headers; nil when it or the codec needs them
	retry    *reopening       // how to open the stream at another node; nil when that cannot be done any more

	sending  sync.Mutex
	first    *wire.Request     // the message that opens the stream; nil when it was sent
	fields   []wire.Field      // the headers of the others
	header   map[string]string // the same, if carrier is nil
	message  codec.Message     // what is being encoded
	sendDone bool              // the end of the sending side was announced
	lost     bool              // the last message has certainly not arrived

	receiving sync.Mutex
	in        received
	ahead     bool // in was received for a Send that failed, and Recv has not seen it
	received  codec.Message

	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	stop   func() bool       // ends the watch on ctx
	last   wire.Header       // of the last message received
	opened bool              // there is one
	shown  map[string]string // the same, once they were handed out
	err    error             // the last one of Send or Recv
	end    error             // why the stream is over, nil while it is open

	closed   bool // conn was, and is not replaced
	closeErr error
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
	if err != nil && wire.IsRefused(err) {
		err = s.reopen(err) // which sends the message too
	}
	if err == nil {
		return nil
	}
	return s.note(s.told(err))
}

// told is why sending failed with err: the end of the stream, or what the server said
// before it closed the stream, which Recv returns too.
func (s *rpcStream) told(err error) error {
	if end := s.ending(); end != nil {
		return end
	}
	closed := stderrors.Is(err, wire.ErrPeerClosed) || stderrors.Is(err, io.EOF)
	if !closed || !s.receiving.TryLock() { // or else Recv is about to return it
		return err
	}
	defer s.receiving.Unlock()
	if !s.ahead {
		conn, carrier := s.connection()
		if s.in.receive(conn, carrier) != nil {
			return err
		}
		s.ahead = true
	}
	if text, coded := s.in.header.Error(); text != "" && text != wire.EOS {
		return s.reported(remoteError(text, coded))
	}
	return err
}

// write encodes and sends one message. Only one goroutine may do so.
func (s *rpcStream) write(msg any) (err error) {
	defer recovered(&err)
	s.lost = false
	s.message = requestMessage(s.request.Request, s.id, s.header)
	body, err := s.coder.Encode(&s.message, msg)
	if err != nil {
		return codecError(err)
	}
	s.reopening().keep(body)
	if err = s.send(body); err != nil {
		s.lost = notSent(err)
		return failure(transportID, "", err)
	}
	return nil
}

// send sends a message.
func (s *rpcStream) send(body []byte) error {
	first := s.first
	s.first = nil
	if s.carrier == nil {
		return s.conn.Send(&transport.Message{Header: s.header, Body: body})
	}
	if opener, ok := s.conn.(wire.Opener); ok && first != nil {
		first.Body = body
		return opener.Open(first)
	}
	return s.carrier.SendFields(s.fields, body)
}

// setHeader adds a header to the messages that follow.
func (s *rpcStream) setHeader(name, value string) {
	if s.carrier != nil {
		s.fields = append(s.fields, wire.Field{Name: name, Value: value})
		return
	}
	s.header[name] = value
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
	s.setHeader(wire.HalfCloseHeader, "true")
	if err := s.sendEnd(); err != nil {
		return s.note(s.told(err))
	}
	return nil
}

// sendEnd sends the end of the stream, once.
func (s *rpcStream) sendEnd() error {
	if s.sendDone {
		return nil
	}
	s.sendDone = true
	s.reopening().stop()
	s.setHeader(headers.Error, wire.EOS)
	if err := s.send(nil); err != nil {
		return failure(transportID, "", err)
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
	if err := s.next(); err != nil {
		return s.finish(s.note(s.failure(err)))
	}
	remote, err := s.open()
	s.mu.Lock() // after the codec, which may change the headers
	s.last, s.shown, s.opened, s.retry = s.in.header, nil, true, nil
	s.mu.Unlock()
	switch {
	case remote != nil:
		return s.finish(s.note(s.reported(remote)))
	case err != nil:
		return codecError(err)
	}
	return nil
}

// next receives the next message.
func (s *rpcStream) next() error {
	if s.ahead {
		s.ahead = false
		return nil
	}
	for {
		conn, carrier := s.connection()
		err := s.in.receive(conn, carrier)
		if err == nil || s.over() != nil || !s.reopenFor(conn, err) {
			return err
		}
	}
}

// connection returns what the stream receives on.
func (s *rpcStream) connection() (transport.Client, wire.Carrier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn, s.carrier
}

// lastHeader hands out the headers of the last message received.
func (s *rpcStream) lastHeader() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == nil && s.opened {
		s.shown = s.last.Map()
	}
	return s.shown
}

// open reads the headers of the message received.
func (s *rpcStream) open() (remote, err error) {
	defer recovered(&err)
	return s.in.open(s.coder, &s.received)
}

// readBody decodes the message received.
func (s *rpcStream) readBody(v any) (err error) {
	defer recovered(&err)
	if s.coder == nil {
		return s.over()
	}
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
	return failure(transportID, "", err)
}

// Close ends both sides and closes the connection.
func (s *rpcStream) Close() error {
	defer s.releaseCoder()
	if !s.shut(ErrShutdown) {
		return nil
	}
	limit := time.AfterFunc(goodbye, s.closeConn)
	s.sending.Lock()
	_ = s.sendEnd() // a peer that cannot be reached any more needs no goodbye
	s.sending.Unlock()
	limit.Stop()
	s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeErr
}

// releaseCoder gives the coder back, unless somebody is still using it.
func (s *rpcStream) releaseCoder() {
	if !s.sending.TryLock() {
		return
	}
	defer s.sending.Unlock()
	if !s.receiving.TryLock() {
		return
	}
	defer s.receiving.Unlock()
	if s.coder != nil {
		s.coder.Release()
		s.coder = nil
	}
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
	s.mu.Lock()
	was, conn := s.closed, s.conn
	s.closed = true
	s.mu.Unlock()
	if was {
		return
	}
	err := conn.Close()
	s.mu.Lock()
	s.closeErr = err
	s.mu.Unlock()
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

// note keeps the last error. What ends the stream is noted before it does: whoever
// waits for the end of its context asks for the error then.
func (s *rpcStream) note(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}
