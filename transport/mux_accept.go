package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// switching is the answer that accepts an offer.
const switching = "HTTP/1.1 101 Switching Protocols\r\n" + upgradeTo + mux.Protocol + "\r\n\r\n"

// muxEnd is a multiplexed connection that a listener accepted.
type muxEnd struct {
	conn     *mux.Conn
	listener *httpListener
	fn       func(Socket)
	remote   string
	serving  wire.Connection // of exchanges; nil when fn serves them
	used     atomic.Bool     // a socket was opened
}

// end tells whoever serves exchanges that no others come.
func (e *muxEnd) end() {
	if e.serving != nil {
		e.serving.End()
	}
}

// Close ends the connection with all its sockets.
func (e *muxEnd) Close() error { return e.conn.Close() }

// multiplexes reports whether connections may be switched.
func (l *httpListener) multiplexes() bool { return !l.opts.DisableMux && !l.draining.Load() }

// newMuxEnd makes the connection of s a multiplexed one. Opened is what its first
// socket costs, if that carries an exchange.
func (l *httpListener) newMuxEnd(s *httpSocket, fn func(Socket), opened int) *muxEnd {
	s.conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // the limit was for the answer alone; a closed connection ends Run
	e := &muxEnd{listener: l, fn: fn, remote: s.remote}
	idle := l.opts.IdleTimeout
	if idle <= 0 {
		idle = acceptedIdle
	}
	if l.exchanges != nil {
		e.serving = l.exchanges.Connect(l.addr, e.remote)
	}
	limit := l.opts.Timeout
	if limit <= 0 {
		limit = l.opts.IdleTimeout
	}
	e.conn = mux.New(mux.Config{
		Conn: s.conn, Accept: e.accept, Opened: opened,
		MaxMessage: l.opts.maxMessageSize(), MaxBuffered: l.opts.MaxConnBytes, Budget: l.budget,
		SendLimit: l.opts.Timeout, RecvLimit: limit,
		Ping: l.opts.pingInterval(), Idle: idle,
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
	var opened int
	if s.exchange && l.exchanges != nil {
		opened = mux.OpenCost + len(s.first.Body)
	}
	e := l.newMuxEnd(s, fn, opened)
	first := e.conn.FirstExchange() // before anybody else knows the connection
	if s.exchange = first != nil; !s.exchange {
		first = e.conn.First()
	}
	if !l.track(e) {
		e.Close()
		first.Close()
		e.end()
		return
	}
	defer l.untrack(e)
	e.used.Store(true)
	e.serveFirst(first, s)
	if err := s.followUp(first); err != nil {
		e.conn.Abort(followUpError(err))
		e.end()
		return
	}
	e.carry(s)
}

// serveFirst serves the first socket, on which the request of the offer has arrived.
func (e *muxEnd) serveFirst(socket *mux.Socket, s *httpSocket) {
	m := s.first
	s.first = nil
	if s.exchange {
		e.serving.Serve(socket, wire.MapHeader(m.Header), m.Body, false)
		return
	}
	socket.Inject(m.Header, m.Body) //nolint:errcheck // nobody has ended it
	e.socket(socket)
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
		err = first.Inject(s.head.Header, body)
		switch {
		case err == io.EOF && s.exchange: // which may be over before its caller knows
		case err == io.EOF:
			return errors.New("the first socket ended before the switch was complete")
		case err != nil:
			return err
		}
	}
}

// followUpError is why the connection ends before the switch was complete.
func followUpError(err error) error {
	var refused *httpmsg.Error
	if errors.As(err, &refused) && refused.TooLarge() {
		return fmt.Errorf("%w: %w", wire.ErrTooLarge, err)
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
	e := l.newMuxEnd(s, fn, 0)
	if !l.track(e) {
		e.Close()
		e.end()
		return
	}
	defer l.untrack(e)
	e.carry(s)
}

// carry carries sockets until the connection ends.
func (e *muxEnd) carry(s *httpSocket) {
	if e.listener.draining.Load() {
		e.conn.GoAway()
	}
	defer e.end()
	e.conn.Run(bytes.Clone(s.reader.Buffered())) //nolint:errcheck // the sockets tell their users
}

// accept serves a socket that the peer has opened.
func (e *muxEnd) accept(socket *mux.Socket, h wire.Header, body []byte, here bool) {
	if !e.used.Load() && !e.used.Swap(true) {
		e.listener.floods.Served()
	}
	_, exchange := h.Exchange()
	switch {
	case !exchange:
		e.socket(socket)
	case e.serving != nil:
		e.serving.Serve(socket, h, body, here)
	default:
		s := &exchangeSocket{header: h, body: body}
		s.Socket, s.local, s.remote = socket, e.listener.addr, e.remote
		e.run(s, &s.muxSocket)
	}
}

// socket serves a socket that carries any messages.
func (e *muxEnd) socket(socket *mux.Socket) {
	s := &muxSocket{Socket: socket, local: e.listener.addr, remote: e.remote}
	e.run(s, s)
}

// run runs the accept function for a socket in a goroutine of its own.
func (e *muxEnd) run(s Socket, state *muxSocket) {
	l := e.listener
	if !l.track(s) {
		s.Close()
		return
	}
	go func() {
		defer l.untrack(s)
		defer func() {
			if !state.parked.Load() {
				s.Close()
			}
		}()
		l.run(s, e.fn)
	}()
}

// goAway tells the peers of all multiplexed connections to open no more
// sockets.
func (l *httpListener) goAway() {
	for _, e := range l.muxEnds() {
		e.conn.GoAway()
	}
}

// muxEnds lists the multiplexed connections.
func (l *httpListener) muxEnds() (ends []*muxEnd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if e, ok := c.(*muxEnd); ok {
			ends = append(ends, e)
		}
	}
	return ends
}
