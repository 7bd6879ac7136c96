package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/probe"
)

// maxErrorText limits how much of a refusal's body goes into the error.
const maxErrorText = 4 << 10

// httpClient is the end of a connection that dialled.
type httpClient struct {
	httpConn
	host      string
	extra     string // header lines of every request
	stream    bool
	connClose bool
	pairs     pairing // used unless stream
	probe     *probe.Probe

	open     atomic.Int64 // requests without a response
	unusable atomic.Bool  // the connection cannot carry another exchange
}

func newHTTPClient(conn net.Conn, addr string, o *Options, dial *DialOptions) *httpClient {
	c := &httpClient{host: addr, stream: dial.Stream, connClose: dial.ConnClose, probe: probe.New(conn)}
	c.init(conn, nil, o)
	c.local, c.remote = conn.LocalAddr().String(), conn.RemoteAddr().String()
	c.pairs.ready = make(chan struct{}, 1)
	if dial.ConnClose {
		c.extra = httpmsg.ConnectionClose
	}
	return c
}

// Send writes m as a request.
func (c *httpClient) Send(m *Message) error {
	if err := c.check(m); err != nil {
		return err
	}
	return c.request(m, c.extra)
}

// request writes m as a request with extra header lines.
func (c *httpClient) request(m *Message, extra string) error {
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	*head = httpmsg.AppendRequest(*head, c.host, extra, m.Header, len(m.Body))
	if len(*head) > MaxHeaderSize {
		return headerTooLarge(len(*head))
	}
	c.open.Add(1)
	if !c.stream {
		c.pairs.add() // even if the write fails: Recv then says why
	}
	over := c.unusable.Load()
	err := c.write(head, m.Body)
	if err == nil {
		return nil
	}
	c.unusable.Store(true)
	if over { // for a reason that is another message's
		return err
	}
	return c.refusal(err)
}

// refusal returns what the peer has to say about a message that could not be
// written to its end: that the message is too large, for instance, which it
// tells before it closes the connection. If it has said nothing, or what it has
// said replies to an earlier message, that is err.
func (c *httpClient) refusal(err error) error {
	if errors.Is(err, ErrMessageTooLarge) || c.closed.Load() {
		return err
	}
	if !c.lockRecv(lingerTime) {
		return err
	}
	defer c.recvMu.Unlock()
	var refused *StatusError
	switch {
	case errors.As(c.recvError, &refused): // Recv met it
		return refused
	case c.recvError != nil, isTimeout(err) && c.probe.Quiet():
		return err
	}
	c.reader.SetDeadline(time.Now().Add(lingerTime))
	line, peekErr := c.reader.PeekFirstLine()
	if peekErr != nil || !refuses(line) {
		return err
	}
	if c.reader.ReadResponse(&c.head) != nil {
		return err
	}
	body, _ := c.reader.ReadPrefix(&c.head) // as much of it as there is
	refused = statusError(&c.head, body)
	c.recvError = refused
	return refused
}

// lockRecv is recvMu.Lock with a time limit: the one who reads may wait for what
// the caller holds.
func (c *httpClient) lockRecv(limit time.Duration) bool {
	const pause = 5 * time.Millisecond
	for range limit / pause {
		if c.recvMu.TryLock() {
			return true
		}
		select {
		case <-c.done:
			return false
		case <-time.After(pause):
		}
	}
	return false
}

// refuses reports whether a status line is that of a refusal.
func refuses(line []byte) bool {
	_, status, _ := bytes.Cut(line, []byte{' '})
	return len(status) >= 3 && status[0] >= '3' // only a 200 is a reply
}

// Recv reads the next response into m.
func (c *httpClient) Recv(m *Message) error {
	if m == nil {
		return ErrNilMessage
	}
	if !c.stream {
		if err := c.pairs.take(c.done, c.timeout); err != nil {
			return err
		}
	}
	c.recvMu.Lock()
	defer c.recvMu.Unlock()
	if c.closed.Load() {
		return io.EOF
	}
	if c.recvError != nil {
		return c.recvError
	}
	c.startRecv()
	body, err := c.response()
	if err != nil {
		c.unusable.Store(true)
		return c.failReading(err)
	}
	c.open.Add(-1)
	if c.head.Close {
		c.unusable.Store(true)
	}
	if c.head.Status != http.StatusOK {
		err := statusError(&c.head, body)
		if c.head.Close {
			c.recvError = err
		}
		return err
	}
	m.Header, m.Body = c.head.Header, body
	c.head.Header = nil
	return nil
}

func (c *httpClient) response() ([]byte, error) {
	if err := c.reader.ReadResponse(&c.head); err != nil {
		return nil, err
	}
	if c.head.Status == http.StatusSwitchingProtocols {
		return nil, &httpmsg.Error{Status: http.StatusBadRequest, Detail: "unasked switch of protocols"}
	}
	return c.reader.ReadBody(&c.head)
}

// Reusable reports whether the connection can carry another exchange.
func (c *httpClient) Reusable() bool {
	if c.closed.Load() || c.connClose || c.unusable.Load() || c.open.Load() != 0 {
		return false
	}
	if !c.recvMu.TryLock() {
		return false
	}
	defer c.recvMu.Unlock()
	return c.recvError == nil && c.reader.Idle() && c.probe.Quiet()
}

// pairing makes each Recv of a connection wait for a Send of its own.
type pairing struct {
	mu    sync.Mutex
	sent  int           // guarded by mu: Sends without a Recv
	ready chan struct{} // holds one token while sent may be above zero
}

func (p *pairing) add() {
	p.mu.Lock()
	p.sent++
	p.mu.Unlock()
	p.wake()
}

func (p *pairing) wake() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// take waits for a Send, until done or for the limit, if it is above zero.
func (p *pairing) take(done <-chan struct{}, limit time.Duration) error {
	var expired <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		expired = t.C
	}
	for {
		select {
		case <-p.ready:
		case <-done:
			return io.EOF
		case <-expired:
			return fmt.Errorf("receive without a send: %w", os.ErrDeadlineExceeded)
		}
		if p.claim() {
			return nil
		}
	}
}

// claim takes one Send and passes the token on when there are more.
func (p *pairing) claim() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == 0 {
		return false
	}
	p.sent--
	if p.sent > 0 {
		p.wake()
	}
	return true
}
