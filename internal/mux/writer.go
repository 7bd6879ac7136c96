package mux

import (
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPending is how much may wait to be written before Sends wait.
	maxPending = 256 << 10
	// hardPending is how much may wait with the frames that cannot wait, such
	// as answers to pings. A peer that makes more of them without reading any
	// loses its connection.
	hardPending = 2 << 20
	// keepPending is the largest buffer that a quiet connection keeps.
	keepPending = 64 << 10
	// fullBatch is how many messages of a stream are worth a write while more
	// are coming. It makes a pipelined stream a seventh faster.
	fullBatch = 32
	// maxRounds is how many writes a sender makes for others before a
	// goroutine of the connection goes on.
	maxRounds = 4
	// writeStall is how long the peer may take to accept what is written.
	writeStall = 30 * time.Second
)

// writer writes frames. Whoever finds nobody writing writes; frames that come
// meanwhile leave together in the next write.
//
// No sender ever blocks in a write: when the connection does not take all at
// once, a goroutine of the writer's own writes on.
//
// Messages are copied into out, except that a large body is written from where
// it lies, by its sender, together with what waits in out.
type writer struct {
	conn   net.Conn
	direct *directWriter // nil when conn cannot be written to without blocking
	fail   func(error)   // is told of a failed write
	own    sync.WaitGroup

	// attempted is how much of the stream a write was started with. What lies
	// beyond has certainly not reached the peer.
	attempted atomic.Uint64

	// burst is how many messages arrived with the last read. When it was more
	// than one there are others about to send.
	burst atomic.Int32

	mu      sync.Mutex // guards what follows
	out     []byte     // frames that no write was started with
	spare   []byte     // the buffer that is out next
	queued  uint64     // bytes that were ever in out
	frames  int        // in out, of messages
	crowded bool       // the last write carried several messages
	piped   bool       // a socket sent several messages without waiting for any
	writing bool
	pending bool          // later is to run
	rested  chan struct{} // closed when writing ends; nil when nobody waits for that
	err     error         // why nothing can be written any more
	waiting []*Socket     // that want room in out
	line    []*Socket     // that want to write large bodies themselves, in turn

	heads [batchFrames][headSize]byte // of large bodies; for the one that writes
}

func newWriter(conn net.Conn, fail func(error)) *writer {
	return &writer{conn: conn, direct: newDirectWriter(conn), fail: fail}
}

// put writes frames that may not wait.
func (w *writer) put(frames []byte) {
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return
	}
	if len(w.out) > hardPending {
		w.mu.Unlock()
		w.fail(violated("the peer does not read"))
		return
	}
	w.append(frames)
	w.kick()
}

// append adds to what is to be written. The lock is held.
func (w *writer) append(frames []byte) {
	w.out = append(w.out, frames...)
	w.queued += uint64(len(frames))
}

// kick sees to it that what waits is written. It is called with the lock held
// and releases it.
//
// A lone message is written at once by the goroutine that sends it. When others
// are about to follow a goroutine of the writer's own writes, after all that can
// run have run: meanwhile they add to the batch. A stream that sends without
// waiting writes a full batch itself, so that the peer begins to work on it.
func (w *writer) kick() {
	if w.writing || len(w.out) == 0 {
		w.mu.Unlock()
		return
	}
	lone := !w.crowded && !w.piped && w.burst.Load() <= 1
	if w.direct != nil && (lone || w.piped && w.frames >= fullBatch) {
		w.writing = true
		w.mu.Unlock()
		w.flush()
		return
	}
	if !w.pending && w.err == nil {
		w.pending = true
		w.own.Go(w.later)
	}
	w.mu.Unlock()
}

// later writes what waits unless somebody has meanwhile.
func (w *writer) later() {
	runtime.Gosched() // others may join
	w.mu.Lock()
	w.pending = false
	if w.writing || len(w.out) == 0 {
		w.mu.Unlock()
		return
	}
	w.writing = true
	w.mu.Unlock()
	w.block(nil, 0)
}

// flush writes until nothing waits, or until that takes too long for a
// goroutine that has other things to do. Only the goroutine that set writing
// calls it.
func (w *writer) flush() {
	for range maxRounds {
		batch := w.take()
		if batch == nil {
			return
		}
		n, err := w.direct.write(batch)
		if err != nil {
			w.broken(err)
			return
		}
		if n < len(batch) {
			w.spawn(batch, n)
			return
		}
		w.giveBack(batch)
	}
	w.spawn(nil, 0)
}

// spawn lets a goroutine write the batch from n on and what waits, unless the connection has
// ended: from then on nobody may be added to those that are waited for.
func (w *writer) spawn(batch []byte, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.own.Go(func() { w.block(batch, n) })
	} else {
		w.rest()
	}
}

