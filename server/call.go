package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// maxErrorText is how much of an error's text is sent when all of it does not
// fit into a header.
const maxErrorText = 8 << 10

// call is one request on a connection, from its first message to its reply or,
// for a stream, to the end of its handler. It is one allocation that holds all
// that handlers see of a request.
type call struct {
	conn     connection
	run      *run
	settings *settings
	ctx      requestContext
	request  request
	response response
	writer   replyWriter

	size     int    // of the message that opened it, over a socket with its headers
	key      string // of conn.streams, empty when other messages cannot follow
	id       string // Micro-ID, or the id in the envelope
	streamID string // Micro-Stream
	http2    bool   // pseudo headers may be sent
	source   source // of the further messages of a stream; nil if there are none

	// Of a call on a socket that carries others too.
	inbox     *inbox // source, of a stream
	mayStream bool
	watched   bool          // closeStuck is called when ctx ends; guarded by writing
	sends     atomic.Uint64 // sendings of a stream, begun and ended; odd during one
	place     place

	// Of a call that is an exchange.
	exchange  wire.Exchange // nil for all others
	single    bool          // there is one request and one reply
	postponed bool          // the backlog had it
	pace      *pace         // of the endpoint; nil if that is not known
	own       ownSource     // source, of a stream
	unwatch   func() bool   // ends the watch on ctx, of a stream

	activity activity

	metadata sync.Once         // makes header
	header   map[string]string // of the message that opened it, and where that came from

	reading sync.Mutex // guards the decoding side of coder and request
	writing sync.Mutex // guards its encoding side and response
	coder   *wire.Coder
	over    bool // set under both locks
	replied bool // a message was sent; guarded by writing

	prev, next *call // among the calls of conn, guarded by conn.mu
}

// newCall makes the call of a message.
func newCall(c connection, r *run, st *settings, head *wire.Head, format *wire.Format, m incoming) *call {
	k := &call{conn: c, run: r, settings: st, id: head.ID, streamID: head.Stream, size: len(m.body)}
	k.writer.call, k.response.call = k, k
	k.coder = format.Coder()
	k.request = request{
		call:        k,
		service:     head.Service,
		method:      head.Method,
		endpoint:    head.Endpoint,
		contentType: head.ContentType,
		stream:      head.Stream != "",
		first:       m,
	}
	k.own.call = k
	if id, ok := m.header.Exchange(); ok && k.id == "" && (head.Stream != "" || !k.coder.Headerless()) {
		k.id = wire.FormatID(id)
	}
	k.ctx.Context, k.ctx.source = context.Background(), k
	k.ctx.server = r.server
	if st.router != nil {
		k.Metadata() // a router that is not known may read headers and metadata at a time
	}
	if left, ok := m.header.TimeLeft(head); ok {
		k.ctx.deadline = time.Now().Add(left)
	}
	return k
}

// Metadata returns the headers of the request, and where it came from. The map
// is made when somebody asks for it: most handlers read no metadata.
func (k *call) Metadata() map[string]string {
	k.metadata.Do(func() {
		k.header = k.request.first.header.Map()
		k.header[headers.Local], k.header[headers.Remote] = k.conn.addresses()
	})
	return k.header
}

// serve runs the request to its end, even if its handler ends the goroutine.
func (k *call) serve() {
	if k.conn.postpones(k) {
		return // the backlog has it served later
	}
	err := errGoexit
	defer func() {
		k.reply(err)
		k.finish()
		k.conn.ended(k)
	}()
	if cause := causeOf(&k.ctx); cause != nil && k.postponed {
		err = cause
		return
	}
	err = k.handle()
}

func (k *call) handle() (err error) {
	defer recoverInto(&err)
	return readable(k.settings.serve(&k.ctx, &k.request, &k.response))
}

