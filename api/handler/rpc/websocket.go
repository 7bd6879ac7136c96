package rpc

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/drain"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// upgradeTimeout bounds the answer to a request for a WebSocket.
	upgradeTimeout = 5 * time.Second
	// pingInterval is how often a client is asked whether it is there, and how
	// long it may take to answer or to read a frame.
	pingInterval = 30 * time.Second
	// maxFrame is the largest frame of a client, whatever the limit of bodies:
	// the transport takes no larger messages by default.
	maxFrame = 16 << 20
	// maxControls is how many pings and pongs a client may send at once, and
	// controlsSecond how many each second: a program that is to be kept up by pings
	// sends one in some seconds.
	maxControls    = 100
	controlsSecond = 10
	// maxReason is how long the reason of a close frame may be (RFC 6455, section
	// 5.5).
	maxReason = 123
)

// serveWebSocket connects a WebSocket with a stream of the endpoint: a frame of
// one is a message of the other.
func (h *rpcHandler) serveWebSocket(w http.ResponseWriter, r *http.Request, route *router.Route) {
	if !allowedOrigin(r, h.opts.Origins) {
		writeError(w, r, exchange.Forbidden("a page of the origin "+r.Header.Get("Origin")+" may not open WebSockets here"), nil)
		return
	}
	payload, held, failure := h.payload(w, r, route)
	defer held.Release()
	if failure != nil {
		writeError(w, r, failure, nil)
		return
	}
	ctx, cancel := context.WithCancel(exchange.Context(r))
	defer cancel()
	stream, err := h.openStream(ctx, route, streamType(r), firstMessage(payload))
	held.Release() // the payload is with the service
	if err != nil {
		writeError(w, r, exchange.CallError(err), err)
		return
	}
	defer stream.Close() //nolint:errcheck // nobody is left to be told
	b := &bridge{stream: stream, bodies: h.bodies, refused: make(chan string, 1)}
	if b.conn, err = accept(w, r, b.control); err != nil {
		h.log("websocket for %s.%s: %v", route.Service, route.Endpoint.Name, err)
		return
	}
	b.conn.SetReadLimit(min(h.opts.MaxRecvSize, maxFrame))
	b.frames = frameType(r, b.conn.Subprotocol())
	b.run(ctx, cancel, drain.Of(r.Context()))
}

func (h *rpcHandler) log(format string, args ...any) {
	logger.LoggerOrDefault(h.opts.Logger).Logf(logger.DebugLevel, "api: "+format, args...)
}

// accept answers with 101. When it fails the request is answered already. Answer is
// called for each ping and pong of the client, and says whether to answer it.
func accept(w http.ResponseWriter, r *http.Request, answer func(context.Context) bool) (*websocket.Conn, error) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(upgradeTimeout)) // the hijacked connection has none
	_ = control.SetReadDeadline(time.Time{})
	u := &upgrade{ResponseWriter: w}
	conn, err := websocket.Accept(u, r, &websocket.AcceptOptions{
		Subprotocols:       offered(r),
		InsecureSkipVerify: true, // allowedOrigin has looked at it
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     func(ctx context.Context, _ []byte) bool { return answer(ctx) },
		OnPongReceived:     func(ctx context.Context, _ []byte) { answer(ctx) },
	})
	if err != nil && u.status != 0 {
		e := exchange.BadRequest(err.Error())
		e.Code, e.Status = int32(u.status), http.StatusText(u.status)
		writeError(w, r, e, nil)
	}
	return conn, err
}

// upgrade keeps the refusal of a request for a WebSocket from being answered in
// plain text.
type upgrade struct {
	http.ResponseWriter
	status int // of the refusal; 0 for none
}

func (u *upgrade) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		u.ResponseWriter.WriteHeader(status)
		return
	}
	u.status = status
}

func (u *upgrade) Write(b []byte) (int, error) {
	if u.status != 0 {
		return len(b), nil
	}
	return u.ResponseWriter.Write(b)
}

func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return conn, rw, err
}

// offered are the subprotocols that a client offers; the first is taken.
func offered(r *http.Request) []string {
	var all []string
	for _, value := range r.Header["Sec-Websocket-Protocol"] {
		for p := range strings.SplitSeq(value, ",") {
			all = append(all, strings.TrimSpace(p))
		}
	}
	if slices.Contains(all, "binary") {
		return []string{"binary"}
	}
	return all
}

// frameType is the type of the frames to the client: text for JSON, if the request
// says so by its content type or, as a browser can, by the subprotocol "json".
func frameType(r *http.Request, subprotocol string) websocket.MessageType {
	switch {
	case subprotocol == "binary":
		return websocket.MessageBinary
	case subprotocol == "json", exchange.MediaType(r.Header.Get("Content-Type")) == typeJSON:
		return websocket.MessageText
	}
	return websocket.MessageBinary
}

