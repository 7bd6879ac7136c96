package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/codec/grpc"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/relay"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

const (
	// maxCalls is how many requests one socket may have open at a time.
	maxCalls = 4096
	// maxHeld is how many bytes the requests that are open on one socket may
	// have in their bodies; others wait. One alone may have any number.
	maxHeld = 64 << 20
	// maxName limits what names a request or its content type. Replies repeat
	// it, some of it twice.
	maxName = 1 << 10
	// maxLate is how many finished streams a socket remembers.
	maxLate = 1024
	// patienceAlone is how long a stream that has its socket for itself may
	// keep it waiting with a full queue, and patienceShared how long one that
	// keeps other requests waiting. Then the stream is ended with an error.
	patienceAlone  = 30 * time.Second
	patienceShared = time.Second
	// sendGrace is how long a stream whose context has ended may still take to
	// send a message.
	sendGrace = time.Second
)

// conn serves the requests that arrive on one socket, whichever they are. The
// goroutine that reads serves calls itself, since most callers wait for their
// reply before they send anything else; when that takes long another one reads on.
type conn struct {
	calls
	run     *run
	socket  transport.Socket
	carrier wire.Carrier // socket without maps of headers; nil when it needs them
	parker  wire.Parker  // socket that can be left alone; nil when it cannot
	local   string
	remote  string

	sending sync.Mutex // messages are sent one after the other
	out     transport.Message

	serving sync.Mutex // held by serve

	relay  relay.Relay
	http2  *pieces // nil for sockets that carry messages; the reader's own
	shared bool    // a stream was open beside something else; the reader's own
	here   *call   // for the reader to serve; the reader's own
	parked bool    // the reader left the socket alone; the reader's own

	queued held // what waits for the handlers of streams

	room    *sync.Cond       // on mu: a call has ended
	held    int              // guarded by mu, as what follows: bytes in the bodies of the open calls
	streams map[string]*call // those to which further messages may belong
	late    lateStreams      // finished ones to which messages may still come
	unnamed *call            // the last request without an id, while it is open
	closing bool             // no new requests; close when the open ones are done
}

func newConn(r *run, s transport.Socket) *conn {
	c := &conn{run: r, socket: s, local: s.Local(), remote: s.Remote()}
	c.room = sync.NewCond(&c.mu)
	c.queued.all = r.held
	c.relay.Step = c.step
	c.carrier, _ = s.(wire.Carrier)
	c.parker, _ = s.(wire.Parker)
	if p, ok := s.(transport.Piecewise); ok {
		c.http2 = &pieces{ctx: p.Context()}
	}
	return c
}

// serve reads the socket until its end and waits for the requests, or leaves it
// alone while nothing is to be done.
func (c *conn) serve() {
	if c.http2 != nil {
		defer context.AfterFunc(c.http2.ctx, func() { c.lose(errConnectionLost) })()
	}
	c.serving.Lock() // resume may be called while the one who parked has not returned
	defer c.serving.Unlock()
	c.parked = false
	defer c.served() // also when a handler ends the goroutine
	c.relay.Run()
}

// served follows the end of reading.
func (c *conn) served() {
	if c.parked {
		return
	}
	c.all.Wait()
	if c.http2 != nil {
		c.dropPieces()
	}
	_ = c.socket.Close() // nobody is left who could be told
	c.run.disconnect(c)
}

// resume goes on with a socket that was left alone.
func (c *conn) resume() {
	c.run.serving.Go(c.serve)
}

// park leaves the socket alone if that is possible. While a stream is open there is
// one goroutine more that waits for its messages, not a new one for each.
func (c *conn) park() bool {
	if c.parker == nil || c.hasStreams() {
		return false
	}
	c.parked = true // before resume can be called
	if c.parker.Park(c.resume) {
		return true
	}
	c.parked = false
	return false
}

// step receives one message and serves it or passes it on.
func (c *conn) step() relay.Next {
	if c.park() {
		return relay.Over
	}
	var m incoming
	if err := c.receive(&m); err != nil {
		c.end(err)
		return relay.Over
	}
	if c.http2 != nil {
		c.piece(&m)
	} else {
		c.dispatch(&m)
	}
	if k := c.here; k != nil {
		c.here = nil
		if !c.relay.Serve(k.serve) {
			return relay.Lost
		}
	}
	return relay.More
}

// receive receives one message.
func (c *conn) receive(m *incoming) (err error) {
	if c.carrier != nil {
		m.body, err = c.carrier.RecvHeader(&m.header)
		return err
	}
	var whole transport.Message
	err = c.socket.Recv(&whole)
	*m = incoming{wire.MapHeader(whole.Header), whole.Body}
	return err
}

// hand gives a request to the goroutine that serves it. Streams do not hold up
// the one that reads, and neither does a request whose socket can be left alone.
func (c *conn) hand(k *call) {
	if c.http2 == nil && c.parker == nil && !k.mayStream {
		c.here = k
		return
	}
	c.run.workers.do(k)
}

