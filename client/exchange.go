package client

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// keepHeaders is the largest number of headers whose memory is used again.
const keepHeaders = 64

// exchange is one attempt of a call: a request to one node and its reply. What
// it is made of is used again by later attempts.
type exchange struct {
	settings *settings
	ctx      context.Context
	node     *registry.Node
	req      Request
	opts     CallOptions
	limit    time.Time // when the attempt ends, zero when its context decides

	fields  []mux.Field       // the headers of the request, to which its Timeout is added
	header  map[string]string // the same for a codec that wants to see them, else nil
	spare   map[string]string // the same for a connection that needs a map
	body    []byte            // of the request
	reply   received
	out, in codec.Message
	coder   *wire.Coder
	guard   guard
	shard   uint8 // of the client's deadlines
	dialled bool  // the connection is a new one
	dial    []transport.DialOption
}

var exchanges sync.Pool

// lastShard deals shards out to new exchanges. The pool keeps an exchange with
// the processor that used it, so that each processor has a few shards for itself.
var lastShard atomic.Uint32

func newExchange() *exchange {
	if x, ok := exchanges.Get().(*exchange); ok {
		return x
	}
	x := &exchange{
		fields: make([]mux.Field, 0, 16),
		shard:  uint8(lastShard.Add(1) % deadlineShards),
	}
	x.guard.fire = x.guard.expire
	x.dial = []transport.DialOption{x.dialOptions}
	return x
}

// exchange makes one attempt. It is the CallFunc inside all wrappers.
func (s *settings) exchange(ctx context.Context, node *registry.Node, req Request, rsp any, opts CallOptions) error {
	x := newExchange()
	x.settings, x.ctx, x.node, x.req, x.opts = s, ctx, node, req, opts
	clean, err := x.do(rsp)
	if clean {
		x.recycle()
	}
	return err
}

// recycle keeps the exchange for later attempts, without anything of this one.
func (x *exchange) recycle() {
	if len(x.fields) > keepHeaders {
		return
	}
	clear(x.fields[:cap(x.fields)])
	clear(x.spare)
	x.fields, x.header, x.body, x.reply = x.fields[:0], nil, nil, received{}
	x.settings, x.ctx, x.node, x.req, x.opts, x.limit = nil, nil, nil, nil, CallOptions{}, time.Time{}
	x.out, x.in = codec.Message{}, codec.Message{}
	exchanges.Put(x)
}

// do makes the attempt. The exchange is clean when it may be used again.
func (x *exchange) do(rsp any) (clean bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			clean, err = false, panicError(r)
			callOf(x.ctx).report(reached)
		}
	}()
	if err := ended(x.ctx); err != nil {
		return true, callTimeout(x.ctx, err)
	}
	x.limit = x.attemptLimit()
	if err := x.encode(); err != nil {
		return true, err
	}
	clean, err = x.deliver()
	if err == nil {
		err = reported(x.ctx, x.end(), x.req, x.node, x.reply.decode(x.coder, &x.in, rsp))
	}
	x.coder.Release()
	x.coder = nil
	return clean, err
}

// deliver sends the request and receives the reply. Connections that the node
// closed while they lay idle say nothing about the node and are passed over.
func (x *exchange) deliver() (clean bool, err error) {
	for stale := 0; ; stale++ {
		conn, err := x.connect()
		if err != nil {
			callOf(x.ctx).report(refused)
			return true, x.explain(err, "connection error: ", clientID)
		}
		whole, clean, err := x.over(conn)
		if err == nil {
			callOf(x.ctx).report(answered)
			return clean, nil
		}
		if !notSent(err) {
			x.reportReached(err)
		} else if !x.dialled && clean && stale < x.settings.opts.PoolSize {
			continue
		} else {
			callOf(x.ctx).report(refused)
		}
		if !whole && ended(x.ctx) == nil {
			return clean, timeout(fmt.Sprintf("no reply from %s within %v", x.node.Address, x.opts.ConnectionTimeout), context.DeadlineExceeded)
		}
		return clean, x.explain(err, "", transportID)
	}
}

// reportReached tells the call that a handler may have run although the exchange
// failed with err.
func (x *exchange) reportReached(err error) {
	call := callOf(x.ctx)
	if connectionLost(err) && ended(x.ctx) == nil {
		call.reportLoss()
		return
	}
	call.report(reached)
}

