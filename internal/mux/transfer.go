package mux

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// maxCopied is the largest message that is copied into the batch which leaves
// next, rather than written from where it lies.
const maxCopied = 16 << 10

// scratch holds the starts of messages while they are put together.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// outgoing is a message that is sent.
type outgoing struct {
	id     uint32
	flags  uint8
	first  []byte // room for the head and the lengths, an id and time left, the header block
	body   []byte
	socket *Socket // nil for the request of a call
	call   *Call   // instead of socket
}

// start puts the start of a message into b, which the header block follows. Whether
// that repeats another one is known when the message is begun.
func start(b []byte, flags uint8, r *wire.Request) []byte {
	var room [headSize + beginSize]byte
	b = append(b[:0], room[:]...)
	if flags&flagExchange != 0 {
		b = binary.BigEndian.AppendUint64(b, r.ID)
		b = binary.BigEndian.AppendUint64(b, uint64(max(0, r.Left)))
	}
	return b
}

// blockAt is where the header block begins in first.
func (m *outgoing) blockAt() int { return headSize + head{flags: m.flags}.beginSize() }

// length is what the message costs on its socket.
func (m *outgoing) length() int { return MessageCost + len(m.first) - m.blockAt() + len(m.body) }

// cost is the credit that the message needs.
func (m *outgoing) cost() int {
	if m.flags&flagOpen != 0 {
		return m.length() + OpenCost
	}
	return m.length()
}

// copied reports whether the message is small enough to be copied.
func (m *outgoing) copied() bool { return len(m.first)+len(m.body) <= maxCopied }

// send sends a message, within limit if that is not 0, and keeps nothing of it.
func (c *Conn) send(m *outgoing, limit time.Duration) error {
	if len(m.body) > c.config.MaxMessage {
		return fmt.Errorf("%w: body of %d bytes, the limit is %d", wire.ErrTooLarge, len(m.body), c.config.MaxMessage)
	}
	c.mu.Lock()
	w := &c.writer
	if err := c.sendable(m); err != nil {
		c.mu.Unlock()
		return err
	}
	if m.copied() && len(w.line) == 0 && len(w.out) <= maxPending && c.mayBegin(m) {
		c.begin(m)
		w.add(m.first)
		w.add(m.body)
		w.frames++
		c.sent(m, w.queued)
		c.kick()
		return nil
	}
	if w.raised && m.cost() > w.credit+w.spent {
		capacity := w.credit + w.spent
		c.mu.Unlock()
		return fmt.Errorf("%w: message that needs %d bytes of the peer, which has %d for this connection", wire.ErrTooLarge, m.cost(), capacity)
	}
	if s := m.socket; s != nil && s.broken != nil {
		err := s.broken
		c.mu.Unlock()
		return err
	}
	t := &transfer{message: *m, left: len(m.body), done: make(chan struct{}, 1)}
	w.line = append(w.line, t)
	m.pending(t)
	c.kick()
	c.attend() // what is awaited has to be read
	return c.await(t, limit)
}

// pending notes the transfer of a message with its socket or call. The lock is
// held.
func (m *outgoing) pending(t *transfer) {
	if m.call != nil {
		m.call.pending = t
	} else {
		m.socket.pending = t
	}
}

// sendable returns why a message cannot be sent. The lock is held.
func (c *Conn) sendable(m *outgoing) error {
	switch s := m.socket; {
	case s != nil && s.closed:
		return io.EOF
	case s != nil && s.sendErr != nil:
		return notWhole(s.sendErr)
	case m.call != nil && m.call.over:
		return m.call.err
	case c.writer.err != nil:
		return notWhole(c.writer.err)
	}
	return nil
}

// notWhole is the error of a message that was not sent as a whole. Without its
// end the peer cannot act on it.
func notWhole(err error) error {
	if err == io.EOF {
		err = errClosed
	}
	return wire.NotSent(err)
}

// mayBegin reports whether there is credit for a message. The lock is held.
func (c *Conn) mayBegin(m *outgoing) bool {
	return m.cost() <= c.writer.credit && !m.stalled()
}

// stalled reports whether the peer's user does not keep up with the socket.
func (m *outgoing) stalled() bool { return m.socket != nil && !m.socket.single && m.socket.credit <= 0 }

// begin spends the credit of a message and completes the start of its first
// frame. The lock is held.
func (c *Conn) begin(m *outgoing) {
	w := &c.writer
	at := m.blockAt()
	block := m.first[at:]
	switch {
	case m.flags&flagLast != 0:
		if i, ok := w.heads.find(block); ok {
			m.flags |= flagRepeat
			m.first = append(m.first[:at], i)
		} else {
			w.heads.remember(string(block), nil)
		}
	case !repeatable(len(block)):
	case string(block) == m.socket.sentBlock:
		m.flags |= flagRepeat
		m.first = m.first[:at]
	default:
		m.socket.sentBlock = string(block)
	}
	w.spend(m.cost())
	if s := m.socket; s != nil {
		s.opened = true
		if m.flags&flagExchange == 0 { // the first message of an exchange does not wait on the socket
			s.credit -= m.length()
		}
	}
	start := len(m.first) - headSize
	appendHead(m.first[:0], head{kindMessage, m.flags | flagBegin, start + min(len(m.body), MaxPayload-start), m.id})
	binary.BigEndian.PutUint16(m.first[headSize:], uint16(len(m.first)-at))
	binary.BigEndian.PutUint32(m.first[headSize+2:], uint32(len(m.body)))
}

