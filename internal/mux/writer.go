package mux

import (
	"runtime"
	"slices"
	"time"
)

const (
	// maxPending is how many bytes may wait to be written before further
	// messages line up.
	maxPending = 128 << 10
	// hardPending is how much may wait with the frames that cannot line up,
	// such as answers to pings. A peer that makes more of them without reading
	// any loses its connection.
	hardPending = 2 << 20
	// keepPending is the largest buffer that a quiet connection keeps.
	keepPending = 64 << 10
	// batchFrames is how many frames of large bodies are written at once.
	batchFrames = 4
	// fullBatch is how many messages are worth a write although more are coming.
	fullBatch = 32
	// maxRounds is how many writes a sender makes for others before a goroutine
	// of the connection goes on.
	maxRounds = 4
	// writeStall is how long the peer may take to accept what is written.
	writeStall = 30 * time.Second
	// lastWord is how long the last frame of a connection may take to leave.
	lastWord = 500 * time.Millisecond
)

// writer is the part of a connection that writes. Small messages are copied
// into out; all others line up and are written from where they lie, a frame of
// each by turns. Whoever finds nobody writing writes; what comes meanwhile
// leaves with the next write. No sender ever blocks in a write: when the
// connection does not take all at once, a goroutine of its own writes on.
//
// All of it is guarded by Conn.mu.
type writer struct {
	out     []byte // frames that no write was started with
	spare   []byte // the buffer that is out next
	records []byte // the buffer of small batches that are sealed
	frames  int    // in out, of messages
	crowded bool   // the last write carried several messages
	piped   bool   // a socket sent several messages without waiting for any, or has others to answer
	writing bool
	batch   batch         // for the one that writes
	rested  chan struct{} // closed when writing ends; nil when nobody waits for that
	err     error         // why nothing can be written any more

	// queued counts the bytes that were ever in out, and attempted those of them
	// that a write was started with, without those that the system did not take
	// when the connection broke. What lies beyond has certainly not reached the peer.
	queued, attempted uint64

	line   []*transfer // messages that wait for room, for credit, or for their turn
	heads  memory      // the headers of calls that this end may repeat
	credit int         // what the peer lets this end send
	spent  int         // credit that was used and not given back
	raised bool        // the peer has raised its limit
}

// spend takes n bytes off the credit of the connection.
func (w *writer) spend(n int) {
	w.credit -= n
	w.spent += n
}

// add adds to what is to be written.
func (w *writer) add(b []byte) {
	w.out = append(w.out, b...)
	w.queued += uint64(len(b))
}

// put writes frames that may not wait. It is called with the lock held and
// releases it.
func (c *Conn) put(frames []byte) {
	w := &c.writer
	if w.err != nil {
		c.mu.Unlock()
		return
	}
	if len(w.out) > hardPending {
		c.mu.Unlock()
		c.fail(violated("the peer does not read"))
		return
	}
	w.add(frames)
	c.kick()
}

// kick sees to it that what waits is written. It is called with the lock held
// and releases it.
//
// A lone message is written at once by the goroutine that sends it. While the
// reader works on several messages that have arrived together, what is sent
// waits for its end. When others are about to follow, the sender lets them run
// first: they add to the batch. A stream that sends without waiting, or answers
// messages that wait, has a goroutine of the connection's own write, so that it can
// go on meanwhile: pipelined messages of a stream are twice as many a second.
func (c *Conn) kick() {
	w := &c.writer
	switch {
	case w.writing, w.err != nil, len(w.out) == 0 && !c.mayFill():
	case c.deferring.Load() && w.frames < fullBatch && len(w.line) == 0:
	case c.direct == nil, w.piped && w.frames < fullBatch:
		w.writing = true
		c.own.Go(func() { c.writeOn(nil) })
	default:
		w.writing = true
		crowded := w.crowded
		c.mu.Unlock()
		if crowded {
			runtime.Gosched()
		}
		c.flush()
		return
	}
	c.mu.Unlock()
}

// mayFill reports whether a message of the line can go on. The lock is held.
func (c *Conn) mayFill() bool {
	_, ok := c.next()
	return ok
}

// flush writes until nothing waits, or until that takes too long for a
// goroutine that has other things to do. Only the goroutine that set writing
// calls it.
func (c *Conn) flush() {
	for range maxRounds {
		b, err := c.take()
		if b == nil {
			return
		}
		if err == nil {
			err = c.attempt(b)
		}
		if err != nil {
			c.broken(b, err)
			return
		}
		if b.size > 0 {
			c.spawn(b)
			return
		}
	}
	c.spawn(nil)
}

// spawn lets a goroutine write a batch and what waits, unless the connection has
// ended: from then on nobody may be added to those that are waited for.
func (c *Conn) spawn(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer.err == nil {
		c.own.Go(func() { c.writeOn(b) })
		return
	}
	c.writer.rest()
}

