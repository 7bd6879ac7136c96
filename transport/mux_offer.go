package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// offerTo is the value of Upgrade in a request to host that offers to switch. It
// names the host because handlers of go-micro v4 pass all headers on: an offer that
// reaches another one is none. Exchange says that the first socket carries one
// exchange, which the request opens.
func offerTo(host string, exchange bool) string {
	offer := mux.Protocol + "; to=" + host
	if exchange {
		offer += "; exchange"
	}
	return offer
}

// upgradeTo begins the header lines that ask for a switch, or accept one.
const upgradeTo = "Connection: Upgrade\r\nUpgrade: "

// accepted is how the answer of a peer begins that switches.
const accepted = "HTTP/1.1 101 "

// offer is a client on a fresh connection. Its first request offers to
// multiplex the connection; until the answer is there it sends plain requests.
// Then it is the first socket of the multiplexed connection or stays plain.
type offer struct {
	plain *httpClient
	links *links
	key   linkKey
	opts  *Options
	dial  *DialOptions

	asking  sync.Once
	decided chan struct{} // closed when the answer is known
	socket  atomic.Pointer[muxClient]

	sending sync.Mutex // held while a plain request or the preface is written
	offered bool       // guarded by sending, as what follows
	opened  int        // what the exchange costs that was opened with the offer

	mu      sync.Mutex // guards what follows, never held across I/O
	closed  bool
	waiting bool // decide runs
}

func newOffer(plain *httpClient, links *links, key linkKey, o *Options, dial *DialOptions) *offer {
	return &offer{plain: plain, links: links, key: key, opts: o, dial: dial, decided: make(chan struct{})}
}

// Local returns the address of this end.
func (c *offer) Local() string { return c.plain.local }

// Remote returns the address of the other end.
func (c *offer) Remote() string { return c.plain.remote }

// Send sends m, the first time with the offer.
func (c *offer) Send(m *Message) error { return c.send(m, false) }

// send sends m, the first time with the offer. Exchange says that it opens one.
func (c *offer) send(m *Message, exchange bool) error {
	if s := c.socket.Load(); s != nil {
		return s.Send(m)
	}
	if err := c.plain.check(m); err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	if s := c.socket.Load(); s != nil {
		return s.Send(m)
	}
	if c.offered {
		return c.plain.Send(m)
	}
	if !c.mayOffer(m) {
		return c.plain.Send(m)
	}
	err := c.plain.request(m, upgradeTo+offerTo(c.plain.host, exchange)+"\r\n")
	c.offered = err == nil
	if c.offered && exchange {
		c.opened = mux.OpenCost + len(m.Body)
	}
	c.await()
	return err
}

// mayOffer reports whether the offer can go with m. It cannot go with one that
// asks to close the connection.
func (c *offer) mayOffer(m *Message) bool {
	for name, value := range m.Header {
		if strings.EqualFold(name, "Connection") && strings.EqualFold(value, "close") {
			return false
		}
	}
	return true
}

// await starts the goroutine that waits for the answer, once.
func (c *offer) await() {
	c.asking.Do(func() {
		c.mu.Lock()
		c.waiting = true
		c.mu.Unlock()
		go c.decide()
	})
}

// decide waits for the answer. It ends with the connection, and soon after
// Close.
func (c *offer) decide() {
	defer c.finish()
	c.plain.recvMu.Lock()
	defer c.plain.recvMu.Unlock()
	line, err := c.plain.reader.PeekFirstLine()
	if err != nil {
		return // Recv finds it again
	}
	if !bytes.HasPrefix(line, []byte(accepted)) {
		c.links.isPlain(c.key)
		return
	}
	var head httpmsg.Head
	if err = c.plain.reader.ReadResponse(&head); err == nil && head.Status == http.StatusSwitchingProtocols && head.Upgrade == mux.Protocol {
		err = c.change()
	}
	if c.socket.Load() == nil {
		c.plain.recvError = receiveError(c.plain.remote, fmt.Errorf("switch to %s: %w", mux.Protocol, switchError(err)))
	}
}

