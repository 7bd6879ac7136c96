package transport

import (
	"io"
	"iter"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// lingering bounds how long, and how much, an ending connection is read after
// a refusal so that the refusal reaches the peer.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// Send writes m as a response.
func (s *httpSocket) Send(m *Message) error {
	if err := s.check(m); err != nil {
		return err
	}
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	noBody, last := s.replies.next()
	extra := ""
	if last || s.draining.Load() {
		extra = httpmsg.ConnectionClose
		s.parting.Store(true)
	}
	*head = httpmsg.AppendResponse(*head, extra, m.Header, len(m.Body))
	if len(*head) > MaxHeaderSize {
		return headerTooLarge(len(*head))
	}
	s.replies.sent.Add(1)
	if noBody {
		return s.write(head, nil)
	}
	return s.write(head, m.Body)
}

// replies says what the responses of a connection answer, which are in the order
// of the requests. Only a HEAD, and the last request, make a difference.
type replies struct {
	sent    atomic.Int64
	unalike atomic.Bool // there was a HEAD, or the last request

	mu       sync.Mutex
	received int64   // guarded by mu, as what follows: requests
	heads    []int64 // the numbers of the replies to HEADs
	last     int64   // the number of the last reply, if it is known
}

// expect notes a request, after which the connection may end.
func (r *replies) expect(method string, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = max(r.received, r.sent.Load()) + 1 // a stream may have more replies than requests
	if method == http.MethodHead {
		r.heads = append(r.heads, r.received)
		r.unalike.Store(true)
	}
	if last && r.last == 0 {
		r.last = r.received
		r.unalike.Store(true)
	}
}

// next tells what is special about the next reply.
func (r *replies) next() (noBody, last bool) {
	if !r.unalike.Load() {
		return false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.sent.Load() + 1
	for len(r.heads) > 0 && r.heads[0] < n {
		r.heads = r.heads[1:]
	}
	return len(r.heads) > 0 && r.heads[0] == n, r.last > 0 && r.last <= n
}

// owed reports whether a reply is still to come.
func (r *replies) owed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent.Load() < r.received
}

// addressed reports whether the names of headers say for whom a message is, or
// that it comes from a client of the framework.
func addressed(names iter.Seq[string]) bool {
	for name := range names {
		if strings.HasPrefix(name, headers.Prefix) || strings.HasPrefix(name, "X-"+headers.Prefix) {
			return true
		}
	}
	return false
}

// unknown reports whether a request asks for a page that does not exist rather
// than being a message.
func unknown(method, path string, names iter.Seq[string]) bool {
	return (method == http.MethodGet || method == http.MethodHead) && path != "/" && !addressed(names)
}

// isUnknown reports whether the request is to be answered with a 404. One that
// is pipelined behind a message is taken for a message as well: the replies have
// an order.
func (s *httpSocket) isUnknown(h *httpmsg.Head) bool {
	return unknown(h.Method, targetPath(h.Target), maps.Keys(h.Header)) && !s.replies.owed()
}

// targetPath returns the path in the target of a request.
func targetPath(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if _, rest, absolute := strings.Cut(target, "://"); absolute {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + path
	}
	return target
}

// notFound answers a request with a 404.
func (s *httpSocket) notFound(h *httpmsg.Head) error {
	const text = "404 page not found\n"
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	extra := ""
	if h.Close || s.draining.Load() {
		extra = httpmsg.ConnectionClose
	}
	*head = httpmsg.AppendResponse(*head, extra, map[string]string{
		headers.Status: "404", headers.ContentType: "text/plain; charset=utf-8",
	}, len(text))
	body := []byte(text)
	if h.Method == http.MethodHead {
		body = nil
	}
	if err := s.write(head, body); err != nil {
		return err
	}
	if h.Close {
		return io.EOF
	}
	return nil
}

// expect notes that m came with a request of this method. A sender that knows
// nothing of messages may want an extra handler next, which is served only when
// a connection begins: m is the last message of this one.
func (s *httpSocket) expect(method string, m *Message) {
	last := s.handlers && !addressed(maps.Keys(m.Header))
	if last {
		m.Header["Connection"] = "close"
	}
	s.replies.expect(method, last)
}

// reply writes an error response and ends the connection in a way that lets
// the peer read it.
func (s *httpSocket) reply(status int, text string) {
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	*head = httpmsg.AppendError(*head, status, text)
	s.conn.SetWriteDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection fails the write
	if s.write(head, nil) == nil {
		s.linger()
	}
	s.Close()
}

// linger ends the sending side and reads what the peer still sends: closing
// with unread data would reset the connection and destroy the reply.
func (s *httpSocket) linger() {
	if half, ok := s.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	s.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends the copy
	io.CopyN(io.Discard, s.conn, lingerBytes)          //nolint:errcheck // nothing is done with what is read
}
