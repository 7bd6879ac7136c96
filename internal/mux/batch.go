package mux

import (
	"sync"
	"time"
)

// batch is what is written at once: what waited in out, and frames of messages
// that are in the line.
type batch struct {
	waited []byte
	pieces []piece
	size   int  // of all pieces that are left
	wrote  int  // of all pieces
	shared bool // some of them lie in a sender's memory
	space  [1 + 2*batchFrames]piece
	own    []byte  // what was copied
	sealed bool    // the pieces are records of TLS
	room   *[]byte // of copies, for the records of a large batch
}

// piece is a part of a batch.
type piece struct {
	data []byte
	from *transfer // whose memory data is, nil for the connection's
}

// add adds a piece to a batch, unless there is nothing in it.
func (b *batch) add(p piece) {
	if len(p.data) == 0 {
		return
	}
	b.pieces = append(b.pieces, p)
	b.size += len(p.data)
	b.shared = b.shared || p.from != nil
}

// copy adds a copy of data to a batch.
func (b *batch) copy(data []byte) {
	start := len(b.own)
	b.own = append(b.own, data...)
	b.add(piece{data: b.own[start:]})
}

// untaken is how much of what waited was certainly not written. Records do not tell
// what is in them.
func (b *batch) untaken() int {
	if b.sealed && b.wrote > 0 {
		return 0
	}
	return max(0, len(b.waited)-b.wrote)
}

// attempt writes as much of a batch as the connection takes at once.
func (c *Conn) attempt(b *batch) error {
	if b.shared {
		c.pin(b)
	}
	for _, p := range b.pieces {
		c.direct.add(p.data)
	}
	n, err := c.direct.writeAdded()
	c.mu.Lock()
	if b.shared {
		c.unpinAll(b)
	}
	b.wrote += n
	for b.size -= n; n > 0; {
		p := &b.pieces[0]
		more := min(n, len(p.data))
		n -= more
		p.data = p.data[more:]
		if p.from != nil {
			c.wrote(p.from, more)
		}
		if len(p.data) == 0 {
			b.pieces = b.pieces[1:]
		}
	}
	if b.size == 0 {
		c.writer.done(b)
	}
	c.mu.Unlock()
	if b.sealed && b.size == 0 {
		c.seal.Sent()
	}
	return err
}

// pin keeps the memory of the senders for a write.
func (c *Conn) pin(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range b.pieces {
		if p.from != nil {
			p.from.pins++
		}
	}
}

// unpinAll ends pin. The lock is held.
func (c *Conn) unpinAll(b *batch) {
	for i := range b.pieces {
		if t := b.pieces[i].from; t != nil {
			c.unpin(t)
		}
	}
}

// copies holds buffers for a batch, also for one of sealed frames.
var copies = sync.Pool{New: func() any { b := make([]byte, 0, batchFrames*MaxPayload+8<<10); return &b }}

// sealBatch puts the records of TLS that a batch becomes in its place, after which no
// sender's memory is in use. So a lone caller writes by itself under TLS as well: no
// goroutine is woken for it.
func (c *Conn) sealBatch(b *batch) error {
	data, records := b.waited, c.writer.records // only one goroutine writes
	if b.size > maxCopied {
		b.room = copies.Get().(*[]byte)
		records = *b.room
	}
	if data == nil || len(b.pieces) > 1 {
		buffer := copies.Get().(*[]byte)
		defer copies.Put(buffer)
		c.mu.Lock()
		data = c.copyOut(b, *buffer)
		c.mu.Unlock()
	}
	records, err := c.seal.Seal(data, records)
	c.mu.Lock()
	defer c.mu.Unlock()
	b.pieces, b.size, b.shared, b.sealed = b.space[:0], 0, false, true
	b.add(piece{data: records})
	if b.room == nil && cap(records) <= keepPending {
		c.writer.records = records[:0]
	}
	return err
}

// writeCopy writes a batch to a connection that can only be written to by
// blocking, after a copy: the senders may not wait for as long as that takes. It
// gives the buffer of the batch back.
func (c *Conn) writeCopy(b *batch) error {
	data := b.waited
	if data == nil || len(b.pieces) > 1 {
		var room []byte // of its own for a small batch: a write may take long
		if b.size > maxCopied {
			buffer := copies.Get().(*[]byte)
			defer copies.Put(buffer)
			room = *buffer
		}
		c.mu.Lock()
		data = c.copyOut(b, room)
		c.mu.Unlock()
	}
	c.conn.SetWriteDeadline(time.Now().Add(writeStall)) //nolint:errcheck // a closed connection fails the write
	_, err := c.conn.Write(data)
	c.mu.Lock()
	c.writer.done(b)
	c.mu.Unlock()
	return err
}

// copyOut appends a batch to data, after which no sender's memory is in use. The
// lock is held.
func (c *Conn) copyOut(b *batch, data []byte) []byte {
	pieces := b.pieces
	b.pieces = nil // so that nobody who goes on copies what is copied here
	for _, p := range pieces {
		data = append(data, p.data...)
		if p.from != nil {
			c.wrote(p.from, len(p.data))
		}
	}
	return data
}

// done forgets a batch that was written. The lock is held.
func (w *writer) done(b *batch) {
	w.keep(b.waited)
	clear(b.space[:])
	b.waited, b.pieces, b.own = nil, nil, b.own[:0]
	if cap(b.own) > keepPending {
		b.own = nil
	}
	if b.room != nil {
		copies.Put(b.room)
		b.room = nil
	}
}
