package transport

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/flood"
	"github.com/justcy/go-micro/v4/internal/handover"
	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/logger"
)

// webIdle is how long net/http keeps a connection without a request.
const webIdle = 2 * time.Minute

// handlersKey is the context key of extra handlers. It is a plain string
// because programs set it without importing anything for it.
const handlersKey = "http_handlers"

// webServer gives connections that do not begin with a message to net/http:
// those that speak HTTP/2 and those that ask for an extra handler.
type webServer struct {
	listener *httpListener
	fn       func(Socket)
	server   *http.Server
	handlers bool // there are extra handlers
	atRoot   bool // one of them may match path "/"
	handed   *handover.Listener
	running  sync.WaitGroup
}

func newWebServer(l *httpListener, fn func(Socket)) (*webServer, error) {
	w := &webServer{listener: l, fn: fn, handed: handover.New(l.listener.Addr())}
	mux, err := w.routes()
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(l.tls == nil)
	w.server = &http.Server{
		Handler:                      withConnection(mux),
		ConnContext:                  connContext,
		Protocols:                    protocols,
		ReadHeaderTimeout:            l.opts.handshakeTimeout(),
		IdleTimeout:                  webIdle,
		MaxHeaderBytes:               MaxHeaderSize,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(logWriter{&l.opts}, "", 0),
	}
	w.running.Go(func() { w.server.Serve(w.handed) }) //nolint:errcheck // it ends by close
	return w, nil
}

// handlers reports whether there are extra handlers.
func (l *httpListener) handlers() bool {
	web := l.web.Load()
	return web != nil && web.handlers
}

// routes returns the extra handlers with the messages' own path beside them.
func (w *webServer) routes() (mux *http.ServeMux, err error) {
	defer func() {
		if r := recover(); r != nil { // how ServeMux reports a bad pattern
			err = fmt.Errorf("listen on %s: http_handlers: %v", w.listener.addr, r)
		}
	}()
	mux = http.NewServeMux()
	mux.HandleFunc("/", w.message)
	handlers, _ := w.listener.opts.value(handlersKey).(map[string]http.Handler)
	for pattern, handler := range handlers {
		mux.Handle(pattern, handler)
		w.handlers = true
		w.atRoot = w.atRoot || mayMatchRoot(pattern)
	}
	return mux, nil
}

// mayMatchRoot reports whether a pattern can match a POST of path "/".
func mayMatchRoot(pattern string) bool {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = strings.TrimLeft(path, " \t")
	}
	return !strings.HasPrefix(pattern, "/") || pattern == "/" || strings.HasPrefix(pattern, "/{")
}

// wants reports whether a connection that begins with line is net/http's.
func (w *webServer) wants(line []byte) bool {
	if isH2(line) {
		return w.listener.tls == nil
	}
	return w.handlers && (w.atRoot || !bytes.HasPrefix(line, []byte("POST / ")))
}

// isH2 reports whether a connection that begins with line speaks HTTP/2.
func isH2(line []byte) bool { return bytes.Equal(line, []byte("PRI * HTTP/2.0")) }

// serve hands a connection to net/http, with what was read ahead of it, and returns
// when it has ended or was taken over by a socket.
func (w *webServer) serve(c net.Conn, ahead []byte, h2 bool) {
	if h2 {
		followed := flood.NewConn(c, w.listener.floods, w.handed.Closed())
		c = followed
		if !followed.Received(ahead) { // before net/http has set anything up for it
			c.Close()
			return
		}
	}
	conn := &webConn{Conn: handover.NewConn(c, ahead), listener: w.listener}
	if secured, ok := c.(*tls.Conn); ok {
		state := secured.ConnectionState()
		conn.tls = &state
	}
	conn.served.Store(h2) // which is for the followed connection to find out
	if !w.handed.Serve(conn) {
		conn.Close()
	}
}

// drain lets net/http end each connection with its next response.
func (w *webServer) drain() { w.server.SetKeepAlivesEnabled(false) }

// close ends net/http's connections and waits for its accept loop.
func (w *webServer) close() {
	w.handed.Close() //nolint:errcheck // it is always nil
	w.server.Close()
	w.running.Wait()
}

