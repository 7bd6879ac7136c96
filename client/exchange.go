package client

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// keepHeaders is the largest number of headers whose map is used again.
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

	request transport.Message
	reply   transport.Message
	header  map[string]string // for replies, where the transport can use it again
	out, in codec.Message
	coder   *wire.Coder
	guard   guard
	dialled bool // the connection is a new one
	dial    []transport.DialOption
}

var exchanges sync.Pool

func newExchange() *exchange {
	if x, ok := exchanges.Get().(*exchange); ok {
		return x
	}
	x := &exchange{}
	x.request.Header = make(map[string]string, 8)
	x.header = make(map[string]string, 8)
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
	header := x.request.Header
	if len(header) > keepHeaders || len(x.header) > keepHeaders {
		return
	}
	clear(header)
	clear(x.header)
	x.settings, x.ctx, x.node, x.req, x.opts, x.limit = nil, nil, nil, nil, CallOptions{}, time.Time{}
	x.request, x.reply = transport.Message{Header: header}, transport.Message{}
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
		err = decode(x.coder, &x.in, &x.reply, rsp)
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
			return true, x.explain(err, "connection error: "+err.Error(), clientID)
		}
		whole, clean, err := x.over(conn)
		if err == nil {
			callOf(x.ctx).report(reached)
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
			return clean, timeoutError(fmt.Sprintf("no reply from %s within %v", x.node.Address, x.opts.ConnectionTimeout))
		}
		return clean, x.explain(err, err.Error(), transportID)
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
	x.guard.arm(x.ctx, conn, &x.settings.client.deadlines, x.limit, now)
	defer func() {
		var guarded connection
		if guarded, whole, clean = x.guard.disarm(); whole {
			guarded.done(failure)
		}
	}()
	x.setTimeout(now)
	if err = conn.Send(&x.request); err == nil {
		err = x.receive(conn)
	}
	failure = err
	return
}

// headerReuse is what connections of the pool tell about themselves.
type headerReuse interface {
	HeaderReuser() transport.HeaderReuser
}

// receive receives the reply, into the header map of the exchange if the
// transport can do that.
func (x *exchange) receive(conn connection) error {
	if c, ok := conn.pooled.(headerReuse); ok {
		if into := c.HeaderReuser(); into != nil {
			x.reply.Header = x.header
			return into.RecvInto(&x.reply)
		}
	}
	return conn.Recv(&x.reply)
}

// explain returns the error of a failed operation: that of the context if it
// ended, which is why the operation failed, else detail.
func (x *exchange) explain(err error, detail, id string) error {
	if contextErr := ended(x.ctx); contextErr != nil {
		return callTimeout(x.ctx, contextErr)
	}
	return internalError(id, detail)
}

// connect returns a connection to the node, from the pool unless the call
// wants one of its own.
func (x *exchange) connect() (connection, error) {
	s := x.settings
	x.dialled = false
	if x.opts.ConnClose {
		c, err := s.opts.Transport.Dial(x.node.Address, x.dial...)
		return connection{Client: c}, err
	}
	c, err := s.pool.Get(x.node.Address, x.dial...)
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

// setTimeout tells the handler how much time it has.
func (x *exchange) setTimeout(now time.Time) {
	if end := x.end(); !end.IsZero() {
		wire.SetTimeout(x.request.Header, end.Sub(now))
	}
}

// encode fills the request.
func (x *exchange) encode() error {
	format, contentType, err := x.settings.formatFor(x.node, x.req.ContentType())
	if err != nil {
		return internalError(clientID, err.Error())
	}
	id := strconv.FormatUint(x.settings.client.nextID(), 10)
	setHeaders(x.request.Header, x.ctx, x.req, contentType, id)
	x.out = requestMessage(x.req, id, x.request.Header)
	x.coder = format.Coder()
	body, err := x.coder.Encode(&x.out, x.req.Body())
	if err != nil {
		x.coder.Release()
		return codecError(err)
	}
	x.request.Body = body
	return nil
}
