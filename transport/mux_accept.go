package transport

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/mux"
)

// switching is the answer that accepts an offer.
const switching = "HTTP/1.1 101 Switching Protocols\r\n" + offerLines + "\r\n"

// muxEnd is a multiplexed connection that a listener accepted.
type muxEnd struct {
	conn     *mux.Conn
	listener *httpListener
	fn       func(Socket)
	remote   string
}

// Close ends the connection with all its sockets.
func (e *muxEnd) Close() error { return e.conn.Close() }

// multiplexes reports whether connections may be switched.
func (l *httpListener) multiplexes() bool { return !l.opts.DisableMux && !l.draining.Load() }

// newMuxEnd makes the connection of s a multiplexed one.
func (l *httpListener) newMuxEnd(s *httpSocket, fn func(Socket)) *muxEnd {
	s.conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // the limit was for the answer alone; a closed connection ends Run
	e := &muxEnd{listener: l, fn: fn, remote: s.remote}
	idle := l.opts.IdleTimeout
	if idle <= 0 {
		idle = acceptedIdle
	}
	e.conn = mux.New(mux.Config{
		Conn: s.conn, Server: true, Accept: e.accept,
		MaxMessage: l.opts.maxMessageSize(), Ping: l.opts.pingInterval(), Idle: idle,
	})
	return e
}

// upgrade accepts the offer that came with the first request, which becomes the
// first message of the first socket.
func (l *httpListener) upgrade(s *httpSocket, fn func(Socket)) {
	head := []byte(switching)
	if s.write(&head, nil) != nil {
		return
	}
	e := l.newMuxEnd(s, fn)
	first := e.conn.First()
	first.Inject(mux.Message(*s.first))
	s.first = nil
	if !l.track(e) {
		e.Close()
		return
	}
	defer l.untrack(e)
	e.accept(first)
	if err := s.followUp(first); err != nil {
		e.conn.Abort(followUpError(err))
		return
	}
	e.run(s)
}

// followUp reads the plain requests that the peer sent before it knew that the
// offer was accepted, and then its preface.
func (s *httpSocket) followUp(first *mux.Socket) error {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	limit := s.reader.HeadTimeout
	for {
		s.reader.SetDeadline(time.Now().Add(limit))
		line, err := s.reader.PeekFirstLine()
		if err != nil {
			return err
		}
		if isPreface(line) {
			s.reader.Skip(len(mux.Preface))
			s.reader.SetDeadline(time.Time{})
			return nil
		}
		if err := s.reader.ReadRequest(&s.head); err != nil {
			return err
		}
		body, err := s.reader.ReadBody(&s.head)
		if err != nil {
			return err
		}
		if !first.Inject(mux.Message{Header: s.head.Header, Body: body}) {
			return errors.New("the first socket ended before the switch was complete")
		}
	}
}

// followUpError is why the connection ends before the switch was complete.
func followUpError(err error) error {
	var refused *httpmsg.Error
	if errors.As(err, &refused) && refused.TooLarge() {
		return fmt.Errorf("%w: %w", mux.ErrTooLarge, err)
	}
	return err
}

func isPreface(line []byte) bool {
	return bytes.Equal(line, []byte(mux.Preface[:len(mux.Preface)-2]))
}

// serveMux serves a connection that begins with the preface.
func (l *httpListener) serveMux(s *httpSocket, fn func(Socket)) {
	s.reader.Skip(len(mux.Preface))
	s.reader.SetDeadline(time.Time{})
	e := l.newMuxEnd(s, fn)
	if !l.track(e) {
		e.Close()
		return
	}
	defer l.untrack(e)
	e.run(s)
}

// run carries sockets until the connection ends.
func (e *muxEnd) run(s *httpSocket) {
	if e.listener.draining.Load() {
		e.conn.GoAway()
	}
	e.conn.Run(bytes.Clone(s.reader.Buffered())) //nolint:errcheck // the sockets tell their users
}

// accept runs the accept function for a socket in a goroutine of its own.
func (e *muxEnd) accept(socket *mux.Socket) {
	l := e.listener
	s := &muxSocket{socket: socket, local: l.addr, remote: e.remote, sendLimit: l.opts.Timeout, recvLimit: l.opts.Timeout}
	if s.recvLimit <= 0 {
		s.recvLimit = l.opts.IdleTimeout
	}
	if !l.track(s) {
		s.Close()
		return
	}
	go func() {
		defer l.untrack(s)
		defer s.Close()
		l.run(s, e.fn)
	}()
}

// goAway tells the peers of all multiplexed connections to open no more
// sockets.
func (l *httpListener) goAway() {
	l.mu.Lock()
	var ends []*muxEnd
	for c := range l.conns {
		if e, ok := c.(*muxEnd); ok {
			ends = append(ends, e)
		}
	}
	l.mu.Unlock()
	for _, e := range ends {
		e.conn.GoAway()
	}
}
