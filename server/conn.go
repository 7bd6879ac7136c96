package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/codec/grpc"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

const (
	// maxCalls is how many requests one connection may have open at a time.
	maxCalls = 4096
	// maxHeld is how many bytes the requests that are open on one connection may
	// have in their bodies. One alone may have any number.
	maxHeld = 64 << 20
	// maxName limits what names a request or its content type. Replies repeat
	// it, some of it twice.
	maxName = 1 << 10
	// maxLate is how many finished streams a connection remembers.
	maxLate = 1024
	// patienceAlone is how long a stream that has its connection for itself may
	// keep it waiting with a full queue, and patienceShared how long one that
	// keeps other requests waiting. Then the stream is ended with an error.
	patienceAlone  = 30 * time.Second
	patienceShared = time.Second
)

// conn serves the requests that arrive on one socket. One goroutine at a time
// reads; each open request has one to itself.
type conn struct {
	run    *run
	socket transport.Socket
	fields mux.FieldSocket // socket without maps of headers; nil when it needs them
	local  string
	remote string

	sending sync.Mutex // messages are sent one after the other
	out     transport.Message
	in      incoming // what was received last; the reader's own
	http2   *pieces  // nil for sockets that carry messages; the reader's own
	shared  bool     // a stream was open beside something else; the reader's own
	unread  bool     // in was received but not passed on; the reader's own

	// The goroutine that reads serves requests itself when the socket tells it
	// about further messages; without a watcher each has a goroutine.
	watcher transport.Watcher
	onMore  func() // takeOver, made once
	// attender is told of streams, during which something may come at any time.
	attender interface{ Attend() }
	here     *call // for the reader to serve; the reader's own

	calls  sync.WaitGroup
	queued atomic.Int64 // bytes that wait for the handlers of streams

	mu      sync.Mutex // guards what follows
	first   *call      // the open calls
	open    int
	held    int              // bytes in the bodies of the open calls
	streams map[string]*call // those to which further messages may belong
	late    lateStreams      // finished ones to which messages may still come
	closing bool             // no new requests; close when the open ones are done
	lost    bool
	others  int        // goroutines that took over the reading
	waiter  *inbox     // of the only open call, whose handler waits for a message
	over    bool       // they have read to the end
	rested  *sync.Cond // on mu: others has changed
}

func newConn(r *run, s transport.Socket) *conn {
	c := &conn{run: r, socket: s, local: s.Local(), remote: s.Remote()}
	c.fields, _ = s.(mux.FieldSocket)
	c.attender, _ = s.(interface{ Attend() })
	if p, ok := s.(transport.Piecewise); ok {
		c.http2 = &pieces{ctx: p.Context()}
	} else if c.watcher, _ = s.(transport.Watcher); c.watcher != nil {
		c.rested, c.onMore = sync.NewCond(&c.mu), c.takeOver
	}
	return c
}

// serve reads the socket until its end and waits for the requests.
func (c *conn) serve() {
	if c.http2 != nil {
		defer context.AfterFunc(c.http2.ctx, func() { c.lose(errConnectionLost) })()
	}
	for c.next() {
		if k := c.here; k != nil {
			c.here = nil
			if !c.serveHere(k) {
				break
			}
		}
	}
	c.calls.Wait()
	_ = c.socket.Close() // nobody is left who could be told
}

// next receives one message and passes it on. It is false at the end.
func (c *conn) next() bool {
	if !c.unread && !c.received() {
		return false
	}
	c.unread = false
	if c.http2 != nil {
		c.piece(&c.in)
	} else {
		c.dispatch(&c.in)
	}
	c.in = incoming{}
	return true
}

// received receives one message into c.in. It is false at the end.
func (c *conn) received() bool {
	err := c.receive()
	if err != nil {
		c.end(err)
	}
	return err == nil
}

// receive receives one message into c.in.
func (c *conn) receive() (err error) {
	if c.fields != nil {
		c.in.body, err = c.fields.RecvHeaders(&c.in.headers)
		return err
	}
	var m transport.Message
	err = c.socket.Recv(&m)
	c.in = incoming{mux.HeadersOf(m.Header), m.Body}
	return err
}

