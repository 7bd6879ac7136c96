package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// httpSocket is the end of an HTTP/1.1 connection that listened.
type httpSocket struct {
	httpConn
	draining *atomic.Bool // the listener's
	parting  atomic.Bool  // the peer was told to end the connection
	lent     atomic.Bool  // net/http serves the connection
	idle     time.Duration
	handlers bool     // there are extra handlers, of which another connection may be in need
	first    *Message // guarded by recvMu: received and not delivered
	offered  bool     // the peer offers to switch to frames
	exchange bool     // first opens an exchange that has its socket for itself
	replies  replies
}

func newHTTPSocket(conn net.Conn, ahead []byte, l *httpListener) *httpSocket {
	s := &httpSocket{draining: &l.draining, idle: l.opts.IdleTimeout, handlers: l.handlers()}
	s.init(conn, ahead, &l.opts)
	s.reader.Budget = l.budget
	s.local, s.remote = l.addr, conn.RemoteAddr().String()
	return s
}

// Recv reads the next request into m.
func (s *httpSocket) Recv(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	if s.closed.Load() {
		return io.EOF
	}
	if s.first != nil {
		*m, s.first = *s.first, nil
		return nil
	}
	if s.recvError != nil {
		return s.recvError
	}
	if err := s.awaitRequest(); err != nil {
		return s.refuse(err)
	}
	return s.receive(m)
}

// awaitRequest waits for the first byte of a request.
func (s *httpSocket) awaitRequest() error {
	s.startRecv()
	if s.timeout > 0 || s.idle <= 0 {
		return nil // receive waits, under the deadline of Timeout or none
	}
	s.reader.SetDeadline(time.Now().Add(s.idle))
	if err := s.reader.Wait(); err != nil {
		return err
	}
	s.reader.SetDeadline(time.Time{})
	return nil
}

// receive reads a request that is a message. The caller holds recvMu.
func (s *httpSocket) receive(m *Message) error {
	for {
		body, err := s.readRequest()
		if err != nil {
			return s.refuse(err)
		}
		if !s.isUnknown(&s.head) {
			s.deliver(m, body)
			return nil
		}
		if err := s.notFound(&s.head); err != nil {
			return s.refuse(err)
		}
		if err := s.awaitRequest(); err != nil {
			return s.refuse(err)
		}
	}
}

// readRequest reads a whole request and returns its body.
func (s *httpSocket) readRequest() ([]byte, error) {
	if err := s.reader.ReadRequest(&s.head); err != nil {
		return nil, err
	}
	if s.head.Continue {
		if err := s.askForBody(); err != nil {
			return nil, err
		}
	}
	return s.reader.ReadBody(&s.head)
}

// deliver makes the request that was read a message.
func (s *httpSocket) deliver(m *Message, body []byte) {
	m.Header, m.Body = s.head.Header, body
	s.head.Header = nil
	s.expect(s.head.Method, m)
}

// askForBody answers the expectation of a 100.
func (s *httpSocket) askForBody() error {
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	*head = append(*head, httpmsg.Continue...)
	return s.write(head, nil)
}

// refuse ends reading. The author of a malformed or oversized message is told
// what is wrong with it. The caller holds recvMu.
func (s *httpSocket) refuse(err error) error {
	failure := s.failReading(err)
	var bad *httpmsg.Error
	if errors.As(err, &bad) {
		s.reply(bad.Status, bad.Detail)
	} else if isTimeout(err) && !s.reader.Idle() {
		s.reply(http.StatusRequestTimeout, "the message did not arrive in time")
	}
	return failure
}

// handshake completes TLS, if the connection has it.
func (s *httpSocket) handshake(limit time.Duration) error {
	secured, ok := s.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	s.conn.SetDeadline(time.Now().Add(limit)) //nolint:errcheck // a closed connection fails the handshake
	err := secured.Handshake()
	if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) && plain.Conn != nil {
		text := httpmsg.AppendError(nil, http.StatusBadRequest, "this server speaks TLS: use https")
		plain.Conn.Write(text) //nolint:errcheck // the connection ends either way
	}
	if err == nil {
		err = s.conn.SetDeadline(time.Time{})
	}
	return err
}