// switchError is err, or what is wrong when there is none.
func switchError(err error) error {
	if err == nil {
		return &httpmsg.Error{Status: http.StatusBadRequest, Detail: "unasked switch of protocols"}
	}
	return err
}

// change makes the connection a link and this client its first socket.
func (c *offer) change() error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if err := sendPreface(c.plain.conn, c.opts); err != nil {
		return err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return io.EOF
	}
	l := newLink(c.plain.conn, c.opts, c.opened)
	s := newMuxClient(l, l.conn.First(), c.dial)
	s.pairs, s.open = &c.plain.pairs, &c.plain.open
	c.socket.Store(s)
	c.mu.Unlock()
	c.links.adopt(c.key, l, bytes.Clone(c.plain.reader.Buffered()))
	return nil
}

// Recv receives the next message into m.
func (c *offer) Recv(m *Message) error {
	s, err := c.answer()
	switch {
	case m == nil:
		return ErrNilMessage
	case err != nil:
		return err
	case s != nil:
		return s.Recv(m)
	}
	return c.plain.Recv(m)
}

// SendFields sends a message with the given headers.
func (c *offer) SendFields(fields []wire.Field, body []byte) error {
	if s := c.socket.Load(); s != nil {
		return s.SendFields(fields, body)
	}
	return c.Send(&Message{Header: wire.FieldMap(fields), Body: body})
}

// Open sends the first message of an exchange.
func (c *offer) Open(r *wire.Request) error {
	fields := r.AppendAll(make([]wire.Field, 0, len(r.Fields)+2))
	return c.send(&Message{Header: wire.FieldMap(fields), Body: r.Body}, true)
}

// RecvHeader receives the next message.
func (c *offer) RecvHeader(h *wire.Header) (body []byte, err error) {
	s, err := c.answer()
	switch {
	case err != nil:
		return nil, err
	case s != nil:
		return s.RecvHeader(h)
	}
	var m Message
	err = c.plain.Recv(&m)
	*h = wire.MapHeader(m.Header)
	return m.Body, err
}

// answer waits until it is known what the connection is. The socket is nil on a
// plain one.
func (c *offer) answer() (*muxClient, error) {
	if s := c.socket.Load(); s != nil {
		return s, nil
	}
	c.await()
	var expired <-chan time.Time
	if limit := c.opts.Timeout; limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-c.decided:
		return c.socket.Load(), nil
	case <-c.plain.done:
		return nil, io.EOF
	case <-expired:
		return nil, fmt.Errorf("receive from %s: %w", c.plain.remote, os.ErrDeadlineExceeded)
	}
}

// Reusable reports whether another exchange can be carried.
func (c *offer) Reusable() bool {
	if s := c.socket.Load(); s != nil {
		return s.Reusable()
	}
	return c.plain.Reusable()
}

// finish ends the waiting for the answer. Nobody else closes a connection that
// was closed gently.
func (c *offer) finish() {
	c.mu.Lock()
	c.waiting = false
	closed := c.closed
	c.mu.Unlock()
	if closed && c.socket.Load() == nil {
		c.plain.conn.Close()
	}
	close(c.decided)
}

// Close ends the socket, and the connection unless it has become one for many.
func (c *offer) Close() error {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	s, waiting := c.socket.Load(), c.waiting
	c.mu.Unlock()
	switch {
	case s != nil:
		return s.Close()
	case was:
		return nil
	case waiting && c.plain.closeGently():
		return nil
	}
	return c.plain.Close()
}

// closeGently ends the sending side and lets the one who reads close the rest,
// which has to happen soon: an answer that arrives at a closed connection would
// destroy what was sent on it. It is false when the connection cannot do that.
func (c *httpClient) closeGently() bool {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || c.stuck.Load() || !c.sendMu.TryLock() {
		return false // a pending write has to be broken
	}
	defer c.sendMu.Unlock()
	if c.closed.Swap(true) { // before whoever reads can meet what follows
		return false
	}
	close(c.done)
	if half.CloseWrite() != nil {
		c.conn.Close()
		return true
	}
	c.conn.SetReadDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection ends the read
	return true
}