// sent follows the last byte of a message. End is where that is in all that was
// ever in out, 0 when it is known to have been written. The lock is held.
func (c *Conn) sent(m *outgoing, end uint64) {
	if k := m.call; k != nil {
		k.end, k.written = end, true
		return
	}
	s := m.socket
	s.midway = false
	switch {
	case m.flags&flagLast != 0:
		c.remove(s)
	case s.unanswered == 0:
		s.unanswered = max(end, 1)
		c.writer.piped = c.writer.piped || s.next < len(s.queue) // it will answer that as well
	default:
		c.writer.piped = true
	}
}

// transfer is a message that waits for room, for credit or for its turn.
type transfer struct {
	message outgoing
	begun   bool
	offset  int  // of body, as far as it is in batches
	taken   bool // all of it is
	left    int  // bytes of body that were not written
	pins    int  // writes that read body right now
	over    bool
	err     error
	done    chan struct{} // has a token when over is set and nobody reads body
}

// await waits until a transfer is over. It gives up at the limit.
func (c *Conn) await(t *transfer, limit time.Duration) error {
	if limit > 0 {
		timer := time.AfterFunc(limit, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.giveUp(t, wire.NotSent(timedOut("send", limit)))
		})
		defer timer.Stop()
	}
	<-t.done
	return t.err
}

// giveUp ends a transfer with err, unless all of it is on its way: then it counts
// as sent. The socket cannot send any more if a part of the message was sent: what
// follows would be taken for the rest of it. The lock is held.
func (c *Conn) giveUp(t *transfer, err error) {
	if t.over {
		return
	}
	if t.taken {
		c.finish(t, nil)
		return
	}
	if s := t.message.socket; s != nil && t.begun && s.sendErr == nil {
		s.sendErr = err
	}
	w := &c.writer
	w.line = slices.DeleteFunc(w.line, func(other *transfer) bool { return other == t })
	c.finish(t, err)
}

// finish ends a transfer. The lock is held.
func (c *Conn) finish(t *transfer, err error) {
	t.over, t.err = true, err
	t.message.pending(nil)
	if t.pins == 0 {
		c.part(t)
	}
}

// unpin follows a write that has read the body. The lock is held.
func (c *Conn) unpin(t *transfer) {
	if t.pins--; t.pins == 0 && t.over {
		c.part(t)
	}
}

// part gives the sender its memory back. What was not written of it is copied, or,
// when the message does not come to its end, replaced: its length was announced.
// The lock is held.
func (c *Conn) part(t *transfer) {
	pieces := c.writer.batch.pieces
	for i := range pieces {
		if p := &pieces[i]; p.from == t {
			own := make([]byte, len(p.data))
			if t.taken {
				copy(own, p.data)
			}
			*p = piece{data: own}
		}
	}
	signal(t.done)
}

// wrote notes that n bytes of the body were written. The lock is held.
func (c *Conn) wrote(t *transfer, n int) {
	if t.left -= n; t.left == 0 && t.taken && !t.over {
		c.finish(t, nil)
	}
}

// next finds a transfer in the line that can go on. The lock is held.
func (c *Conn) next() (at int, ok bool) {
	w := &c.writer
	starved := false // one in front waits for credit of the connection
	for i, t := range w.line {
		switch {
		case t.begun:
			return i, true
		case starved || t.message.stalled():
		case t.message.cost() <= w.credit:
			return i, true
		default:
			starved = true // what others took would be missing here
		}
	}
	return 0, false
}

// shortRest is how much of a message goes out of turn when it is all that is left of
// it. A body of a round size and its headers are a little more than so many frames:
// with a turn for that little, 128 callers with bodies of 64 KiB all waited for the
// last of them.
const shortRest = 4 << 10

// fill adds up to batchFrames frames of the messages in the line, one of each by
// turns. The lock is held.
func (c *Conn) fill(b *batch) {
	w := &c.writer
	for range batchFrames {
		i, ok := c.next()
		if !ok {
			return
		}
		t := w.line[i]
		w.line = slices.Delete(w.line, i, i+1)
		c.frameOf(t, b)
		switch left := len(t.message.body) - t.offset; {
		case left > shortRest:
			w.line = append(w.line, t)
		case left > 0:
			w.line = slices.Insert(w.line, 0, t)
		}
	}
}

// frameOf adds the next frame of a transfer, the end of which may come with it.
// The lock is held.
func (c *Conn) frameOf(t *transfer, b *batch) {
	m := &t.message
	room := MaxPayload
	if t.begun {
		room = min(room, len(m.body)-t.offset)
		var buffer [headSize]byte
		b.copy(appendHead(buffer[:0], head{kind: kindMessage, length: room, socket: m.id}))
	} else {
		t.begun = true
		c.begin(m)
		if m.socket != nil {
			m.socket.midway = true
		}
		b.copy(m.first)
		room -= len(m.first) - headSize
		if m.copied() {
			b.copy(m.body)
			t.offset, t.left, t.taken = len(m.body), 0, true
			c.sent(m, 0)
			c.finish(t, nil)
			return
		}
	}
	more := min(room, len(m.body)-t.offset)
	b.add(piece{data: m.body[t.offset : t.offset+more], from: t})
	if t.offset += more; t.offset < len(m.body) {
		return
	}
	t.taken = true
	c.sent(m, 0)
	if t.left == 0 {
		c.finish(t, nil)
	}
}
