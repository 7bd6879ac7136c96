package pool

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
)

// pool holds idle connections in a stack for each address.
type pool struct {
	options Options

	mu     sync.Mutex
	idle   map[string][]*conn // guarded by mu: by dialled address, oldest use first
	swept  time.Time          // guarded by mu: when sweep last looked
	closed bool               // guarded by mu
}

// conn is a connection and where it was dialled.
type conn struct {
	transport.Client
	reuser  transport.Reuser // nil when the transport does not tell
	carrier wire.Carrier     // nil when the transport needs maps
	pool    *pool
	addr    string
	id      string
	created time.Time
	out     bool // guarded by pool.mu: handed out
}

// Id returns the connection's UUID.
func (c *conn) Id() string { return c.id }

// Created returns the time of the dial.
func (c *conn) Created() time.Time { return c.created }

// Carrier returns the connection as one that sends and receives headers without
// maps, nil when its transport cannot do that.
func (c *conn) Carrier() wire.Carrier { return c.carrier }

// Close does nothing; see Conn.
func (c *conn) Close() error { return nil }

// fit reports whether the connection can serve another call.
func (c *conn) fit() bool {
	return time.Since(c.created) <= c.pool.options.TTL && (c.reuser == nil || c.reuser.Reusable())
}

func (p *pool) Get(addr string, opts ...transport.DialOption) (Conn, error) {
	for {
		c := p.pop(addr)
		if c == nil {
			return p.dial(addr, opts)
		}
		if c.fit() {
			return c, nil
		}
		c.Client.Close() // the caller wants a connection, not news of an old one
	}
}

func (p *pool) dial(addr string, opts []transport.DialOption) (Conn, error) {
	p.sweep()
	client, err := p.options.Transport.Dial(addr, opts...)
	if err != nil {
		return nil, err
	}
	c := &conn{Client: client, pool: p, addr: addr, id: uuid.NewString(), created: time.Now(), out: true}
	c.reuser, _ = client.(transport.Reuser)
	c.carrier, _ = client.(wire.Carrier)
	return c, nil
}

// pop takes the connection to addr that was used last, nil if there is none.
func (p *pool) pop(addr string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	stack := p.idle[addr]
	if len(stack) == 0 {
		return nil
	}
	last := len(stack) - 1
	c := stack[last]
	stack[last] = nil
	p.idle[addr] = stack[:last]
	c.out = true
	return c
}

func (p *pool) Release(released Conn, err error) error {
	c, ok := released.(*conn)
	if !ok || c.pool != p {
		return errors.New("release: the connection is not one of this pool")
	}
	keep := err == nil && c.fit()
	kept, owned := p.push(c, keep)
	if kept || !owned {
		return nil
	}
	return c.Client.Close()
}

// push puts a connection back if it may be kept and there is room. Owned is
// false when the connection was not handed out.
func (p *pool) push(c *conn, keep bool) (kept, owned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.out {
		return false, false
	}
	c.out = false
	stack := p.idle[c.addr]
	if !keep || p.closed || len(stack) >= p.options.Size {
		if len(stack) == 0 {
			delete(p.idle, c.addr) // an address that is gone leaves nothing behind
		}
		return false, true
	}
	p.idle[c.addr] = append(stack, c)
	return true, true
}

// sweep closes what has aged, at most once in a TTL. Without it connections to
// servers that are gone for good would stay: nobody asks for their address.
func (p *pool) sweep() {
	for _, c := range p.aged(time.Now()) {
		c.Client.Close()
	}
}

// aged takes the connections past their TTL out of the pool.
func (p *pool) aged(now time.Time) (out []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) < p.options.TTL {
		return nil
	}
	p.swept = now
	for addr, stack := range p.idle {
		kept := slices.DeleteFunc(stack, func(c *conn) bool {
			old := now.Sub(c.created) > p.options.TTL
			if old {
				out = append(out, c)
			}
			return old
		})
		if len(kept) == 0 {
			delete(p.idle, addr)
		} else {
			p.idle[addr] = kept
		}
	}
	return out
}

func (p *pool) Close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = map[string][]*conn{}
	p.closed = true
	p.mu.Unlock()
	var errs []error
	for _, stack := range idle {
		for _, c := range stack {
			errs = append(errs, c.Client.Close())
		}
	}
	return errors.Join(errs...)
}
