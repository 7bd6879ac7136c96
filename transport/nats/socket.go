package nats

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/transport"
)

// socketHeader is the NATS header in which the ends of a socket tell each other what
// go-micro v4 does not know. Its values:
const (
	socketHeader = "Micro-Socket"

	opens   = "open"    // the first message of a client that knows the header
	goesOn  = "more"    // a further one
	ends    = "close"   // without a message: nothing more comes from there
	isLast  = "last"    // a message of a listener that is about to stop
	refuses = "refused" // without a message: nothing of what was sent is executed
)

// maxBehind is how many bytes wait in a socket for its reader.
const maxBehind = 32 << 20

// errDeadline is the error of a Recv that waited for too long.
var errDeadline error = deadlineExceeded{}

type deadlineExceeded struct{}

func (deadlineExceeded) Error() string   { return "deadline exceeded" }
func (deadlineExceeded) Timeout() bool   { return true }
func (deadlineExceeded) Temporary() bool { return true }
func (deadlineExceeded) Unwrap() error   { return os.ErrDeadlineExceeded }

// socket is what both ends have in common: a queue of what has arrived, and the
// subject that the other end listens on.
type socket struct {
	conn    *sharedConn
	opts    *transport.Options
	local   string
	remote  string
	patient time.Duration // how long Recv waits for silence to end; 0 for ever

	sending sync.Mutex // keeps messages in order

	mu      sync.Mutex
	queue   []*nats.Msg
	bytes   int
	ended   error         // what Recv returns when the queue is empty; nil while open
	closed  bool          // by this end
	changed chan struct{} // has an element when there may be something for Recv
	over    chan struct{} // closed when ended is set
	active  time.Time     // when something last passed
}

func newSocket(conn *sharedConn, o *transport.Options, local, remote string, patient time.Duration) *socket {
	return &socket{
		conn: conn, opts: o, local: local, remote: remote, patient: patient,
		changed: make(chan struct{}, 1), over: make(chan struct{}), active: time.Now(),
	}
}

// Local is the subject that this end listens on.
func (s *socket) Local() string { return s.local }

// Remote is the subject that the other end listens on.
func (s *socket) Remote() string { return s.remote }

// push takes what has arrived.
func (s *socket) push(m *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return
	}
	if s.bytes+len(m.Data) > max(maxBehind, len(m.Data)) {
		s.endWith(fmt.Errorf("receive from %s: the reader is %d bytes behind, which ends the socket", s.remote, s.bytes))
		return
	}
	s.queue = append(s.queue, m)
	s.bytes += len(m.Data)
	s.active = time.Now()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// end makes Recv return err when it has returned what is in the queue.
func (s *socket) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endWith(err)
}

// endWith is end; mu is held.
func (s *socket) endWith(err error) {
	if s.ended == nil {
		s.ended = err
		close(s.over)
	}
}

// shut ends the socket at this end, and reports whether it had not been.
func (s *socket) shut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.closed
	s.closed = true
	s.queue, s.bytes = nil, 0
	s.endWith(io.EOF)
	s.ended = io.EOF
	return first
}

// next returns the next message, or the error of a socket that has none and ended.
func (s *socket) next() (*nats.Msg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		m := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.bytes -= len(m.Data)
		return m, nil
	}
	return nil, s.ended
}

// receive waits for the next message. A Recv takes what is there before it looks at
// how the socket ended.
func (s *socket) receive() (*nats.Msg, error) {
	var timer *time.Timer
	var expired <-chan time.Time
	for {
		m, err := s.next()
		if m != nil || err != nil {
			s.signal() // there may be more, for another Recv
			return m, err
		}
		if s.patient > 0 && timer == nil {
			timer = time.NewTimer(s.silence())
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case <-s.changed:
		case <-s.over:
		case <-expired:
			left := s.silence()
			if left <= 0 {
				return nil, errDeadline
			}
			timer.Reset(left)
		}
	}
}

func (s *socket) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// silence returns how long nothing may pass yet.
func (s *socket) silence() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.active.Add(s.patient))
}