// allowedOrigin reports whether a page may open a WebSocket: one of the same host
// or of a listed origin. What sends no origin is no page.
func allowedOrigin(r *http.Request, origins []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(origins, "*") || slices.Contains(origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// bridge carries messages between a WebSocket and a stream.
type bridge struct {
	conn   *websocket.Conn
	stream client.Stream
	frames websocket.MessageType
	bodies *exchange.Bodies

	// taking says that a frame is on its way to the service: pongs behind it are not
	// read, nor can a client send one within it. Heard changes with the beginning and
	// the end of each frame.
	taking  atomic.Bool
	heard   atomic.Uint64
	refused chan string // why the client is refused; has room for the first reason

	controls float64   // pings and pongs, without those that time has forgiven; as
	counted  time.Time // when they were reckoned last, the reader's own
}

// run works until one of both ends, or the server is being stopped.
func (b *bridge) run(ctx context.Context, cancel context.CancelFunc, draining <-chan struct{}) {
	var group sync.WaitGroup
	group.Go(func() {
		defer cancel()
		b.receive(ctx)
	})
	group.Go(func() {
		defer cancel()
		b.ping(ctx)
	})
	group.Go(func() {
		defer cancel()
		select {
		case <-draining:
			b.close(websocket.StatusGoingAway, "the server is being stopped")
		case reason := <-b.refused:
			b.close(websocket.StatusPolicyViolation, reason)
		case <-ctx.Done():
		}
	})
	b.send(ctx)
	cancel()
	_ = b.conn.CloseNow() // ends receive; the close frame, if any, is sent
	group.Wait()
}

// receive sends the frames of the client to the stream. Any error ends it.
func (b *bridge) receive(ctx context.Context) {
	for b.pass(ctx) {
	}
}

// pass sends the next frame of the client to the stream, and reports whether it could.
func (b *bridge) pass(ctx context.Context) bool {
	_, r, err := b.conn.Reader(ctx)
	if err != nil {
		return false // the client is gone, or has been told
	}
	b.heard.Add(1)
	b.taking.Store(true)
	defer b.taking.Store(false)
	data, held, err := b.bodies.Frame(r, func() { b.refuse("a message comes too slowly") })
	defer held.Release()
	if errors.Is(err, exchange.ErrBusy) {
		b.close(websocket.StatusTryAgainLater, err.Error())
	}
	if err != nil {
		return false
	}
	if err := b.stream.Send(&bytes.Frame{Data: data}); err != nil {
		b.end(ctx, err)
		return false
	}
	b.heard.Add(1) // for a ping during which the frame was taken to its end
	return true
}

// send sends the messages of the stream to the client.
func (b *bridge) send(ctx context.Context) {
	for {
		var frame bytes.Frame
		if err := b.stream.Recv(&frame); err != nil {
			b.end(ctx, err)
			return
		}
		if err := b.write(ctx, frame.Data); err != nil {
			return
		}
	}
}

// write sends a frame. A client that does not read is given up.
func (b *bridge) write(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, pingInterval)
	defer cancel()
	return b.conn.Write(ctx, b.frames, data)
}

// ping asks the client from time to time whether it is there.
func (b *bridge) ping(ctx context.Context) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		heard := b.heard.Load()
		pong, cancel := context.WithTimeout(ctx, pingInterval)
		err := b.conn.Ping(pong)
		cancel()
		late := errors.Is(err, context.DeadlineExceeded)
		if err != nil && !(late && (b.taking.Load() || b.heard.Load() != heard)) {
			return
		}
	}
}

// control counts a ping or a pong, and reports whether to answer it. A client that
// sends too many is refused, and is not read until it is.
func (b *bridge) control(ctx context.Context) bool {
	now := time.Now()
	if !b.counted.IsZero() {
		b.controls = max(0, b.controls-now.Sub(b.counted).Seconds()*controlsSecond)
	}
	b.counted = now
	if b.controls++; b.controls <= maxControls {
		return true
	}
	b.refuse("too many pings")
	<-ctx.Done()
	return false
}

// refuse has the client told that it does what it must not.
func (b *bridge) refuse(reason string) {
	select {
	case b.refused <- reason:
	default:
	}
}

// end tells the client why the stream has ended.
func (b *bridge) end(ctx context.Context, err error) {
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // by the client, or because the server stops
	case ended(err):
		b.close(websocket.StatusNormalClosure, "")
	default:
		e := failureOf(err)
		b.close(closeStatus(exchange.Status(e)), e.GetDetail())
	}
}

// closeStatus is the status of a close frame for one of HTTP.
func closeStatus(status int) websocket.StatusCode {
	switch {
	case status == http.StatusServiceUnavailable:
		return websocket.StatusTryAgainLater
	case status == http.StatusRequestEntityTooLarge:
		return websocket.StatusMessageTooBig
	case status >= 400 && status < 500:
		return websocket.StatusPolicyViolation
	}
	return websocket.StatusInternalError
}

// close sends a close frame and does not wait for that of the client for long.
func (b *bridge) close(status websocket.StatusCode, reason string) {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	_ = b.conn.Close(status, reason) // a client that is gone need not be told
}
