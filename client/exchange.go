package client

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/codec"
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

	request wire.Request
	fields  []wire.Field      // all headers of the request, for a connection
	header  map[string]string // the same for a codec that wants to see them, else nil
	reply   wire.Reply
	in      received
	out     codec.Message
	message codec.Message // of in, as the codec sees it
	coder   *wire.Coder
	guard   guard
	call    wire.Call // nil when the transport carries none
	caller  wire.Caller
	dialled bool // the connection is a new one
	dial    []transport.DialOption
}

// newExchange returns an exchange of the client's. Clients share none: the timers
// of one may run in another time than those of another, in tests.
func (c *rpcClient) newExchange() *exchange {
	if x, ok := c.exchanges.Get().(*exchange); ok {
		return x
	}
	x := &exchange{}
	x.request.Fields = make([]wire.Field, 0, 16)
	x.dial = []transport.DialOption{x.dialOptions}
	return x
}

// exchange makes one attempt. It is the CallFunc inside all wrappers.
func (s *settings) exchange(ctx context.Context, node *registry.Node, req Request, rsp any, opts CallOptions) error {
	x := s.client.newExchange()
	x.settings, x.ctx, x.node, x.req, x.opts = s, ctx, node, req, opts
	clean, err := x.do(rsp)
	if clean {
		x.recycle()
	}
	return err
}

// recycle keeps the exchange for later attempts, without anything of this one.
func (x *exchange) recycle() {
	exchanges := &x.settings.client.exchanges
	if len(x.request.Fields) > keepHeaders {
		return
	}
	clear(x.request.Fields)
	clear(x.fields)
	x.request = wire.Request{Fields: x.request.Fields[:0]}
	x.fields, x.header, x.reply = x.fields[:0], nil, wire.Reply{}
	x.settings, x.ctx, x.node, x.req, x.opts, x.limit = nil, nil, nil, nil, CallOptions{}, time.Time{}
	x.in, x.out, x.message = received{}, codec.Message{}, codec.Message{}
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
		err = reported(x.ctx, x.end(), x.req, x.node, x.decode(rsp))
	}
	x.coder.Release()
	x.coder = nil
	return clean, err
}

// decode reads the reply into rsp.
func (x *exchange) decode(rsp any) error {
	x.in.header, x.in.body = x.reply.Header, x.reply.Body
	return x.in.decode(x.coder, &x.message, rsp)
}

// deliver sends the request and receives the reply. Connections that the node
// closed while they lay idle say nothing about the node and are passed over.
func (x *exchange) deliver() (clean bool, err error) {
	if ok, end, err := x.overCall(); ok {
		if err != nil {
			return end == quiet, x.failed(err, end)
		}
		callOf(x.ctx).report(answered)
		return end == quiet, nil
	} else if end != quiet {
		return false, x.failed(cmp.Or(err, errExpired), end)
	}
	for stale := 0; ; stale++ {
		conn, err := x.connect()
		if err != nil {
			callOf(x.ctx).report(refused)
			return true, x.explain(err, "connection error: ", clientID)
		}
		end, err := x.over(conn)
		switch {
		case err == nil:
			callOf(x.ctx).report(answered)
			return end == quiet, nil
		case notSent(err) && !x.dialled && end == quiet && stale < x.settings.opts.PoolSize:
			continue
		}
		return end == quiet, x.failed(err, end)
	}
}

// failed tells the call whether a handler may have run, and returns the error of
// an exchange that failed with err.
func (x *exchange) failed(err error, end ending) error {
	call := callOf(x.ctx)
	switch {
	case notSent(err):
		call.report(refused)
	case connectionLost(err) && ended(x.ctx) == nil:
		call.reportLoss()
	default:
		call.report(reached)
	}
	if end == broken && ended(x.ctx) == nil {
		return timeout(fmt.Sprintf("no reply from %s within %v", x.node.Address, x.opts.ConnectionTimeout), context.DeadlineExceeded)
	}
	return x.explain(err, "", transportID)
}

// overCall makes the exchange as a call, if the transport has a connection for
// that.
func (x *exchange) overCall() (ok bool, end ending, err error) {
	caller := x.settings.caller
	if caller == nil || x.opts.ConnClose {
		return false, quiet, nil
	}
	if x.caller != caller {
		x.call, x.caller = caller.NewCall(), caller
	}
	now := time.Now()
	x.prepare(now)
	x.guard.arm(x.ctx, x.call, x.limit, now)
	defer func() { end = x.guard.disarm() }()
	ok, err = x.call.Do(x.settings.verified(x.req, x.node), &x.request, &x.reply)
	return
}

// prepare completes the request, which tells the handler how much time it has.
func (x *exchange) prepare(now time.Time) {
	x.request.Left = 0
	if end := x.end(); !end.IsZero() {
		x.request.Left = max(1, end.Sub(now))
	}
}

// over makes the exchange on conn and gives conn back, unless the guard had to
// break it.
func (x *exchange) over(conn *connection) (end ending, err error) {
	failure := errExpired // of the connection, should the transport panic
	now := time.Now()
	x.prepare(now)
	x.guard.arm(x.ctx, conn, x.limit, now)
	defer func() {
		if end = x.guard.disarm(); end != broken {
			conn.done(failure)
		}
	}()
	carrier := conn.carrier()
	if err = x.send(conn, carrier); err == nil {
		err = x.in.receive(conn.Client, carrier)
		x.reply = wire.Reply{Header: x.in.header, Body: x.in.body}
	}
	failure = err
	return
}

// send sends the request. Carrier is nil when the connection needs a map of
// headers.
func (x *exchange) send(conn *connection, carrier wire.Carrier) error {
	x.fields = x.request.AppendAll(x.fields[:0])
	if carrier != nil {
		return carrier.SendFields(x.fields, x.request.Body)
	}
	return conn.Send(&transport.Message{Header: wire.FieldMap(x.fields), Body: x.request.Body})
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
func (x *exchange) connect() (*connection, error) {
	s := x.settings
	x.dialled = false
	addr := s.verified(x.req, x.node)
	if x.opts.ConnClose {
		c, err := s.opts.Transport.Dial(addr, x.dial...)
		return &connection{Client: c}, err
	}
	c, err := s.pool.Get(addr, x.dial...)
	return &connection{Client: c, pooled: c, pool: s.pool}, err
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
	x.request.ID = x.settings.client.nextID()
	x.request.Fields = appendHeaders(x.request.Fields[:0], x.ctx, x.req, contentType)
	x.coder = format.Coder()
	id := ""
	if x.header = nil; !x.coder.Headerless() {
		id = wire.FormatID(x.request.ID)
		x.header = wire.FieldMap(x.request.Fields)
		x.header[headers.ID] = id
	}
	x.out = requestMessage(x.req, id, x.header)
	body, err := x.coder.Encode(&x.out, x.req.Body())
	if err != nil {
		x.coder.Release()
		return codecError(err)
	}
	x.request.Body = body
	if x.header != nil { // which the codec may have changed
		delete(x.header, headers.ID)
		x.request.Fields = wire.AppendMap(x.request.Fields[:0], x.header)
	}
	return nil
}