// message serves what no extra handler matches.
func (w *webServer) message(rw http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		w.messageH2(rw, r)
		return
	}
	if unknown(r.Method, r.URL.Path, maps.Keys(r.Header)) {
		http.NotFound(rw, r)
		return
	}
	control := http.NewResponseController(rw)
	body, err := w.readBody(rw, r, control)
	if err != nil {
		refuseBody(rw, err)
		return
	}
	conn, buffered, err := control.Hijack()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	conn.SetDeadline(time.Time{}) //nolint:errcheck // a closed connection fails the next read
	ahead, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	s := newHTTPSocket(conn, ahead, w.listener)
	s.first = &Message{Header: firstValues(r.Header), Body: body}
	s.expect(r.Method, s.first)
	defer s.Close()
	if !w.listener.track(s) {
		return
	}
	defer w.listener.untrack(s)
	w.listener.run(s, w.fn)
}

// readBody reads the body of a first request.
func (w *webServer) readBody(rw http.ResponseWriter, r *http.Request, control *http.ResponseController) ([]byte, error) {
	limit := int64(w.listener.opts.maxMessageSize())
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	stall := cmp.Or(max(0, w.listener.opts.Timeout), bodyStall)
	in := &steadyReader{body: http.MaxBytesReader(rw, r.Body, limit), control: control, pace: httpmsg.Pace{Stall: stall}, budget: w.listener.budget}
	defer func() { in.budget.Give(in.charged) }()
	return io.ReadAll(in)
}

// errFull is why the body of a first request is not read.
var errFull = errors.New("too many bytes are held for all connections")

// refuseBody tells the peer why its body was not read, and ends the connection.
func refuseBody(rw http.ResponseWriter, err error) {
	status, text := http.StatusBadRequest, err.Error()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		status, text = http.StatusRequestEntityTooLarge, fmt.Sprintf("body over the limit of %d bytes", tooLarge.Limit)
	case err == errFull:
		status = http.StatusServiceUnavailable
	case isTimeout(err):
		status, text = http.StatusRequestTimeout, "the message did not arrive in time"
	}
	rw.Header().Set("Connection", "close")
	http.Error(rw, text, status)
}

// steadyReader reads a body of which something must arrive all the time, within a
// budget.
type steadyReader struct {
	body    io.Reader
	control *http.ResponseController
	pace    httpmsg.Pace
	budget  *budget.Budget
	charged int
}

func (s *steadyReader) Read(p []byte) (int, error) {
	deadline, _ := s.pace.Deadline()
	if err := s.control.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := s.body.Read(p)
	s.pace.Got(n)
	if !s.budget.Take(n) {
		return 0, errFull
	}
	s.charged += n
	return n, err
}

// connKey is the context key of a request's webConn.
type connKey struct{}

func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// withConnection tells the listener that the connection of a request is of use, and
// sets the TLS field, since net/http does not see TLS behind a webConn.
func withConnection(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*webConn); ok {
			c.serves()
			r.TLS = c.tls
		}
		next.ServeHTTP(w, r)
	})
}

// firstValues returns a header with the first value of each name, without what
// framed the message.
func firstValues(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for name, values := range h {
		switch name {
		case "Content-Length", "Transfer-Encoding", "Trailer", "Expect":
			continue
		}
		if len(values) > 0 {
			m[name] = values[0]
		}
	}
	return m
}

// webConn is a connection that was handed over.
type webConn struct {
	*handover.Conn
	listener *httpListener
	served   atomic.Bool          // the listener knows that a request was
	tls      *tls.ConnectionState // nil without
}

// serves tells the listener, once, that a request is served.
func (c *webConn) serves() {
	if !c.served.Load() && !c.served.Swap(true) {
		c.listener.floods.Served()
	}
}

// logWriter takes the lines of net/http's log.
type logWriter struct{ opts *Options }

func (w logWriter) Write(line []byte) (int, error) {
	w.opts.logf(logger.WarnLevel, "transport: %s", bytes.TrimSpace(line))
	return len(line), nil
}
