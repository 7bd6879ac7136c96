package transport

import (
	"sync"
	"time"
)

// unwatched is how long at least, and half of how long at most, a socket leaves
// its connection unread while its user works on a message.
const unwatched = 5 * time.Millisecond

// watch is what becomes of the reading between a Watch and the next Recv. Most
// messages are answered at once, and their senders wait for the answer: a
// goroutine that reads meanwhile would be woken with every message only to wait
// again, and on an idle machine a processor with it, which costs more than all
// the rest of an exchange. So reading begins when the work takes long. Where
// something has arrived during it once, or is bound to, it begins immediately.
type watch struct {
	mu      sync.Mutex
	f       func()        // guarded by mu, as all that follows: nil without a Watch
	ahead   chan struct{} // closed by the goroutine that has read; nil when there is none to settle with
	done    bool          // it has read
	err     error         // why it could not
	calling chan struct{} // closed when it has called f; nil when it did not
	eager   bool          // something arrives while its user works
	closed  bool
	watches uint        // how many there have been
	seen    uint        // what watches was when the timer expired last
	timer   *time.Timer // nil until the first Watch that waits
	ticking bool        // the timer runs

	readers sync.WaitGroup // one for each goroutine that reads
}

// Watch makes the socket call f when a Recv has something to do: immediately if
// it belongs to a stream or something has arrived during a Watch before, else
// up to 10 ms later.
func (s *httpSocket) Watch(f func()) bool {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.done || s.first != nil || s.recvError != nil {
		return false
	}
	if w.ahead == nil && !s.reader.Idle() {
		return false
	}
	w.f, w.calling = f, nil
	w.watches++
	switch {
	case w.ahead != nil:
	case w.eager:
		s.readAhead()
	case !w.ticking:
		w.tick(s.expired)
	}
	return true
}

// tick starts the timer. It runs on from one Watch to the next, because to set
// it for each costs more than to find it expired for nothing now and then. The
// lock is held.
func (w *watch) tick(expired func()) {
	w.ticking, w.seen = true, w.watches
	if w.timer == nil {
		w.timer = time.AfterFunc(unwatched, expired)
		return
	}
	w.timer.Reset(unwatched)
}

// expired begins to read for a Watch that is as old as the timer, and lets the
// timer run on for a younger one.
func (s *httpSocket) expired() {
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticking = false
	switch {
	case w.closed || w.ahead != nil:
	case w.seen != w.watches:
		w.tick(s.expired)
	case w.f != nil:
		s.readAhead()
	}
}

// readAhead starts the goroutine that waits for the first bytes of the next
// message. It ends with the connection, and the next Recv waits until it has
// read. The lock of the watch is held.
func (s *httpSocket) readAhead() {
	w := &s.watch
	s.reader.SetDeadline(time.Time{})
	w.ahead = make(chan struct{})
	w.readers.Go(func() {
		if f, called := w.read(s.reader.ReadAhead()); f != nil {
			f()
			close(called)
		}
	})
}

// read notes how reading ahead has ended and returns what to call, and what to
// close after that.
func (w *watch) read(err error) (f func(), called chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done, w.err = true, err
	close(w.ahead)
	if f, w.f = w.f, nil; f == nil {
		return nil, nil
	}
	w.eager = w.eager || err == nil
	w.calling = make(chan struct{})
	return f, w.calling
}

// Unwatch takes a Watch back.
func (s *httpSocket) Unwatch() bool {
	w := &s.watch
	w.mu.Lock()
	watching, calling := w.f != nil, w.calling
	w.f = nil
	w.mu.Unlock()
	if calling != nil {
		<-calling
	}
	return watching
}

// stop takes a Watch back for a Recv: no goroutine begins to read any more.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = nil
}

// settle waits until the goroutine that reads has done so, if there is one, and
// returns what it met.
func (w *watch) settle() error {
	w.mu.Lock()
	ahead := w.ahead
	w.mu.Unlock()
	if ahead == nil {
		return nil
	}
	<-ahead
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.err
	w.ahead, w.done, w.err = nil, false, nil
	return err
}

// hurry makes every Watch begin to read immediately.
func (w *watch) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eager = true
}

// Pending reports whether a Recv would not wait.
func (s *httpSocket) Pending() bool {
	if s.closed.Load() {
		return true
	}
	if !s.recvMu.TryLock() {
		return false // the message will be that of the Recv under way
	}
	defer s.recvMu.Unlock()
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.first != nil || s.recvError != nil || w.err != nil:
		return true
	case w.ahead != nil && !w.done:
		return false
	}
	return s.reader.Whole()
}

// Close ends the connection and unblocks a pending Send or Recv.
func (s *httpSocket) Close() error {
	err := s.httpConn.Close()
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.f != nil && w.ahead == nil {
		s.readAhead() // it fails at once and tells of the end
	}
	return err
}

// end closes the socket and waits for the goroutines that read.
func (s *httpSocket) end() {
	s.Close()
	s.watch.readers.Wait()
}