// Recv takes the next message.
func (s *socket) Recv(m *transport.Message) error {
	if m == nil {
		return transport.ErrNilMessage
	}
	raw, err := s.receive()
	if err != nil {
		return err
	}
	var got transport.Message
	if err := messagejson.UnmarshalWith(s.opts.Codec, raw.Data, &got, (*messagejson.Message)(&got)); err != nil {
		err = fmt.Errorf("receive from %s: decoding the message: %w", s.remote, err)
		s.end(err)
		return err
	}
	if len(got.Body) > maxMessageSize(s.opts) {
		err = fmt.Errorf("receive from %s: %w", s.remote, tooLarge("body", len(got.Body), maxMessageSize(s.opts), "transport.MaxMessageSize"))
		s.shut()
		return err
	}
	m.Header, m.Body = clean(got.Header), got.Body
	if m.Body == nil {
		m.Body = []byte{}
	}
	return nil
}

// clean returns what may be in a header: the header itself, if nothing else is.
func clean(h map[string]string) map[string]string {
	for name, value := range h {
		if !validName(name) || httpmsg.CleanValue(value) != value {
			return cleaned(h)
		}
	}
	if h == nil {
		return map[string]string{}
	}
	return h
}

func cleaned(h map[string]string) map[string]string {
	rest := make(map[string]string, len(h))
	for name, value := range h {
		if validName(name) {
			rest[name] = httpmsg.CleanValue(value)
		}
	}
	return rest
}

func validName(name string) bool { return httpmsg.ValidName(strings.TrimPrefix(name, ":")) }

// encode returns a message as it travels.
func (s *socket) encode(m *transport.Message) ([]byte, error) {
	if m == nil {
		return nil, transport.ErrNilMessage
	}
	s.mu.Lock()
	closed, ended := s.closed, s.ended
	s.mu.Unlock()
	switch {
	case closed:
		return nil, io.EOF
	case ended != nil && errors.Is(ended, transport.ErrNotSent):
		return nil, ended
	case ended != nil:
		return nil, notSent{fmt.Errorf("send to %s: closed by the other end: %w", s.remote, ended)}
	case len(m.Body) > maxMessageSize(s.opts):
		return nil, tooLarge("body", len(m.Body), maxMessageSize(s.opts), "transport.MaxMessageSize")
	}
	size := 0
	for name, value := range m.Header {
		size += len(name) + len(value) + len(": \r\n")
	}
	if size > transport.MaxHeaderSize {
		return nil, tooLarge("headers", size, transport.MaxHeaderSize, "transport.MaxHeaderSize")
	}
	sent := &transport.Message{Header: clean(m.Header), Body: m.Body}
	data, err := messagejson.MarshalWith(s.opts.Codec, sent, (*messagejson.Message)(sent))
	if err != nil {
		return nil, notSent{fmt.Errorf("send to %s: encoding the message: %w", s.remote, err)}
	}
	return data, nil
}

func tooLarge(what string, size, limit int, setting string) error {
	return fmt.Errorf("%w: %s of %d bytes, the limit is %d (%s)", transport.ErrMessageTooLarge, what, size, limit, setting)
}

// publish sends. A message that waits for the connection to come back would arrive
// when nobody expects it any more.
func (s *socket) publish(m *nats.Msg) error {
	if !s.conn.IsConnected() {
		return notSent{fmt.Errorf("send to %s: no connection to NATS", s.remote)}
	}
	switch err := s.conn.PublishMsg(m); {
	case errors.Is(err, nats.ErrMaxPayload):
		return tooLarge("message, as it is encoded,", len(m.Data), int(s.conn.MaxPayload()), "max_payload of the NATS server")
	case err != nil:
		return notSent{fmt.Errorf("send to %s: %w", s.remote, err)}
	}
	s.mu.Lock()
	s.active = time.Now()
	s.mu.Unlock()
	return nil
}

// tell sends a message that is about the socket alone.
func (s *socket) tell(reply, what string) {
	_ = s.conn.PublishMsg(&nats.Msg{Subject: s.remote, Reply: reply, Header: nats.Header{socketHeader: {what}}})
}
