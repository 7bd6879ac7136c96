package server

import (
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// exchangeConn serves the exchanges of one multiplexed connection. Each is a call,
// which reads and writes on its own.
type exchangeConn struct {
	calls
	run           *run
	local, remote string
	backlog       backlog
}

// Connect is told of a multiplexed connection.
func (r *run) Connect(local, remote string) wire.Connection {
	c := &exchangeConn{run: r, local: local, remote: remote}
	r.connect(c)
	return c
}

// End is told that the connection has ended, with all its exchanges.
func (c *exchangeConn) End() {
	c.lose(errConnectionLost)
	c.run.disconnect(c)
}

// Serve serves one exchange. Requests to endpoints that are known to be quick are
// served by the goroutine that reads the connection; others by one of their own.
func (c *exchangeConn) Serve(x wire.Exchange, h wire.Header, body []byte, here bool) {
	head := h.Head()
	if head.Topic != "" {
		c.later(x, head.Topic, h, body)
		return
	}
	if err := overlong(&head); err != nil {
		c.turnAway(x, head.Stream, err)
		return
	}
	st := c.run.server.settings.Load()
	format, err := st.complete(&head, &h)
	if err != nil {
		c.turnAway(x, head.Stream, err)
		return
	}
	k := newCall(c, c.run, st, &head, format, incoming{h, body})
	k.exchange, k.single = x, x.Single()
	if !k.single {
		k.source = &k.own
		k.request.stream = true
	}
	if err := c.begin(k); err != nil {
		k.coder.Release()
		c.turnAway(x, head.Stream, err)
		return
	}
	x.OnEnd(k)
	if !k.single {
		k.unwatch = k.ctx.AfterFunc(func() { x.Interrupt(causeOf(&k.ctx)) })
	}
	k.pace = st.pace(&head)
	if here && k.single && len(body) <= smallBody && k.pace.isQuick() {
		k.serve()
		return
	}
	c.run.workers.do(k)
}

func (c *exchangeConn) begin(k *call) error {
	if !c.run.begin() {
		return errStopped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		c.run.done()
		return errConnectionLost
	}
	c.add(k)
	return nil
}

func (c *exchangeConn) freed(k *call) { k.exchange.Consumed() }

func (c *exchangeConn) ended(k *call) {
	if k.unwatch != nil {
		k.unwatch()
	}
	_ = k.exchange.Close() // nobody is left who could be told
	c.mu.Lock()
	c.remove(k)
	c.mu.Unlock()
	c.all.Done()
	c.run.done()
}

// turnAway refuses an exchange in a goroutine of its own: sending may wait for what
// the goroutine that reads has to read.
func (c *exchangeConn) turnAway(x wire.Exchange, stream string, err error) {
	c.run.serving.Go(func() { c.refuse(x, stream, err) })
}

// refuse answers an exchange that cannot become a call.
func (c *exchangeConn) refuse(x wire.Exchange, stream string, err error) {
	defer x.Close()
	var fields [8]wire.Field
	text := err.Error()
	f := append(fields[:0], wire.Field{Name: headers.ContentType, Value: "text/plain"},
		wire.Field{Name: headers.Error, Value: text}, wire.Field{Name: "X-" + headers.Error, Value: text})
	if stream != "" {
		f = append(f, wire.Field{Name: headers.Stream, Value: stream})
	}
	if err := x.SendFields(f, nil); err != nil && !c.isLost() {
		logger.LoggerOrDefault(c.run.logger()).Logf(logger.DebugLevel, "server: refuse a request of %s: %v", c.remote, err)
	}
}

func (c *exchangeConn) addresses() (local, remote string) { return c.local, c.remote }
func (c *exchangeConn) needsMap() bool                    { return false }
func (c *exchangeConn) speaksHTTP() bool                  { return false }
func (c *exchangeConn) close()                            {} // the listener closes it

func (c *exchangeConn) sendFields(k *call, fields []wire.Field, body []byte) error {
	if len(body) > smallBody {
		k.pace.waits()
	}
	if !k.single {
		return k.exchange.SendFields(fields, body) // which waits for who reads the stream
	}
	n := sizeOf(fields, body)
	c.backlog.sending(n)
	err := k.exchange.SendFields(fields, body)
	for _, k := range c.backlog.sent(n) {
		c.run.workers.do(k)
	}
	return err
}

func (c *exchangeConn) postpones(k *call) bool { return k.single && c.backlog.postpone(k) }

func (c *exchangeConn) failed(k *call) {
	if c.backlog.remove(k) {
		c.run.workers.do(k) // it is told so, and not handled
	}
}

func (c *exchangeConn) sendMap(k *call, h map[string]string, body []byte) error {
	return c.sendFields(k, wire.AppendMap(nil, h), body)
}

// Ended is told that the caller of an exchange has gone.
func (k *call) Ended(error) { k.fail(errConnectionLost) }
