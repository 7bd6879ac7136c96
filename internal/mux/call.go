package mux

import (
	"io"
	"sync"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// Call is a call at the end that makes it: a request and its reply. It is used
// for one after the other.
type Call struct {
	ready chan struct{} // has a token when the call is over

	binding sync.Mutex // guards what follows
	conn    *Conn      // of the call that is made, nil when there is none
	broken  error      // what Break was called with

	id      uint32 // and all that follows: guarded by conn.mu
	reply   *wire.Reply
	heard   uint64    // what was heard of the peer when the request was sent
	pending *transfer // the request, while it waits
	written bool      // the whole request was sent, or waits in out
	end     uint64    // where it ends in all that was written
	waiting bool
	over    bool
	err     error
}

// NewCall returns a Call.
func NewCall() *Call { return &Call{ready: make(chan struct{}, 1)} }

// begin takes a number for the call. The error wraps wire.ErrNotSent.
func (k *Call) begin(c *Conn, reply *wire.Reply) error {
	k.binding.Lock()
	defer k.binding.Unlock()
	if k.broken != nil {
		return k.broken
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id, err := c.number()
	if err != nil {
		return err
	}
	k.conn = c
	k.id, k.reply, k.heard = id, reply, c.heard.Load()
	k.pending, k.written, k.end, k.waiting, k.over, k.err = nil, false, 0, false, false, nil
	c.addCall(k)
	return nil
}

// Do makes the call on a connection. It returns when the reply is there, or when
// Break was called.
func (k *Call) Do(c *Conn, r *wire.Request, reply *wire.Reply) error {
	if err := k.begin(c, reply); err != nil {
		return err
	}
	err := k.send(r)
	if err != nil {
		k.abandon(c, err, false)
	}
	return orElse(err, k.await())
}

func (k *Call) send(r *wire.Request) error {
	const flags = flagOpen | flagExchange | flagLast
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	first, err := wire.AppendBlock(start(*buffer, flags, r), r.Fields)
	if err != nil {
		return err
	}
	if cap(first) <= maxCopied {
		*buffer = first
	}
	m := outgoing{id: k.id, flags: flags, first: first, body: r.Body, call: k}
	return k.conn.send(&m, 0)
}

// await waits for the reply.
func (k *Call) await() error {
	c := k.conn
	for {
		c.mu.Lock()
		if k.over {
			err := k.err
			c.mu.Unlock()
			select {
			case <-k.ready:
			default:
			}
			return err
		}
		if !k.waiting {
			k.waiting = true
			c.waits()
		}
		c.mu.Unlock()
		if !c.lead(k, k.isOver) {
			<-k.ready
		}
	}
}

func (k *Call) isOver() bool {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	return k.over
}

// Break ends the call with err, or the next one if there is none. The peer is
// told. If it is late, and nothing was heard of the peer since the request was
// sent, the connection is suspected of being dead.
func (k *Call) Break(err error, late bool) {
	k.binding.Lock()
	k.broken = err
	c := k.conn
	k.binding.Unlock()
	if c == nil {
		return
	}
	k.abandon(c, err, late)
}

// abandon ends the call with err, unless it is over. The connection is suspected
// before the caller can make another call.
func (k *Call) abandon(c *Conn, err error, late bool) {
	c.mu.Lock()
	if k.over {
		c.mu.Unlock()
		return
	}
	if late {
		c.suspect(k.heard)
	}
	c.turn.interrupt(c, k)
	begun := k.written || k.pending != nil && k.pending.begun
	over := k.finish(err)
	switch {
	case over:
		c.mu.Unlock()
		c.Close()
	case begun:
		c.put(appendReset(make([]byte, 0, headSize+1), k.id, resetCancelled, ""))
	default:
		c.kick()
	}
}

// finish ends the call. The lock is held. It reports whether the connection is to
// be closed.
func (k *Call) finish(err error) (over bool) {
	c := k.conn
	k.over, k.err = true, err
	if c.calls[k.id] == k {
		delete(c.calls, k.id)
		over = c.removed()
	}
	if k.pending != nil {
		c.giveUp(k.pending, orElse(err, errClosed))
	}
	if k.waiting {
		k.waiting = false
		c.blocked--
	}
	signal(k.ready)
	return over
}

// lost ends the call because the connection has ended with err. The lock is held.
func (k *Call) lost(err error) {
	if !k.written || k.end > k.conn.writer.attempted {
		err = notWhole(err)
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	k.finish(err)
}

// answer completes the call. The lock is held.
func (k *Call) answer(h wire.Header, body []byte) (over bool) {
	k.reply.Header, k.reply.Body = h, body
	return k.finish(nil)
}
