package rpc

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	frames "github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/drain"
)

const (
	// aliveInterval is how often a client that gets no events gets a comment, so
	// that proxies do not take the connection for a dead one.
	aliveInterval = 15 * time.Second
	// eventTimeout bounds how long a client takes to read what it is sent.
	eventTimeout = 30 * time.Second
)

// serveEvents opens a stream with the payload of the request as its only message,
// and sends each message of the endpoint as an event. The event "end" says that
// there are no more, so that a browser can close its EventSource, which would
// otherwise ask again; the event "error" has the JSON of an error.
func (h *rpcHandler) serveEvents(w http.ResponseWriter, r *http.Request, route *router.Route) {
	payload, held, failure := h.payload(w, r, route)
	defer held.Release()
	if failure != nil {
		writeError(w, r, failure, nil)
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	ctx, cancel := context.WithCancel(exchange.Context(r))
	defer cancel()
	stream, err := h.openStream(ctx, route, typeJSON, payload)
	held.Release() // the payload is with the service
	if err == nil {
		defer stream.Close() //nolint:errcheck // nobody is left to be told
		err = stream.CloseSend()
	}
	if err != nil {
		writeError(w, r, exchange.CallError(err), err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", exchange.TypeEvents)
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Accel-Buffering", "no") // asks nginx not to hold events back
	w.WriteHeader(http.StatusOK)
	e := events{w: w, control: http.NewResponseController(w)}
	if e.flush() == nil {
		e.relay(ctx, cancel, stream, drain.Of(r.Context()))
	}
}

// events is a response of server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
}

// received is a message of a stream, or why it has ended.
type received struct {
	data []byte
	err  error
}

// relay sends the messages of a stream as events.
func (e *events) relay(ctx context.Context, cancel context.CancelFunc, stream client.Stream, draining <-chan struct{}) {
	messages := make(chan received)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		receive(ctx, stream, messages)
	}()
	defer func() { cancel(); <-ended }()
	alive := time.NewTicker(aliveInterval)
	defer alive.Stop()
	for {
		var err error
		select {
		case m := <-messages:
			if m.err != nil {
				e.end(m.err)
				return
			}
			err = e.send("", m.data)
		case <-alive.C:
			e.buf.WriteString(":\n\n")
			err = e.flush()
		case <-draining: // without an end, so that a browser asks another server
			return
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// receive hands on the messages of a stream until it ends.
func receive(ctx context.Context, stream client.Stream, messages chan<- received) {
	for {
		var frame frames.Frame
		err := stream.Recv(&frame)
		select {
		case messages <- received{frame.Data, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// end sends the last event.
func (e *events) end(err error) {
	if ended(err) {
		_ = e.send("end", []byte("{}")) // a client that is gone need not be told
		return
	}
	_ = e.send("error", []byte(failureOf(err).Error()))
}

// send sends an event, whose data may have several lines.
func (e *events) send(name string, data []byte) error {
	if name != "" {
		e.buf.WriteString("event: " + name + "\n")
	}
	data = bytes.TrimRight(data, "\r\n")
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		e.buf.WriteString("data: ")
		e.buf.Write(bytes.ReplaceAll(line, []byte("\r"), nil))
		e.buf.WriteByte('\n')
	}
	e.buf.WriteByte('\n')
	return e.flush()
}

// flush sends what is in the buffer.
func (e *events) flush() error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventTimeout)) // what has no deadlines is no connection
	if _, err := e.w.Write(e.buf.Bytes()); err != nil {
		return err
	}
	e.buf.Reset()
	return e.control.Flush()
}