// hand gives a request to the goroutine that serves it.
func (c *conn) hand(k *call) {
	if c.watcher != nil {
		c.here = k
		return
	}
	c.run.workers.do(k)
}

// serveHere serves a request in the goroutine that reads: most callers wait for
// their reply before they send anything else. What arrives meanwhile is read by
// others. It is false when they have come to the end.
func (c *conn) serveHere(k *call) bool {
	if !c.watcher.Watch(c.onMore) {
		if k.inbox == nil {
			c.run.workers.do(k)
			return true
		}
		c.takeOver() // what follows belongs to the stream, most likely
	}
	if k.inbox != nil && c.attender != nil {
		c.attender.Attend()
	}
	k.serve()
	return c.takeBack()
}

// takeOver makes somebody read what has arrived: the handler that waits for it,
// or else another goroutine. The socket calls it too.
func (c *conn) takeOver() {
	c.mu.Lock()
	c.others++
	q := c.waiter
	c.waiter = nil
	if q != nil {
		q.turn = true
	}
	c.mu.Unlock()
	if q != nil {
		signalOnce(q.arrived)
		return
	}
	go c.readOn()
}

// await makes the one who waits for a message in q read it from the socket when
// it arrives, which spares a goroutine and being woken by it.
func (c *conn) await(q *inbox) {
	if c.watcher == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 1 { // no other call waits for what q's handler would have to read first
		c.waiter = q
	}
}

// awake ends await. It reports whether the caller has to read now.
func (c *conn) awake(q *inbox) (turn bool) {
	if c.watcher == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiter == q {
		c.waiter = nil
	}
	turn, q.turn = q.turn, false
	return turn
}

// readOne reads one message in the goroutine of a handler that had nothing to
// do. What else has arrived is read by another one meanwhile.
func (c *conn) readOne() {
	if !c.watcher.Pending() {
		go c.readOn() // only a part is there
		return
	}
	if !c.received() {
		c.readTo(true)
		return
	}
	head := wire.ParseHeaders(&c.in.headers)
	if head.Topic != "" {
		c.unread = true
		go c.readOn() // a subscriber must not hold up the handler, or end its goroutine
		return
	}
	c.route(&head, &c.in)
	c.in = incoming{}
	c.serveElsewhere()
	if !c.watcher.Watch(c.onMore) {
		go c.readOn()
		return
	}
	c.readTo(false)
}

// serveElsewhere has a worker serve the request that was read, if it was one.
func (c *conn) serveElsewhere() {
	if k := c.here; k != nil {
		c.here = nil
		c.run.workers.do(k)
	}
}

// readTo ends the reading by one who took it over.
func (c *conn) readTo(over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.others--
	c.over = c.over || over
	c.rested.Broadcast()
}

// readOn reads as long as there is something, so that a stream on which nothing
// happens has one goroutine alone.
func (c *conn) readOn() {
	over := true // also when a subscriber ends the goroutine
	defer func() { c.readTo(over) }()
	for c.next() {
		c.serveElsewhere()
		if c.watcher.Watch(c.onMore) {
			over = false
			return
		}
	}
}

// takeBack ends the reading by others. It is false when they have come to the
// end.
func (c *conn) takeBack() bool {
	for !c.watcher.Unwatch() {
		c.mu.Lock()
		for c.others > 0 {
			c.rested.Wait()
		}
		over := c.over
		c.mu.Unlock()
		if over {
			return false
		}
	}
	return true
}

// end is called when nothing more can be received.
func (c *conn) end(err error) {
	// An HTTP/2 request ends with io.EOF while its reply is still awaited.
	if c.http2 != nil && errors.Is(err, io.EOF) && !c.run.isClosed() {
		c.lastPiece()
		for _, k := range c.openCalls() {
			if k.inbox != nil {
				k.inbox.close(io.EOF)
			}
		}
		return
	}
	cause := errConnectionLost
	if c.run.isClosed() {
		cause = errStopped
	}
	c.lose(cause)
}

// lose cancels the open requests: nobody can be told how they end.
func (c *conn) lose(cause error) {
	c.mu.Lock()
	c.lost = true
	c.mu.Unlock()
	for _, k := range c.openCalls() {
		k.fail(cause)
	}
}

