package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport/headers"
)

const (
	topicHeader = headers.Message
	errorID     = "go.micro.broker"

	// batchHeader in a reply offers to take several messages in one request.
	batchHeader = "Micro-Broker-Batch"
	// resultHeader in a 200 reply says that nobody here has that id.
	resultHeader  = "Micro-Broker-Result"
	resultUnknown = "unknown"

	// bodyReadLimit is how long a request body may take to arrive.
	bodyReadLimit = 30 * time.Second
)

// httpHandlersKey is the context key, known to programs, of extra handlers.
const httpHandlersKey = "http_handlers"

func (b *httpBroker) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc(b.path, b.receive)
	if b.opts.Context == nil {
		return mux
	}
	extra, _ := b.opts.Context.Value(httpHandlersKey).(map[string]http.Handler)
	for pattern, h := range extra {
		if pattern == b.path {
			logger.LoggerOrDefault(b.opts.Logger).Logf(logger.ErrorLevel, "http broker: the handler for %s is not used: messages arrive there", pattern)
			continue
		}
		mux.Handle(pattern, h)
	}
	return mux
}

// receive serves one request of a publisher: one message, or a batch.
func (b *httpBroker) receive(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		refuse(w, http.StatusMethodNotAllowed, merrors.BadRequest(errorID, "Method not allowed"))
		return
	}
	batched := r.Header.Get("Content-Type") == batchContentType
	if id := r.URL.Query().Get("id"); !b.hasID(id) {
		refuseUnread(w, r, batched)
		return
	}
	limit := b.settings().maxMessageSize
	if batched {
		limit = max(limit, maxBatchBytes) + maxBatch*batchOverhead
	}
	share := b.inFlight.share(maxInFlight(limit))
	defer share.release()
	body, err := readBody(w, r, limit, share)
	if err != nil {
		if errors.Is(err, errInFlight) {
			w.Header().Set("Connection", "close")
			refuse(w, http.StatusServiceUnavailable, merrors.New(errorID, err.Error(), http.StatusServiceUnavailable))
			return
		}
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			refuse(w, http.StatusRequestEntityTooLarge,
				merrors.New(errorID, fmt.Sprintf("message is larger than %d bytes", limit), http.StatusRequestEntityTooLarge))
			return
		}
		refuse(w, http.StatusInternalServerError, merrors.InternalServerError(errorID, "Error reading request body: %v", err))
		return
	}
	if batched {
		b.receiveBatch(w, r, body)
		return
	}
	w.Header().Set(batchHeader, "1")
	switch known, err := b.dispatch(r.URL.Query().Get("id"), body); {
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	case !known:
		w.Header().Set(resultHeader, resultUnknown)
	}
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.WriteHeader(status)
	io.WriteString(w, err.Error())
}

// maxUnread is how much of a body that nobody wants is read for the sake of the
// connection. It is not kept.
const maxUnread = 64 << 10

// refuseUnread answers a request for no subscription of this broker before its
// body is read: anybody can send one. The status is 200, as for peers of go-micro
// v4, and the reply says that nobody took the message.
func refuseUnread(w http.ResponseWriter, r *http.Request, batched bool) {
	if r.ContentLength < 0 || r.ContentLength > maxUnread {
		w.Header().Set("Connection", "close")
	} else {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyReadLimit))
		_, _ = io.CopyN(io.Discard, r.Body, maxUnread)
	}
	if batched {
		w.Header().Set("Content-Type", batchContentType)
		_, _ = w.Write([]byte{batchUnknown})
		return
	}
	w.Header().Set(batchHeader, "1")
	w.Header().Set(resultHeader, resultUnknown)
}

func (b *httpBroker) hasID(id string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byID[id] != nil
}

// readBody reads a request's body of at most limit bytes, as far as there is room
// for it among all that are in flight.
func readBody(w http.ResponseWriter, r *http.Request, limit int, share *share) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return nil, &http.MaxBytesError{Limit: int64(limit)}
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(bodyReadLimit))
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	reader := http.MaxBytesReader(w, r.Body, int64(limit))
	// The length is only believed as far as a small buffer goes: the bytes must
	// arrive before more memory is given to them.
	buf := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), 64<<10)+bytes.MinRead))
	if _, err := buf.ReadFrom(share.reader(reader)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// dispatch decodes a message and runs the handlers registered under id, one
// after the other. It reports whether any took the message. The error, ready for the
// reply, is about the message or a panic; what handlers return goes to the
// error handler or the log.
func (b *httpBroker) dispatch(id string, body []byte) (known bool, err error) {
	o := b.snapshot()
	m := new(Message)
	if err := o.Codec.Unmarshal(body, m); err != nil {
		return false, merrors.InternalServerError(errorID, "Error parsing request body: %v", err)
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return false, merrors.InternalServerError(errorID, "Error parsing request body: the message is null")
	}
	topic := m.Header[topicHeader]
	if topic == "" {
		return false, merrors.InternalServerError(errorID, "Topic not found")
	}
	handlers, one := b.handlers(id, topic)
	for _, s := range handlers {
		took, panicked := b.deliver(s, topic, m)
		known = known || took
		if panicked != nil {
			err = merrors.InternalServerError(errorID, "%v", panicked)
		}
		if took && one {
			break
		}
	}
	return known, err
}

// handlers returns who gets a message: all handlers of a topic, or one of a
// queue's, beginning with the one whose turn it is.
func (b *httpBroker) handlers(id, topic string) (handlers []*httpSubscriber, one bool) {
	b.mu.RLock()
	reg := b.byID[id]
	if reg == nil || reg.topic != topic {
		b.mu.RUnlock()
		return nil, false
	}
	handlers = reg.handlers
	b.mu.RUnlock()
	if reg.queue == "" || len(handlers) < 2 {
		return handlers, false
	}
	first := (reg.next.Add(1) - 1) % uint64(len(handlers))
	return slices.Concat(handlers[first:], handlers[:first]), true
}

// deliver runs one handler with an event and a message of its own, and reports
// its error. One that was unsubscribed, or says so, did not take the message. A
// panic is returned too.
func (b *httpBroker) deliver(s *httpSubscriber, topic string, m *Message) (took bool, panicked error) {
	if s.ended.Load() {
		return false, nil
	}
	e := &httpEvent{topic: topic, message: copyMessage(m)}
	err, panicked := callHandler(s.handler, e)
	if errors.Is(err, ErrUnsubscribed) {
		return false, nil
	}
	if err != nil {
		// Another event: the handler may have kept the one it got.
		b.report(&httpEvent{topic: topic, message: e.message, err: err})
	}
	return true, panicked
}

// report tells the error handler, or else the log, about an event's error.
func (b *httpBroker) report(e *httpEvent) {
	o := b.snapshot()
	if o.ErrorHandler == nil {
		logger.LoggerOrDefault(o.Logger).Logf(logger.ErrorLevel, "http broker: topic %s: %v", e.topic, e.err)
		return
	}
	if err, _ := callHandler(o.ErrorHandler, e); err != nil {
		logger.LoggerOrDefault(o.Logger).Logf(logger.ErrorLevel, "http broker: error handler, topic %s: %v", e.topic, err)
	}
}

func copyMessage(m *Message) *Message {
	return &Message{Header: maps.Clone(m.Header), Body: bytes.Clone(m.Body)}
}

// httpEvent is one message for one handler.
type httpEvent struct {
	topic   string
	message *Message
	err     error
}

func (e *httpEvent) Topic() string     { return e.topic }
func (e *httpEvent) Message() *Message { return e.message }
func (e *httpEvent) Ack() error        { return nil }
func (e *httpEvent) Error() error      { return e.err }
