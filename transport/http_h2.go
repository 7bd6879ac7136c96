package transport

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// h2Piece is the most that one Recv returns of an HTTP/2 body even when
// Options.BuffSizeH2 allows more.
const h2Piece = 64 << 10

var h2Buffers = sync.Pool{New: func() any { b := make([]byte, h2Piece); return &b }}

// h2Socket is one HTTP/2 request. Each Recv returns a piece of its body with
// its headers, each Send writes a piece of the response.
type h2Socket struct {
	local   string
	request *http.Request
	size    int
	timeout time.Duration
	control *http.ResponseController

	sendMu sync.Mutex // held while the response is written
	writer http.ResponseWriter
	sent   bool       // guarded by sendMu: a piece was
	recvMu sync.Mutex // held while the body is read
	begun  bool       // guarded by recvMu: a piece was delivered
	pace   httpmsg.Pace
	closed atomic.Bool

	endMu sync.Mutex
	ended bool // guarded by endMu: control must not be used any more
}

// messageH2 serves an HTTP/2 request as a socket.
func (w *webServer) messageH2(rw http.ResponseWriter, r *http.Request) {
	if !httpmsg.ValidValue(r.URL.Path) { // which is unescaped
		http.Error(rw, "control character in the path", http.StatusBadRequest)
		return
	}
	if unknown(r.Method, r.URL.Path, maps.Keys(r.Header)) {
		http.NotFound(rw, r)
		return
	}
	s := &h2Socket{
		local:   w.listener.addr,
		request: r,
		size:    min(w.listener.opts.BuffSizeH2, h2Piece),
		timeout: w.listener.opts.Timeout,
		control: http.NewResponseController(rw),
		writer:  rw,
	}
	if r.Header.Get(headers.Stream) == "" && !strings.HasPrefix(r.Header.Get(headers.ContentType), "application/grpc") {
		s.pace.Stall = bodyStall
	}
	if !w.listener.track(s) {
		return
	}
	defer w.listener.untrack(s)
	w.listener.run(s, w.fn)
	s.end()
}

// end ends the socket with its handler, after which net/http lets nobody use the
// request and the response any more.
func (s *h2Socket) end() {
	s.Close()
	s.recvMu.Lock() // those who wait for it find the socket closed
	defer s.recvMu.Unlock()
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	s.endMu.Lock()
	defer s.endMu.Unlock()
	s.ended = true
}

// Recv reads a piece of the body into m, with the request's headers.
func (s *h2Socket) Recv(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	if s.closed.Load() {
		return io.EOF
	}
	s.limitRead()
	buffer := h2Buffers.Get().(*[]byte)
	defer h2Buffers.Put(buffer)
	n, err := s.request.Body.Read((*buffer)[:s.size])
	s.pace.Got(n)
	if n == 0 && err != nil && (err != io.EOF || s.begun) {
		return s.readError(err)
	}
	s.begun = true // with an empty piece, if there is no body
	m.Body = append(make([]byte, 0, n), (*buffer)[:n]...)
	m.Header = firstValues(s.request.Header)
	m.Header[":path"] = s.request.URL.Path
	return nil
}

// limitRead sets the deadline of a Recv: that of Timeout, or of a body that is
// one message. A stream may be silent for any time.
func (s *h2Socket) limitRead() {
	var deadline time.Time
	if s.timeout > 0 {
		deadline = time.Now().Add(s.timeout)
	} else if paced, ok := s.pace.Deadline(); ok {
		deadline = paced
	} else {
		return
	}
	s.control.SetReadDeadline(deadline) //nolint:errcheck // a closed stream fails the read
}

func (s *h2Socket) readError(err error) error {
	if err == io.EOF || s.closed.Load() {
		return io.EOF
	}
	return receiveError(s.request.RemoteAddr, err)
}

// Send writes a piece of the response and sets headers, the status among them,
// which count until the first piece and afterwards as trailers.
func (s *h2Socket) Send(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if s.closed.Load() {
		return io.EOF
	}
	if s.timeout > 0 {
		s.control.SetWriteDeadline(time.Now().Add(s.timeout)) //nolint:errcheck // a closed stream fails the write
	}
	s.setHeader(m.Header)
	if status := httpmsg.Status(m.Header); !s.sent && status != http.StatusOK {
		s.writer.WriteHeader(status)
	}
	s.sent = true
	_, err := s.writer.Write(m.Body)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil && s.closed.Load() {
		return io.EOF
	}
	return err
}

// setHeader sets the headers of a message. Those that its Trailer header lists
// are sent when the response ends, and only then.
func (s *h2Socket) setHeader(h map[string]string) {
	header, trailers := s.writer.Header(), strings.ToLower(h["Trailer"])
	for name, value := range h {
		name, value = httpmsg.CanonicalName(name), httpmsg.CleanValue(value)
		switch {
		case name == "", name != "Trailer" && httpmsg.Framing(name):
		case name == "Connection" && !strings.EqualFold(value, "close"):
		case listed(trailers, strings.ToLower(name)):
			header.Set(http.TrailerPrefix+name, value)
		default:
			header.Set(name, value)
		}
	}
}

// listed reports whether a list with commas has a name.
func listed(list, name string) bool {
	for list != "" {
		var item string
		if item, list, _ = strings.Cut(list, ","); strings.TrimSpace(item) == name {
			return true
		}
	}
	return false
}

// Context ends with the request: when it was answered or given up.
func (s *h2Socket) Context() context.Context { return s.request.Context() }

// Close ends the socket and unblocks a pending Send or Recv.
func (s *h2Socket) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.sendMu.TryLock() {
		s.sendMu.Unlock() // no Send is pending, and the next one sees closed
	} else {
		s.interrupt()
	}
	s.request.Body.Close()
	return nil
}

// interrupt ends a pending Send.
func (s *h2Socket) interrupt() {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	if !s.ended {
		s.control.SetWriteDeadline(time.Unix(1, 0)) //nolint:errcheck // the stream has ended already
	}
}

// Local returns the listener's address.
func (s *h2Socket) Local() string { return s.local }

// Remote returns the peer's address.
func (s *h2Socket) Remote() string { return s.request.RemoteAddr }
