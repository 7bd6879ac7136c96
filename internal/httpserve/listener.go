package httpserve

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/logger"
)

// listener accepts only as fast as strangers may make it work for nothing.
type listener struct {
	net.Listener
	run     *Run
	secure  bool   // the server adds TLS
	h2c     bool   // it serves HTTP/2 without
	begin   func() // is called before the first connection, and does nothing after that
	closed  chan struct{}
	closing sync.Once // of closed
}

// Accept returns the next connection.
func (l *listener) Accept() (net.Conn, error) {
	l.begin()
	l.run.floods.Admit(l.closed, func(what string) {
		l.run.log.Logf(logger.WarnLevel, "%s: listener %s %s", l.run.name, l.Addr(), what)
	})
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, secure := c.(interface{ ConnectionState() tls.ConnectionState }); secure || l.secure || !l.h2c {
		return c, nil
	}
	return &plainConn{Conn: c, account: l.run.floods, done: l.closed}, nil
}

// Close ends the waiting as well, of Accept and of connections that are ended.
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// visit is what is known of a connection. It is in the context of its requests.
type visit struct {
	served atomic.Bool          // the account knows, or is to be told by a flood.Conn
	tls    *tls.ConnectionState // of HTTP/2 that was handed over
}

// visitKey is the context key of the visit.
type visitKey struct{}

// visitOf returns the visit that a context belongs to, or nil if somebody else's
// implementation of HTTP/2 has left it out.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// connContext counts the connections, and shows next, if there is one, those that
// were accepted.
func (r *Run) connContext(next func(context.Context, net.Conn) context.Context) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		if handed, ok := c.(*secureConn); ok {
			return handed.ctx // of the connection that it was accepted as
		}
		r.floods.Connected()
		v := new(visit)
		if plain, ok := c.(*plainConn); ok {
			plain.visit = v
			c = plain.Conn
		}
		if next != nil {
			ctx = next(ctx, c)
		}
		return context.WithValue(ctx, visitKey{}, v)
	}
}

// connState shows next the connections that were accepted.
func connState(next func(net.Conn, http.ConnState)) func(net.Conn, http.ConnState) {
	if next == nil {
		return nil
	}
	return func(c net.Conn, state http.ConnState) {
		switch conn := c.(type) {
		case *plainConn:
			c = conn.Conn
		case *secureConn:
			if state == http.StateNew || state == http.StateClosed {
				return // it is, or will be, as the connection that was accepted
			}
			c = conn.tls
		}
		next(c, state)
	}
}

// arrived notes that a request of a connection has reached the handler, and
// completes it.
func (r *Run) arrived(req *http.Request) {
	v := visitOf(req.Context())
	if v == nil {
		return
	}
	if v.tls != nil {
		req.TLS = v.tls
	}
	if !v.served.Load() && !v.served.Swap(true) {
		r.floods.Served()
	}
}