// block writes the batch from n on, and then what waits, blocking.
func (w *writer) block(batch []byte, n int) {
	for {
		if batch == nil {
			if batch, n = w.take(), 0; batch == nil {
				return
			}
		}
		if err := w.writeAll(batch, n); err != nil {
			w.broken(err)
			return
		}
		w.giveBack(batch)
		batch = nil
		runtime.Gosched() // others may join
	}
}

// writeAll writes the batch from n on. Only what the connection does not take at
// once needs a deadline, which costs as much as a small message.
func (w *writer) writeAll(batch []byte, n int) (err error) {
	if w.direct != nil && n == 0 {
		if n, err = w.direct.write(batch); err != nil || n == len(batch) {
			return err
		}
	}
	w.conn.SetWriteDeadline(time.Now().Add(writeStall)) //nolint:errcheck // a closed connection fails the write
	_, err = w.conn.Write(batch[n:])
	if w.direct != nil {
		w.conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // what is written next fails if the connection is closed
	}
	return err
}

// take returns what is to be written next. When that is nothing it is nil, and
// nobody writes any more.
func (w *writer) take() []byte {
	w.mu.Lock()
	if len(w.out) == 0 || w.err != nil {
		w.rest()
		w.mu.Unlock()
		return nil
	}
	batch := w.swap()
	w.mu.Unlock()
	return batch
}

// swap returns out and puts an empty buffer in its place. The lock is held.
func (w *writer) swap() []byte {
	batch := w.out
	w.out, w.spare = w.spare[:0], nil
	w.crowded, w.frames, w.piped = w.frames > 1, 0, false
	w.attempted.Store(w.queued)
	for _, s := range w.waiting {
		s.signalRoom()
	}
	w.waiting = nil
	return batch
}

// largeBuffers are for batches of large messages. Connections share them.
var largeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, largeBuffer)
	return &b
}}

// largeBuffer is enough for maxPending and the frame that goes beyond it.
const largeBuffer = maxPending + 72<<10

// makeRoom prepares out for a large message. The lock is held.
func (w *writer) makeRoom() {
	if cap(w.out) >= largeBuffer {
		return
	}
	b := *largeBuffers.Get().(*[]byte)
	w.out = append(b, w.out...)
}

// giveBack keeps the buffer of a write that is done for a later one.
func (w *writer) giveBack(batch []byte) {
	if cap(batch) > keepPending {
		if cap(batch) == largeBuffer {
			b := batch[:0]
			largeBuffers.Put(&b)
		}
		return
	}
	w.mu.Lock()
	if w.spare == nil {
		w.spare = batch[:0]
	}
	w.mu.Unlock()
}

func (w *writer) broken(err error) {
	w.mu.Lock()
	w.rest()
	w.mu.Unlock()
	w.fail(err)
}

// rest ends writing, or hands it to the first in the line. The lock is held.
func (w *writer) rest() {
	if len(w.line) > 0 && w.err == nil {
		next := w.line[0]
		w.line = slices.Delete(w.line, 0, 1)
		next.turn = true
		next.signalRoom()
		return
	}
	w.writing = false
	if w.rested != nil {
		close(w.rested)
		w.rested = nil
	}
}

// end makes everything fail with err that is not written yet, and returns how
// much of the stream may have been.
func (w *writer) end(err error) (attempted uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.out, w.spare = nil, nil
	}
	for _, s := range slices.Concat(w.waiting, w.line) {
		s.signalRoom()
	}
	w.waiting, w.line = nil, nil
	return w.attempted.Load()
}

// last writes what waits and one more frame. When somebody is writing already it
// has them do so and waits for a short time, or does nothing unless patient.
func (w *writer) last(frame []byte, patient bool) {
	w.mu.Lock()
	if w.err != nil || w.writing && !patient {
		w.mu.Unlock()
		return
	}
	w.append(frame)
	if w.writing {
		w.awaitRest()
		return
	}
	w.writing = true
	batch := w.out
	w.out = nil
	w.attempted.Store(w.queued)
	w.mu.Unlock()
	if w.direct != nil {
		w.direct.write(batch) //nolint:errcheck // the connection ends either way
	} else {
		w.conn.SetWriteDeadline(time.Now().Add(lingerTime)) //nolint:errcheck // a closed connection fails the write
		w.conn.Write(batch)                                 //nolint:errcheck // the connection ends either way
	}
	w.mu.Lock()
	w.rest()
	w.mu.Unlock()
}

// awaitRest waits until nobody writes any more, though not for long. It is
// called with the lock held and releases it.
func (w *writer) awaitRest() {
	if w.rested == nil {
		w.rested = make(chan struct{})
	}
	rested := w.rested
	w.mu.Unlock()
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-rested:
	case <-timer.C:
	}
}