// over makes the exchange on conn and gives conn back. It is not whole when the
// guard had to break it.
func (x *exchange) over(conn connection) (whole, clean bool, err error) {
	failure := errExpired // of the connection, should the transport panic
	now := time.Now()
	x.guard.arm(x.ctx, conn, &x.settings.client.deadlines[x.shard], x.limit, now)
	defer func() {
		var guarded connection
		if guarded, whole, clean = x.guard.disarm(); whole {
			guarded.done(failure)
		}
	}()
	fields := conn.fields()
	if err = x.send(conn, fields, now); err == nil {
		err = x.reply.receive(conn.Client, fields)
	}
	failure = err
	return
}

// send sends the request, which tells the handler how much time it has. Fields
// is nil when the connection needs a map of headers.
func (x *exchange) send(conn connection, fields mux.FieldSocket, now time.Time) error {
	timeout := ""
	if end := x.end(); !end.IsZero() {
		timeout = wire.Timeout(end.Sub(now))
	}
	if fields != nil && x.header == nil {
		return fields.SendFields(appendNonEmpty(x.fields, headers.Timeout, timeout), x.body)
	}
	header := x.header
	if header == nil {
		header = x.mapped()
	}
	if timeout != "" {
		header[headers.Timeout] = timeout
	}
	return conn.Send(&transport.Message{Header: header, Body: x.body})
}

// mapped returns the headers as a map.
func (x *exchange) mapped() map[string]string {
	if x.spare == nil {
		x.spare = make(map[string]string, len(x.fields)+1)
	}
	clear(x.spare)
	for _, f := range x.fields {
		x.spare[f.Name] = f.Value
	}
	return x.spare
}

// explain returns the error of a failed operation: that of the context if it
// ended, which is why the operation failed, else err after what failed.
func (x *exchange) explain(err error, what, id string) error {
	if contextErr := ended(x.ctx); contextErr != nil {
		return callTimeout(x.ctx, contextErr)
	}
	return failure(id, what, err)
}

// connect returns a connection to the node, from the pool unless the call
// wants one of its own.
func (x *exchange) connect() (connection, error) {
	s := x.settings
	x.dialled = false
	addr := s.verified(x.req, x.node)
	if x.opts.ConnClose {
		c, err := s.opts.Transport.Dial(addr, x.dial...)
		return connection{Client: c}, err
	}
	c, err := s.pool.Get(addr, x.dial...)
	return connection{Client: c, pooled: c, pool: s.pool}, err
}

// dialOptions is the one option of every dial for this exchange. It runs only
// when a connection has to be made.
func (x *exchange) dialOptions(o *transport.DialOptions) {
	x.dialled = true
	o.Stream = true
	o.Context = x.ctx
	o.ConnClose = x.opts.ConnClose
	o.Timeout = x.dialTimeout()
}

// dialTimeout is how long connecting may take.
func (x *exchange) dialTimeout() time.Duration {
	d := x.opts.ConnectionTimeout
	if d <= 0 {
		d = x.settings.connectTimeout
	}
	if x.opts.DialTimeout > 0 {
		d = min(d, x.opts.DialTimeout)
	}
	if end := x.end(); !end.IsZero() {
		d = min(d, time.Until(end))
	}
	return max(d, 1)
}

// attemptLimit is when the attempt ends, if not with its context.
func (x *exchange) attemptLimit() time.Time {
	d := x.opts.ConnectionTimeout
	if d <= 0 || d == x.settings.connectTimeout {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// end is when the attempt ends in any case; zero means never.
func (x *exchange) end() time.Time {
	deadline, _ := x.ctx.Deadline()
	return earlier(x.limit, deadline)
}

// encode fills the request.
func (x *exchange) encode() error {
	format, contentType, err := x.settings.formatFor(x.node, x.req.ContentType())
	if err != nil {
		return failure(clientID, "", err)
	}
	id := strconv.FormatUint(x.settings.client.nextID(), 10)
	x.fields = appendHeaders(x.fields[:0], x.ctx, x.req, contentType, id)
	x.coder = format.Coder()
	x.header = nil
	if !x.coder.Headerless() {
		x.header = mux.FieldMap(x.fields)
	}
	x.out = requestMessage(x.req, id, x.header)
	body, err := x.coder.Encode(&x.out, x.req.Body())
	if err != nil {
		x.coder.Release()
		return codecError(err)
	}
	x.body = body
	return nil
}