// reply tells the client how the request ended, where that needs a message of
// its own.
func (k *call) reply(err error) {
	if cause := causeOf(&k.ctx); imposed(cause) && (err != nil || k.isStream()) {
		err = cause // whatever the handler made of it
	}
	if err == nil {
		if k.streamID == "" || k.settings.router == nil {
			return
		}
		err = errEndOfStream // which the server's own router returns by itself
	}
	if !k.request.isStream() && k.answered() {
		// The caller has its reply, or the reason why there is none.
		logger.LoggerOrDefault(k.settings.logger).Logf(logger.ErrorLevel, "server: %s of %s: %v", k.request.endpoint, k.remote(), err)
		return
	}
	logPanic(k.settings.logger, k.request.endpoint, err)
	if k.http2 && k.isGRPC() {
		err = grpcError(err)
	}
	if !k.claimEnd() {
		k.activity.answering.Wait() // for the server, which has ended the call
		return
	}
	if k.inbox != nil {
		k.inbox.close(errRequestOver) // before the client knows, and uses the id again
	}
	sendErr := k.sendError(err)
	if errors.Is(sendErr, transport.ErrMessageTooLarge) {
		sendErr = k.sendError(shortened(err))
	}
	if sendErr != nil && !k.conn.isLost() {
		level := logger.ErrorLevel
		if k.callerGone() {
			level = logger.DebugLevel // as after each timeout of a caller
		}
		logger.LoggerOrDefault(k.settings.logger).Logf(level, "server: reply to %s of %s: %v", k.request.endpoint, k.remote(), sendErr)
	}
}

// remote is the address of the caller.
func (k *call) remote() string {
	_, remote := k.conn.addresses()
	return remote
}

// callerGone reports whether the caller does not wait for the reply any more, as
// far as is known: its time is over, or it has said so.
func (k *call) callerGone() bool {
	return errors.Is(context.Cause(&k.ctx), errConnectionLost) || k.ctx.Err() == context.DeadlineExceeded
}

func (k *call) answered() bool {
	k.writing.Lock()
	defer k.writing.Unlock()
	return k.replied
}

// sendError sends a reply that has nothing but an error.
func (k *call) sendError(err error) error {
	if k.isWeb() {
		return k.sendWebError(err)
	}
	return k.writer.Write(errorMessage(k.id, err), nil)
}

// shortened is the error that is sent when the text of err is too long.
func shortened(err error) error {
	e := microerrors.Parse(errorText(err))
	detail := e.Detail
	if len(detail) > maxErrorText {
		detail = detail[:maxErrorText] + "…"
	}
	id := e.Id
	if id == "" || len(id) > maxErrorText {
		id = errorID
	}
	code := e.Code
	if code == 0 {
		code = 500
	}
	return microerrors.New(id, fmt.Sprintf("error text too long to be sent: %s", detail), code)
}

// isGRPC reports whether the bodies of the call are gRPC's.
func (k *call) isGRPC() bool { return k.coder.Codec().String() == "grpc" }

// send sends a message of this call. The caller holds writing.
func (k *call) send(h map[string]string, body []byte) error {
	return k.sent(k.conn.sendMap(k, h, body))
}

// sent notes that a message was sent, unless err is not nil. The caller holds
// writing.
func (k *call) sent(err error) error {
	if err == nil {
		k.replied = true
		k.activity.gave()
	}
	return err
}

// finish ends the use of everything that handlers may have kept.
func (k *call) finish() {
	k.ctx.cancel(context.Canceled, errRequestOver)
	if k.source != nil {
		k.source.abort(errRequestOver)
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	k.writing.Lock()
	defer k.writing.Unlock()
	k.over = true
	k.coder.Release()
	k.coder = nil
}

// fail ends a call from outside: its context is cancelled, and a stream gets
// no more messages.
func (k *call) fail(cause error) {
	k.ctx.cancel(context.Canceled, cause)
	if k.source != nil {
		k.source.close(cause)
	}
	k.conn.failed(k)
}