// writeOn writes a batch, and then what waits, blocking.
func (c *Conn) writeOn(b *batch) {
	for {
		var err error
		if b == nil {
			runtime.Gosched() // others may join
			if b, err = c.take(); b == nil {
				return
			}
		}
		switch {
		case err != nil:
		case c.direct == nil:
			err = c.writeCopy(b)
		default:
			err = c.writeDirect(b)
		}
		if err != nil {
			c.broken(b, err)
			return
		}
		b = nil
	}
}

// writeDirect writes a batch, and waits for the connection to take it. While it
// waits no sender's memory is in use.
func (c *Conn) writeDirect(b *batch) error {
	err := c.attempt(b)
	for err == nil && b.size > 0 {
		var failed error
		err = c.direct.wait(c.conn, writeStall, func() bool {
			left := b.size
			failed = c.attempt(b)
			return failed != nil || b.size < left
		})
		err = orElse(err, failed)
	}
	return err
}

// take returns what is to be written next, sealed under TLS. When that is nothing it
// is nil, and nobody writes any more.
func (c *Conn) take() (*batch, error) {
	b := c.collect()
	if b == nil || c.seal == nil {
		return b, nil
	}
	return b, c.sealBatch(b)
}

// collect is take without the seal.
func (c *Conn) collect() *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &c.writer
	if w.err == nil && (len(w.out) > 0 || len(w.line) > 0) {
		b := &w.batch // only one goroutine writes
		b.waited, b.pieces, b.size, b.wrote, b.shared, b.sealed = nil, b.space[:0], 0, 0, false, false
		if len(w.out) > 0 {
			b.waited = w.swap()
			b.add(piece{data: b.waited})
		}
		if c.fill(b); b.size > 0 {
			return b
		}
	}
	w.rest()
	return nil
}

// swap returns out and puts an empty buffer in its place. The lock is held.
func (w *writer) swap() []byte {
	waited := w.out
	w.out, w.spare = w.spare[:0], nil
	w.attempted = w.queued
	w.crowded, w.frames, w.piped = w.frames > 1, 0, false
	return waited
}

// keep keeps a buffer for a later batch. The lock is held.
func (w *writer) keep(b []byte) {
	if b != nil && w.spare == nil && cap(b) <= keepPending {
		w.spare = b[:0]
	}
}

// broken ends a connection that did not take all of a batch. Messages that have only
// their ends in it are nowhere else.
func (c *Conn) broken(b *batch, err error) {
	c.mu.Lock()
	c.writer.attempted -= uint64(b.untaken())
	pieces := b.pieces
	b.pieces = nil
	for _, p := range pieces {
		if p.from != nil {
			c.giveUp(p.from, notWhole(err))
		}
	}
	c.writer.rest()
	c.mu.Unlock()
	c.fail(err)
}

// rest ends writing. The lock is held.
func (w *writer) rest() {
	w.writing = false
	if w.rested != nil {
		close(w.rested)
		w.rested = nil
	}
}

// endWriter makes everything fail with err that is not written yet. The lock is
// held.
func (c *Conn) endWriter(err error) {
	w := &c.writer
	w.err = err
	w.out, w.spare = nil, nil
	for _, t := range slices.Clone(w.line) {
		c.giveUp(t, notWhole(err))
	}
	if !w.writing {
		w.rest()
	}
}

// sayLast writes what waits and a goaway that says why the connection ends. It
// waits for a short time when somebody is writing.
func (c *Conn) sayLast(why string) {
	c.mu.Lock()
	w := &c.writer
	if w.err != nil {
		c.mu.Unlock()
		return
	}
	c.leave()
	c.deferring.Store(false)
	w.add(appendGoAway(nil, goAwayEnd, c.lastID, why))
	if !w.writing {
		w.writing = true
		c.own.Go(func() { c.writeOn(nil) })
	}
	rested := w.resting()
	c.mu.Unlock()
	timer := time.NewTimer(lastWord)
	defer timer.Stop()
	select {
	case <-rested:
	case <-timer.C:
	}
}

// flushed waits until nothing waits to be written, or until the channel is
// closed.
func (c *Conn) flushed(done <-chan struct{}) {
	for {
		c.mu.Lock()
		w := &c.writer
		if w.err != nil || !w.writing && len(w.out) == 0 && len(w.line) == 0 {
			c.mu.Unlock()
			return
		}
		rested := w.resting()
		c.kick()
		select {
		case <-rested:
		case <-done:
			return
		}
	}
}

// writeAlone waits until nobody writes, for limit at most, and has nobody else write
// until rest. It is false when the limit is over.
func (c *Conn) writeAlone(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		c.mu.Lock()
		w := &c.writer
		if !w.writing {
			w.writing = true
			c.mu.Unlock()
			return true
		}
		rested := w.resting()
		c.mu.Unlock()
		select {
		case <-rested:
		case <-timer.C:
			return false
		}
	}
}

// resting returns a channel that is closed when writing ends. The lock is held.
func (w *writer) resting() <-chan struct{} {
	if w.rested == nil {
		w.rested = make(chan struct{})
	}
	return w.rested
}