func (c *conn) openCalls() (open []*call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := c.first; k != nil; k = k.next {
		open = append(open, k)
	}
	return open
}

func (c *conn) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost || c.http2 != nil && c.http2.ctx.Err() != nil
}

// dispatch passes a message on to whom it concerns.
func (c *conn) dispatch(m *incoming) {
	head := wire.ParseHeaders(&m.headers)
	if head.Topic != "" {
		c.event(&head, m)
		return
	}
	c.route(&head, m)
}

// route passes a message on to its request.
func (c *conn) route(head *wire.Head, m *incoming) {
	http2 := c.http2 != nil
	if k := c.stream(head, http2); k != nil && c.deliver(k, head, m) {
		return
	}
	if c.belated(head) {
		return
	}
	c.start(head, m, http2)
}

// stream returns the open call that a message belongs to, if it is not a new
// request.
func (c *conn) stream(head *wire.Head, http2 bool) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) == 0 {
		return nil
	}
	return c.streams[streamKey(head, http2)]
}

// streamKey identifies the stream of a message on its connection. It is empty
// for HTTP/1 messages without an id, each of which is a request. All pieces of
// an HTTP/2 request without an id are one.
func streamKey(head *wire.Head, http2 bool) string {
	switch {
	case head.Stream != "":
		return head.Stream
	case head.ID != "":
		return head.ID
	case http2:
		return ":path"
	}
	return ""
}

// belated reports whether a message belongs to a stream whose handler has
// returned: what its client sent before it knew, or its end of the stream. With
// that the id is free to name another stream.
func (c *conn) belated(head *wire.Head) bool {
	if head.Stream == "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if head.Error == wire.EOS {
		c.late.remove(head.Stream)
		return true
	}
	return c.late.has(head.Stream)
}

// deliver queues a message for a stream; it is false for one that is a new
// request. A stream whose handler does not keep up is ended when that is the
// only way to let other requests through.
func (c *conn) deliver(k *call, head *wire.Head, m *incoming) bool {
	patience := patienceAlone
	if c.shared {
		patience = patienceShared
	}
	switch k.inbox.putWithin(patience, inbound{incoming: *m, err: head.Error}) {
	case foreign:
		return k.http2 // pieces of a request are never new ones
	case full:
		k.overflow()
	}
	return true
}

// overflowError ends a stream that its client fills faster than its handler
// empties it.
type overflowError struct{ error }

func (k *call) overflow() {
	err := overflowError{microerrors.New(errorID, fmt.Sprintf("stream %s: messages arrive faster than the handler receives them", k.key), 429)}
	k.inbox.abort(err)
	k.ctx.cancel(context.Canceled, err)
}

// start starts the request that a message is.
func (c *conn) start(head *wire.Head, m *incoming, http2 bool) {
	web := c.isWeb(head) // as long as head has its id
	if err := overlong(head); err != nil {
		c.refuseAs(web, head, err, "text/plain", nil)
		return
	}
	closes := head.Closes()
	st := c.run.server.settings.Load()
	if head.ContentType == "" {
		head.ContentType = st.contentType
		h := m.headers.Map()
		h[headers.ContentType] = head.ContentType
		m.headers = mux.HeadersOf(h)
	}
	legacy := head.Resolve()
	format, err := st.format(head.ContentType, legacy)
	if err != nil {
		c.refuse(head, err, "text/plain", []byte(err.Error()))
		return
	}
	k := newCall(c, st, head, format, m)
	k.http2 = http2
	if st.mayStream(head, http2) {
		k.key = streamKey(head, http2)
	}
	if k.key != "" {
		k.inbox = newInbox(&c.queued)
	}
	if strings.HasPrefix(format.ContentType, "application/grpc") && http2 {
		closes = true
	}
	if err := c.begin(k, closes); err != nil {
		c.refuse(head, err, head.ContentType, nil)
		return
	}
	c.hand(k)
}

