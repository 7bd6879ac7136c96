package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/relay"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
)

const (
	// patienceAlone is how long a stream that has its socket for itself may
	// keep it waiting with a full queue, and patienceShared how long one that
	// keeps other requests waiting. Then the stream is ended with an error. One
	// whose own queue has room may always keep it waiting for patienceAlone.
	patienceAlone  = 30 * time.Second
	patienceShared = time.Second
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

	room    *sync.Cond       // on mu: a call has ended, or a message was sent
	held    int              // guarded by mu, as what follows: bytes of the open calls and of what they send
	streams map[string]*call // those to which further messages may belong
	late    lateStreams      // finished ones to which messages may still come
	closing bool             // no new requests; close when the open ones are done

	last      *place // of those that are answered in their order, while it is open
	pipelined int    // how many of them are open
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
		if head.Error == wire.EOS {
			c.clientEnded(k)
		}
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

// clientEnded frees the id of a stream whose call has ended before the client's end
// was put into its inbox: nothing follows that would be late.
func (c *conn) clientEnded(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[k.key] != k {
		c.late.remove(k.key)
	}
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
		k.overflow("messages arrive faster than the handler receives them")
	case starved:
		k.overflow("the messages of other streams leave no room for its own")
	}
	return true
}

// overflowError ends a stream that its client fills faster than its handler
// empties it.
type overflowError struct{ error }

func (k *call) overflow(why string) {
	err := overflowError{microerrors.New(errorID, fmt.Sprintf("stream %s: %s", k.key, why), 429)}
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
	k.size += m.header.Size()
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
		k.coder.Release()
		c.refuse(head, err, head.ContentType, nil)
		return
	}
	c.hand(k)
}

func (c *conn) addresses() (local, remote string) { return c.local, c.remote }
func (c *conn) needsMap() bool                    { return c.carrier == nil }
func (c *conn) close()                            { _ = c.socket.Close() }