// end is called when nothing more can be received.
func (c *conn) end(err error) {
	// An HTTP/2 request ends with io.EOF while its reply is still awaited.
	if c.http2 != nil && errors.Is(err, io.EOF) && !c.run.isClosed() {
		c.lastPiece()
		for _, k := range c.openCalls() {
			if k.source != nil {
				k.source.close(io.EOF)
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

// dispatch passes a message on to whom it concerns.
func (c *conn) dispatch(m *incoming) {
	head := m.header.Head()
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

func (c *conn) hasStreams() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams) > 0
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
	k.source.abort(err)
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
	format, err := st.complete(head, &m.header)
	if err != nil {
		c.refuse(head, err, "text/plain", []byte(err.Error()))
		return
	}
	k := newCall(c, c.run, st, head, format, *m)
	k.http2 = http2
	k.mayStream = mayStream(head, http2)
	if k.mayStream {
		k.key = streamKey(head, http2)
	}
	if k.key != "" {
		k.inbox = newInbox(&c.queued)
		k.source = k.inbox
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
// no more. It waits for the room that others hold.
func (c *conn) begin(k *call, closes bool) error {
	if !c.run.begin() {
		return errStopped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.open > 0 && c.held+k.size > maxHeld && !c.gone {
		c.room.Wait()
	}
	if err := c.admit(); err != nil {
		c.run.done()
		return err
	}
	if !c.run.held.Take(k.size) {
		c.run.done()
		return overfull(c.run.held)
	}
	c.shared = c.shared || c.open > 0
	c.closing = closes
	c.held += k.size
	c.add(k)
	if k.id == "" && k.streamID == "" && c.http2 == nil && c.speaksHTTP() {
		c.order(k)
	}
	if k.key != "" {
		if c.streams == nil {
			c.streams = map[string]*call{}
		}
		c.streams[k.key] = k
	}
	return nil
}

// order makes the reply to a request without an id wait for the one before it:
// they can only be told apart by their order (RFC 9112, section 9.3.2). The lock is
// held.
func (c *conn) order(k *call) {
	if before := c.unnamed; before != nil {
		before.done = make(chan struct{})
		k.after = before.done
	}
	c.unnamed = k
}

// admit returns why no call can be begun. The lock is held.
func (c *conn) admit() error {
	switch {
	case c.gone:
		return errConnectionLost
	case c.closing:
		return microerrors.New(errorID, "the connection is being closed", 503)
	case c.open >= maxCalls:
		return microerrors.New(errorID, fmt.Sprintf("more than %d open requests on one connection", maxCalls), 503)
	}
	return nil
}

// ended removes a call from the open ones.
func (c *conn) ended(k *call) {
	c.mu.Lock()
	c.remove(k)
	c.held -= k.size
	c.run.held.Give(k.size)
	c.room.Broadcast()
	if c.unnamed == k {
		c.unnamed = nil
	}
	if k.done != nil {
		close(k.done)
	}
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
	c.all.Done()
	c.run.done()
}

// lose cancels the open requests: nobody can be told how they end.
func (c *conn) lose(cause error) {
	c.calls.lose(cause)
	c.room.Broadcast()
}

func (c *conn) isLost() bool {
	return c.calls.isLost() || c.http2 != nil && c.http2.ctx.Err() != nil
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

func (c *conn) addresses() (local, remote string) { return c.local, c.remote }
func (c *conn) needsMap() bool                    { return c.carrier == nil }
func (c *conn) close()                            { _ = c.socket.Close() }

// speaksHTTP reports whether each message is one of HTTP.
func (c *conn) speaksHTTP() bool {
	return c.carrier == nil && c.run.server.settings.Load().options.Transport.String() == "http"
}

// sendMap sends a message of a call.
func (c *conn) sendMap(k *call, h map[string]string, body []byte) error {
	if k.after != nil {
		<-k.after
	}
	c.beginSend(k)
	defer k.endSend()
	return c.send(h, body)
}

// beginSend bounds the sending of a stream whose context ends while its client
// does not receive; endSend has to follow. The caller holds writing.
func (c *conn) beginSend(k *call) {
	if !k.mayStream {
		return
	}
	k.sends.Add(1)
	switch {
	case !k.watched:
		k.watched = true
		k.ctx.AfterFunc(func() { c.closeStuck(k) })
	case k.ctx.Err() != nil:
		c.closeStuck(k)
	}
}

// endSend ends what beginSend began.
func (k *call) endSend() {
	if k.mayStream {
		k.sends.Add(1)
	}
}

// closeStuck closes the socket, on which a message was sent in part, unless k has
// sent what it is sending now within sendGrace.
func (c *conn) closeStuck(k *call) {
	n := k.sends.Load()
	if n%2 == 0 {
		return
	}
	time.AfterFunc(sendGrace, func() {
		if k.sends.Load() == n {
			c.close()
		}
	})
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

// sendFields is sendMap for a socket that needs no map.
func (c *conn) sendFields(k *call, fields []wire.Field, body []byte) error {
	c.beginSend(k)
	defer k.endSend()
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.carrier.SendFields(fields, body)
}
