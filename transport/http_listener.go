package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/flood"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
)

// closeWait is how long Close waits for accept functions to return.
const closeWait = 5 * time.Second

// httpListener accepts connections and serves each in a goroutine of its own.
type httpListener struct {
	opts     Options
	listener net.Listener
	tls      *tls.Config // nil without TLS
	addr     string
	budget   *budget.Budget // of what is held for all connections
	floods   *flood.Account // of what strangers make it do for nothing

	exchanges wire.Server // who serves exchanges, nil for the accept function; set by Accept

	draining atomic.Bool
	web      atomic.Pointer[webServer] // set by Accept
	done     chan struct{}             // closed by Close
	close    func() error

	mu    sync.Mutex
	conns map[io.Closer]struct{} // guarded by mu; nil once closed
	work  sync.WaitGroup         // one for each of conns
}

func newHTTPListener(l net.Listener, config *tls.Config, o Options) *httpListener {
	h := &httpListener{
		opts:     o,
		listener: l,
		tls:      config,
		addr:     l.Addr().String(),
		budget:   budget.New(o.maxTotalBytes()),
		floods:   flood.NewAccount(0),
		done:     make(chan struct{}),
		conns:    map[io.Closer]struct{}{},
	}
	h.close = sync.OnceValue(h.shutDown)
	return h
}

// Budget returns the budget of what is held for all connections, for the server to
// which the messages go to count on.
func (l *httpListener) Budget() *budget.Budget { return l.budget }

// Addr returns the address to dial.
func (l *httpListener) Addr() string { return l.addr }

// Close stops accepting, closes all sockets and waits for their functions.
func (l *httpListener) Close() error { return l.close() }

// Drain stops accepting; replies announce the end of their connection.
func (l *httpListener) Drain() error {
	if l.draining.Swap(true) {
		return nil
	}
	if web := l.web.Load(); web != nil {
		web.drain()
	}
	l.goAway()
	return ignoreClosed(l.listener.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *httpListener) shutDown() error {
	close(l.done)
	l.draining.Store(true)
	err := ignoreClosed(l.listener.Close())
	l.mu.Lock()
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var closing sync.WaitGroup
		for c := range conns { // at once: TLS says good-bye and may block on that
			closing.Go(func() { c.Close() })
		}
		closing.Wait()
		l.work.Wait()
	}()
	limit := time.NewTimer(closeWait)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		l.opts.logf(logger.WarnLevel, "transport: listener %s closed, but accept functions are still running after %v", l.addr, closeWait)
	}
	return err
}

// track counts c among the connections that Close ends. It fails after Close.
func (l *httpListener) track(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		return false
	}
	l.conns[c] = struct{}{}
	l.work.Add(1)
	return true
}

func (l *httpListener) untrack(c io.Closer) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.work.Done()
}

// AcceptExchanges is Accept, except that the exchanges of multiplexed connections
// go to s.
func (l *httpListener) AcceptExchanges(fn func(Socket), s wire.Server) error {
	l.exchanges = s
	return l.Accept(fn)
}

// Accept serves connections until Close.
func (l *httpListener) Accept(fn func(Socket)) error {
	web, err := newWebServer(l, fn)
	if err != nil {
		return err
	}
	defer web.close()
	l.web.Store(web)
	for delay := time.Duration(0); ; {
		l.floods.Admit(l.done, func(what string) {
			l.opts.logf(logger.WarnLevel, "transport: listener %s %s", l.addr, what)
		})
		conn, err := l.listener.Accept()
		switch {
		case err == nil:
			delay = 0
			l.start(conn, web, fn)
		case l.draining.Load(): // by Drain, or by Close
			<-l.done
			return nil
		case isTemporary(err):
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			l.opts.logf(logger.WarnLevel, "transport: accept on %s: %v; trying again in %v", l.addr, err, delay)
			l.pause(delay)
		default:
			return err
		}
	}
}

// isTemporary tells a shortage, of file descriptors for instance, from the end
// of the listener.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (l *httpListener) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.done:
	}
}

// start serves a connection in its own goroutine.
func (l *httpListener) start(conn net.Conn, web *webServer, fn func(Socket)) {
	if l.tls != nil {
		conn = seal.Server(conn, l.tls)
	}
	s := newHTTPSocket(conn, nil, l)
	if !l.track(s) {
		s.Close()
		return
	}
	l.floods.Connected()
	go func() {
		defer l.untrack(s)
		l.serve(s, web, fn)
	}()
}

// serve finds out what a connection speaks and runs fn or hands it on.
func (l *httpListener) serve(s *httpSocket, web *webServer, fn func(Socket)) {
	limit := l.opts.handshakeTimeout()
	if err := s.handshake(limit); err != nil {
		s.Close()
		return
	}
	s.reader.SetDeadline(time.Now().Add(limit))
	line, err := s.reader.PeekFirstLine()
	if err == nil && isPreface(line) && !l.opts.DisableMux {
		defer s.Close()
		l.serveMux(s, fn)
		return
	}
	if err == nil && web.wants(line) {
		s.reader.SetDeadline(time.Time{})
		s.lent.Store(true)
		web.serve(s.conn, bytes.Clone(s.reader.Buffered()), isH2(line))
		return
	}
	defer s.Close()
	if s.receiveFirst(err) != nil {
		return
	}
	l.floods.Served()
	if s.offered && l.multiplexes() {
		l.upgrade(s, fn)
		return
	}
	l.run(s, fn)
}

// receiveFirst reads the first request, which fn must not see unless it is
// sound, or refuses it for the reason given.
func (s *httpSocket) receiveFirst(err error) error {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	if err != nil {
		return s.refuse(err)
	}
	s.startRecv()
	var m Message
	if err := s.receive(&m); err != nil {
		return err
	}
	if strings.HasPrefix(s.head.Upgrade, mux.Family) { // for this end, or another one, alone
		s.exchange = s.head.Upgrade == offerTo(s.head.Host, true)
		s.offered = s.exchange || s.head.Upgrade == offerTo(s.head.Host, false)
		delete(m.Header, "Upgrade")
		delete(m.Header, "Connection")
	}
	s.first = &m
	return nil
}

// run calls fn; a panic ends this socket alone.
func (l *httpListener) run(s Socket, fn func(Socket)) {
	defer func() {
		if r := recover(); r != nil {
			l.opts.logf(logger.ErrorLevel, "transport: panic serving %s: %v\n%s", s.Remote(), r, debug.Stack())
		}
	}()
	fn(s)
}

// value looks up an implementation's option.
func (o *Options) value(key any) any { return contextOrBackground(o.Context).Value(key) }