// begin adds a call to the open ones, unless the connection or the server take
// no more.
func (c *conn) begin(k *call, closes bool) error {
	if !c.run.begin() {
		return errStopped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(k.size); err != nil {
		c.run.done()
		return err
	}
	c.shared = c.shared || c.open > 0
	c.closing = closes
	if c.open++; c.open > 1 {
		c.waiter = nil // see await
	}
	c.held += k.size
	c.calls.Add(1)
	if k.next = c.first; k.next != nil {
		k.next.prev = k
	}
	c.first = k
	if k.key != "" {
		if c.streams == nil {
			c.streams = map[string]*call{}
		}
		c.streams[k.key] = k
	}
	return nil
}

// admit returns why no call with a body of size bytes can be begun. The lock is
// held.
func (c *conn) admit(size int) error {
	switch {
	case c.lost:
		return errConnectionLost
	case c.closing:
		return microerrors.New(errorID, "the connection is being closed", 503)
	case c.open >= maxCalls:
		return microerrors.New(errorID, fmt.Sprintf("more than %d open requests on one connection", maxCalls), 503)
	case c.open > 0 && c.held+size > maxHeld:
		return microerrors.New(errorID, fmt.Sprintf("more than %d bytes in open requests on one connection", maxHeld), 503)
	}
	return nil
}

// ended removes a call from the open ones.
func (c *conn) ended(k *call) {
	c.mu.Lock()
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		c.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	c.open--
	c.held -= k.size
	if k.key != "" && c.streams[k.key] == k {
		delete(c.streams, k.key)
		if k.request.isStream() && !k.inbox.clientEnded() {
			c.late.add(strings.Clone(k.key)) // a part of all headers of its message
		}
	}
	last := c.closing && c.open == 0
	c.mu.Unlock()
	if last {
		_ = c.socket.Close() // the reply is sent; there is nobody to tell
	}
	c.calls.Done()
	c.run.done()
}

// overlong refuses what names a request when it would not fit into a reply, and
// drops it from head so that the refusal does.
func overlong(head *wire.Head) (err error) {
	names := [...]string{headers.ID, headers.Stream, headers.ContentType, headers.Request, headers.Method, headers.Endpoint}
	for i, value := range [len(names)]*string{&head.ID, &head.Stream, &head.ContentType, &head.Service, &head.Method, &head.Endpoint} {
		if n := len(*value); n > maxName {
			err = microerrors.BadRequest(errorID, "%s of %d bytes, the limit is %d", names[i], n, maxName)
			*value = ""
		}
	}
	return err
}

// refuse answers a message that cannot become a request.
func (c *conn) refuse(head *wire.Head, err error, contentType string, body []byte) {
	c.refuseAs(c.isWeb(head), head, err, contentType, body)
}

// refuseAs is refuse for a client that is known to be one of the web, or not.
func (c *conn) refuseAs(web bool, head *wire.Head, err error, contentType string, body []byte) {
	h := borrowHeader()
	defer returnHeader(h)
	h[headers.ContentType] = contentType
	setBoth(h, headers.ID, "X-"+headers.ID, head.ID)
	setBoth(h, headers.Error, "X-"+headers.Error, err.Error())
	if c.http2 != nil && strings.HasPrefix(head.ContentType, "application/grpc") {
		h[headers.ContentType] = "application/grpc"
		grpc.SetStatus(h, err.Error())
		body = nil
	}
	if head.Stream != "" {
		h[headers.Stream] = head.Stream
	}
	if web && !strings.HasPrefix(head.ContentType, "application/grpc") {
		code := int32(http.StatusBadRequest)
		if body != nil { // no codec reads it
			code = http.StatusUnsupportedMediaType
		}
		body = fillWeb(h, withCode(microerrors.Parse(err.Error()), code))
	}
	if err := c.send(h, body); err != nil && !c.isLost() {
		logger.LoggerOrDefault(c.run.logger()).Logf(logger.ErrorLevel, "server: refuse a request of %s: %v", c.remote, err)
	}
}

// send sends one message. Header and body are the caller's again afterwards.
func (c *conn) send(h map[string]string, body []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.out = transport.Message{Header: h, Body: body}
	err := c.socket.Send(&c.out)
	c.out = transport.Message{}
	return err
}

// sendFields is send for a socket that needs no map.
func (c *conn) sendFields(fields []mux.Field, body []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.fields.SendFields(fields, body)
}
