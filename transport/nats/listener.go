package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

const (
	// closeWait is how long Close waits for accept functions to return.
	closeWait = 5 * time.Second
	// maxSockets is how many sockets a listener has at once.
	maxSockets = 16 << 10
	// askWait is how long somebody who listens already may take to answer.
	askWait = 500 * time.Millisecond
)

// listener takes the messages to one subject apart by their senders.
type listener struct {
	transport *natsTransport
	conn      *sharedConn
	opts      *transport.Options
	addr      string
	sub       *nats.Subscription
	draining  atomic.Bool
	done      chan struct{}
	close     func() error

	mu      sync.Mutex
	fn      func(transport.Socket) // nil before Accept
	waiting []*accepted            // for Accept
	sockets map[string]*accepted   // by the inbox of the client; nil once closed
	work    sync.WaitGroup
}

// accepted is the end of a socket at a listener.
type accepted struct {
	*socket
	listener *listener
	knows    atomic.Bool // the client knows the header
}

// Listen listens on a subject, on which nobody else may listen.
func (t *natsTransport) Listen(addr string, _ ...transport.ListenOption) (transport.Listener, error) {
	if err := checkAddress(addr); err != nil {
		return nil, err
	}
	o := t.options.Get()
	ctx, cancel := context.WithTimeout(context.Background(), transport.DefaultDialTimeout)
	defer cancel()
	conn, err := t.use(ctx, &o, &transport.DialOptions{})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	l := &listener{
		transport: t, conn: conn, opts: &o, addr: addr,
		done: make(chan struct{}), sockets: map[string]*accepted{},
	}
	l.close = sync.OnceValue(l.shutDown)
	if err := l.listen(); err != nil {
		conn.release()
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

func (l *listener) listen() error {
	if strings.HasSuffix(l.addr, ":0") {
		l.addr = l.conn.NewInbox()
	} else if _, err := l.conn.RequestMsg(&nats.Msg{Subject: l.addr, Header: nats.Header{socketHeader: {goesOn}}}, askWait); !errors.Is(err, nats.ErrNoResponders) {
		return errors.New("somebody listens on this subject already")
	}
	var err error
	if l.sub, err = l.conn.Subscribe(l.addr, l.arrived); err != nil {
		return err
	}
	if err := l.sub.SetPendingLimits(-1, 8*maxBehind); err != nil {
		return err
	}
	return l.conn.FlushTimeout(closeWait) // from now on it can be dialled
}

// Addr returns the subject.
func (l *listener) Addr() string { return l.addr }

// Accept serves sockets until Close.
func (l *listener) Accept(fn func(transport.Socket)) error {
	l.mu.Lock()
	l.fn = fn
	for _, s := range l.waiting {
		l.serve(s)
	}
	l.waiting = nil
	l.mu.Unlock()
	<-l.done
	return nil
}

// Drain refuses new sockets of clients that understand it. Those of go-micro v4 find
// in the registry that they should go elsewhere.
func (l *listener) Drain() error {
	l.draining.Store(true)
	return nil
}

// Close stops listening, ends the sockets and waits for their functions.
func (l *listener) Close() error { return l.close() }

func (l *listener) shutDown() error {
	l.draining.Store(true)
	_ = l.sub.Unsubscribe()
	l.mu.Lock()
	sockets := l.sockets
	l.sockets, l.waiting = nil, nil
	l.mu.Unlock()
	close(l.done)
	for _, s := range sockets {
		s.Close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.work.Wait()
	}()
	limit := time.NewTimer(closeWait)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		l.logf(logger.WarnLevel, "transport: listener %s closed, but accept functions are still running after %v", l.addr, closeWait)
	}
	l.conn.release()
	return nil
}

// arrived gives a message to its socket, which is made for the first one.
func (l *listener) arrived(m *nats.Msg) {
	what := m.Header.Get(socketHeader)
	if m.Reply == "" || len(m.Data) == 0 && what == "" {
		return // nobody could be answered, or there is nothing to answer
	}
	l.mu.Lock()
	s, refusal := l.socketOf(m, what)
	l.mu.Unlock()
	switch {
	case refusal != "":
		_ = l.conn.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{socketHeader: {refusal}}})
	case s == nil:
	case what == ends:
		s.end(io.EOF)
	default:
		s.push(m)
	}
}

// socketOf returns the socket of a message, or what is to be said to its sender. mu
// is held.
func (l *listener) socketOf(m *nats.Msg, what string) (s *accepted, refusal string) {
	if l.sockets == nil {
		return nil, ""
	}
	s = l.sockets[m.Reply]
	switch {
	case s != nil:
		return s, ""
	case what == ends:
		return nil, ""
	case what == goesOn: // to a socket that is closed
		return nil, ends
	case len(l.sockets) >= maxSockets || what == opens && l.draining.Load():
		if what == "" {
			return nil, ""
		}
		return nil, refuses
	}
	s = &accepted{socket: newSocket(l.conn, l.opts, l.addr, m.Reply, l.patience()), listener: l}
	s.knows.Store(what == opens)
	l.sockets[m.Reply] = s
	if l.fn == nil {
		l.waiting = append(l.waiting, s)
	} else {
		l.serve(s)
	}
	return s, ""
}

// patience is how long a socket may be silent.
func (l *listener) patience() time.Duration {
	switch {
	case l.opts.IdleTimeout > 0 && l.opts.Timeout > 0:
		return min(l.opts.IdleTimeout, l.opts.Timeout)
	case l.opts.Timeout > 0:
		return l.opts.Timeout
	case l.opts.IdleTimeout > 0:
		return l.opts.IdleTimeout
	}
	return DefaultTimeout
}

// serve runs the accept function in a goroutine of its own. mu is held.
func (l *listener) serve(s *accepted) {
	fn := l.fn
	l.work.Go(func() {
		defer s.Close()
		defer func() {
			if r := recover(); r != nil {
				l.logf(logger.ErrorLevel, "transport: panic serving %s: %v\n%s", l.addr, r, debug.Stack())
			}
		}()
		fn(s)
	})
}

func (l *listener) logf(level logger.Level, format string, args ...any) {
	logger.LoggerOrDefault(l.opts.Logger).Logf(level, format, args...)
}

// Send hands the message to the connection.
func (s *accepted) Send(m *transport.Message) error {
	data, err := s.encode(m)
	if err != nil {
		return err
	}
	out := &nats.Msg{Subject: s.remote, Data: data}
	if s.knows.Load() && s.listener.draining.Load() {
		out.Header = nats.Header{socketHeader: {isLast}}
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.publish(out)
}

// Close ends the socket, and tells a client that understands it.
func (s *accepted) Close() error {
	s.mu.Lock()
	ended := s.ended != nil
	s.mu.Unlock()
	if !s.shut() {
		return nil
	}
	if s.knows.Load() && !ended {
		s.tell("", ends)
	}
	l := s.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sockets[s.remote] == s {
		delete(l.sockets, s.remote)
	}
	return nil
}
